package io.tideline.node.ops;

import io.tideline.multidc.backfill.Given;
import io.tideline.multidc.backfill.Wanted;
import io.tideline.multidc.log.OtherCell;
import io.tideline.multidc.mirror.SourceCell;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.StatusCode;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.server.AllDirectives;
import org.apache.pekko.http.javadsl.server.PathMatchers;
import org.apache.pekko.http.javadsl.server.Route;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Shows how far other cells have come here, and has them say again what they know. */
final class CellsRoutes extends AllDirectives {
  private static final Logger log = LoggerFactory.getLogger(CellsRoutes.class);

  private final Supplier<Optional<CellsControl>> cells;

  CellsRoutes(Supplier<Optional<CellsControl>> cells) {
    this.cells = cells;
  }

  /** {@code GET /}; {@code POST /NAME/backfill}, where a name is that of another cell. */
  Route routes() {
    return concat(
        pathEndOrSingleSlash(() -> get(() -> whenKnown(this::show))),
        path(
            PathMatchers.segment().slash("backfill"),
            name -> post(() -> whenKnown(control -> backfill(control, name)))));
  }

  private Route whenKnown(Function<CellsControl, Route> route) {
    return cells
        .get()
        .map(route)
        .orElseGet(
            () -> answer(StatusCodes.SERVICE_UNAVAILABLE, "This node is still being assembled."));
  }

  /** What is answered, in this order. */
  private record Shown(List<ShownCell> cells) {}

  /**
   * @param backfill what is brought here, or was last
   * @param saying what is said again for that cell, or was last
   */
  private record ShownCell(
      String cell,
      int number,
      String state,
      long notCopied,
      long notApplied,
      @Nullable ShownBackfill backfill,
      @Nullable ShownSaying saying) {}

  private record ShownBackfill(boolean done, String since, String reason, long posts, long users) {}

  private record ShownSaying(boolean done, long posts, long users) {}

  private Route show(CellsControl control) {
    return json(
        StatusCodes.OK,
        new Shown(control.others().stream().map(other -> shown(control, other)).toList()));
  }

  private static ShownCell shown(CellsControl control, OtherCell other) {
    SourceCell source = control.sources().apply(other);
    return new ShownCell(
        other.name(),
        other.number(),
        source.state().name().toLowerCase(Locale.ROOT),
        source.lagLines(),
        control.notApplied().applyAsLong(other),
        control.backfills().wanted().stream()
            .filter(wanted -> wanted.source() == other.number())
            .findFirst()
            .map(CellsRoutes::shown)
            .orElse(null),
        control.backfills().given().stream()
            .filter(given -> given.cell() == other.number())
            .findFirst()
            .map(CellsRoutes::shown)
            .orElse(null));
  }

  private static ShownBackfill shown(Wanted wanted) {
    return new ShownBackfill(
        !wanted.open(),
        Instant.ofEpochMilli(wanted.sinceMillis()).toString(),
        wanted.reason(),
        wanted.posts(),
        wanted.users());
  }

  private static ShownSaying shown(Given given) {
    return new ShownSaying(given.done(), given.posts(), given.users());
  }

  private Route backfill(CellsControl control, String name) {
    Optional<OtherCell> source =
        control.others().stream().filter(other -> other.name().equals(name)).findFirst();
    if (source.isEmpty()) {
      return answer(
          StatusCodes.NOT_FOUND,
          "This cell copies no cell %s; it copies %s"
              .formatted(
                  name,
                  control.others().isEmpty()
                      ? "none"
                      : control.others().stream()
                          .map(OtherCell::name)
                          .collect(Collectors.joining(", "))));
    }
    return onComplete(
        control.backfills().ask(source.get(), "an operator has asked for it"),
        result -> {
          if (result.isSuccess()) {
            return answer(StatusCodes.ACCEPTED, name + " will say again all that it knows.");
          }
          log.warn("A back-fill could not be asked for", result.failed().get());
          return answer(StatusCodes.SERVICE_UNAVAILABLE, "Cassandra did not take it; try again.");
        });
  }

  private Route answer(StatusCode status, String message) {
    return json(status, Map.of("message", message));
  }

  private Route json(StatusCode status, Object body) {
    return complete(
        status, HttpEntities.create(ContentTypes.APPLICATION_JSON, ManagementServer.json(body)));
  }
}
