package io.tideline.node.ops;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.apache.pekko.Done;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.ServerBinding;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpCharsets;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpMethods;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.MediaTypes;
import org.apache.pekko.http.javadsl.model.StatusCode;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.server.AllDirectives;
import org.apache.pekko.http.javadsl.server.Route;
import org.apache.pekko.http.javadsl.server.directives.RouteAdapter;
import org.apache.pekko.http.scaladsl.model.Uri;
import org.apache.pekko.management.cluster.bootstrap.ClusterBootstrap;
import org.apache.pekko.management.cluster.javadsl.ClusterHttpManagementRoutes;
import org.apache.pekko.management.scaladsl.ManagementRouteProviderSettings;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The inner HTTP port: health, metrics, members, and the search for other nodes. */
public final class ManagementServer extends AllDirectives {
  private enum Departure implements CoordinatedShutdown.Reason {
    DRAINED
  }

  private static final Logger log = LoggerFactory.getLogger(ManagementServer.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration CLOSE_WITHIN = Duration.ofMillis(500);
  private static final String BEARER = "Bearer ";

  private final ActorSystem<?> system;
  private final ManagementSettings settings;
  private final Health health;
  private final PlacementRoutes placement;
  private final CellsRoutes cells;

  private ManagementServer(
      ActorSystem<?> system,
      ManagementSettings settings,
      Health health,
      Supplier<Optional<PlacementControl>> placement,
      Supplier<Optional<CellsControl>> cells) {
    this.system = system;
    this.settings = settings;
    this.health = health;
    this.placement = new PlacementRoutes(placement);
    this.cells = new CellsRoutes(cells);
  }

  /**
   * Binds the port, until the system shuts down; then looks for other nodes if settings say so.
   *
   * @param placement empty until the node knows where shards are
   * @param cells empty until the node knows of other cells
   */
  public static CompletionStage<ServerBinding> start(
      ActorSystem<?> system,
      ManagementSettings settings,
      Health health,
      Supplier<Optional<PlacementControl>> placement,
      Supplier<Optional<CellsControl>> cells) {
    ManagementServer server = new ManagementServer(system, settings, health, placement, cells);
    return Http.get(system)
        .newServerAt(settings.bindHost(), settings.port())
        .bind(server.routes())
        .thenApply(
            binding -> {
              if (settings.discovery()) ClusterBootstrap.get(system).start();
              // Last of all, so that operators see a node leave.
              CoordinatedShutdown.get(system)
                  .addTask(
                      CoordinatedShutdown.PhaseBeforeActorSystemTerminate(),
                      "close-management",
                      () ->
                          binding.terminate(CLOSE_WITHIN).thenApply(closed -> Done.getInstance()));
              return binding;
            });
  }

  private Route routes() {
    Route own =
        concat(
            path("alive", () -> get(() -> report("alive", health::alive))),
            path("ready", () -> get(() -> report("ready", health::ready))),
            path("degraded", () -> get(() -> report("not degraded", health::degraded))),
            path("metrics", () -> get(this::metrics)),
            path("drain", () -> post(() -> allowed(this::drain))),
            pathPrefix("placement", () -> readByAllChangedByFew(placement.routes())),
            pathPrefix("cells", () -> readByAllChangedByFew(cells.routes())),
            readByAllChangedByFew(ClusterHttpManagementRoutes.all(Cluster.get(system))));
    if (!settings.discovery()) return own;
    Uri self = Uri.apply("http://%s:%d".formatted(settings.host(), settings.port()));
    return concat(
        own,
        RouteAdapter.asJava(
            ClusterBootstrap.get(system)
                .routes(ManagementRouteProviderSettings.apply(self, true))));
  }

  /** What a question about health is answered with, in this order. */
  private record Answer(SortedMap<String, String> reasons, String status) {}

  private Route report(String goodStatus, Supplier<Health.Report> question) {
    Health.Report report = question.get();
    return json(
        report.good() ? StatusCodes.OK : StatusCodes.SERVICE_UNAVAILABLE,
        new Answer(new TreeMap<>(report.reasons()), report.good() ? goodStatus : "problems"));
  }

  private Route metrics() {
    return NodeMetrics.scrape()
        .map(
            scrape ->
                complete(
                    HttpResponse.create()
                        .withEntity(
                            HttpEntities.create(
                                MediaTypes.customWithFixedCharset(
                                        "text",
                                        "plain",
                                        HttpCharsets.UTF_8,
                                        Map.of("version", "0.0.4"),
                                        false)
                                    .toContentType(),
                                scrape))))
        .orElseGet(
            () ->
                complete(
                    StatusCodes.SERVICE_UNAVAILABLE, "Nothing is measured yet; ask again soon."));
  }

  private Route readByAllChangedByFew(Route routes) {
    return extractMethod(method -> method.equals(HttpMethods.GET) ? routes : allowed(() -> routes));
  }

  /** What only those may do who have the token. */
  private Route allowed(Supplier<Route> change) {
    return optionalHeaderValueByName("Authorization", header -> refusal(header).orElseGet(change));
  }

  private Route drain() {
    log.info("Asked over HTTP to drain");
    var unused = CoordinatedShutdown.get(system).runAll(Departure.DRAINED);
    return json(StatusCodes.ACCEPTED, Map.of("message", "The node drains, leaves and ends."));
  }

  private Optional<Route> refusal(Optional<String> header) {
    Optional<String> token = settings.token();
    if (token.isEmpty())
      return Optional.of(
          refuse(
              StatusCodes.FORBIDDEN,
              "This node has no tideline.node.management.token, so nothing can be changed here."));
    if (header.filter(value -> isBearer(value, token.get())).isPresent()) return Optional.empty();
    return Optional.of(
        refuse(
            StatusCodes.UNAUTHORIZED,
            "Send \"Authorization: Bearer\" with the token of tideline.node.management.token."));
  }

  private static boolean isBearer(String header, String token) {
    return header.startsWith(BEARER)
        && MessageDigest.isEqual(
            header.substring(BEARER.length()).getBytes(StandardCharsets.UTF_8),
            token.getBytes(StandardCharsets.UTF_8));
  }

  private Route refuse(StatusCode status, String message) {
    return json(status, Map.of("message", message));
  }

  private Route json(StatusCode status, Object body) {
    return complete(status, HttpEntities.create(ContentTypes.APPLICATION_JSON, json(body)));
  }

  static String json(Object body) {
    try {
      return JSON.writeValueAsString(body);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
