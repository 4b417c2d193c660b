package io.tideline.node.ops;

import io.tideline.multidc.backfill.Given;
import io.tideline.multidc.backfill.Wanted;
import io.tideline.multidc.log.OtherCell;
import io.tideline.multidc.mirror.SourceCell;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.server.PathMatchers;
import org.apache.pekko.http.javadsl.server.Route;
import org.jspecify.annotations.Nullable;

/** Shows how far other cells have come here, and has them say again what they know. */
final class CellsRoutes extends ControlRoutes<CellsControl> {
  CellsRoutes(Supplier<Optional<CellsControl>> cells) {
    super(cells);
  }

  /** {@code GET /}; {@code POST /NAME/backfill}, where a name is that of another cell. */
  Route routes() {
    return concat(
        pathEndOrSingleSlash(() -> get(() -> whenKnown(this::show))),
        path(
            PathMatchers.segment().slash("backfill"),
            name -> post(() -> whenKnown(control -> backfill(control, name)))));
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
    return whenWritten(
        control.backfills().ask(source.get(), "an operator has asked for it"),
        StatusCodes.ACCEPTED,
        name + " will say again all that it knows.",
        "A back-fill could not be asked for");
  }
}
