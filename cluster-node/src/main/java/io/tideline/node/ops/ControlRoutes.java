package io.tideline.node.ops;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.StatusCode;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.server.AllDirectives;
import org.apache.pekko.http.javadsl.server.Route;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Routes of the management port to something that is there once the node has been assembled. */
abstract class ControlRoutes<C> extends AllDirectives {
  private final Logger log = LoggerFactory.getLogger(getClass());
  private final Supplier<Optional<C>> control;

  ControlRoutes(Supplier<Optional<C>> control) {
    this.control = control;
  }

  final Route whenKnown(Function<C, Route> route) {
    return control
        .get()
        .map(route)
        .orElseGet(
            () -> answer(StatusCodes.SERVICE_UNAVAILABLE, "This node is still being assembled."));
  }

  /**
   * Answers once something has been written to Cassandra.
   *
   * @param failure what is logged when it has not
   */
  final Route whenWritten(
      CompletionStage<Void> written, StatusCode status, String message, String failure) {
    return onComplete(
        written,
        result -> {
          if (result.isSuccess()) return answer(status, message);
          log.warn(failure, result.failed().get());
          return answer(StatusCodes.SERVICE_UNAVAILABLE, "Cassandra did not take it; try again.");
        });
  }

  final Route answer(StatusCode status, String message) {
    return json(status, Map.of("message", message));
  }

  final Route json(StatusCode status, Object body) {
    return complete(
        status, HttpEntities.create(ContentTypes.APPLICATION_JSON, ManagementServer.json(body)));
  }
}
