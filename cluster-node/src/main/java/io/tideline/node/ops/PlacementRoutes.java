package io.tideline.node.ops;

import io.tideline.multidc.placement.Weights;
import io.tideline.node.ops.Topology.Node;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.apache.pekko.http.javadsl.model.StatusCodes;
import org.apache.pekko.http.javadsl.server.PathMatchers;
import org.apache.pekko.http.javadsl.server.Route;

/** Shows where shards are, and takes weights and drains of nodes and zones. */
final class PlacementRoutes extends ControlRoutes<PlacementControl> {
  PlacementRoutes(Supplier<Optional<PlacementControl>> placement) {
    super(placement);
  }

  /**
   * {@code GET /}; {@code PUT /NAME?weight=N}, {@code PUT /NAME?draining=true|false}, {@code DELETE
   * /NAME}, where a name is a node's gRPC address or a zone.
   */
  Route routes() {
    return concat(
        pathEndOrSingleSlash(() -> get(() -> whenKnown(this::show))),
        path(
            PathMatchers.segment(),
            name ->
                concat(
                    put(() -> whenKnown(control -> change(control, name))),
                    delete(() -> whenKnown(control -> forget(control, name))))));
  }

  /** What is answered, in this order. */
  private record Shown(double skew, List<ShownNode> nodes, SortedMap<String, Weights.Entry> said) {}

  private record ShownNode(
      String address,
      String zone,
      String version,
      String state,
      int weight,
      boolean draining,
      long shards) {}

  private Route show(PlacementControl control) {
    Topology topology = control.topology().current();
    Map<String, Long> shards = topology.shardCounts();
    List<ShownNode> nodes =
        topology.nodes().stream()
            .map(node -> shown(node, shards.getOrDefault(node.id(), 0L)))
            .toList();
    return json(
        StatusCodes.OK,
        new Shown(
            topology.zoneSkew(), nodes, new TreeMap<>(control.weights().current().entries())));
  }

  private static ShownNode shown(Node node, long shards) {
    return new ShownNode(
        node.grpcAddress(),
        node.availabilityZone(),
        node.version(),
        node.state().name().toLowerCase(Locale.ROOT),
        node.weight(),
        node.weight() == 0,
        shards);
  }

  private Route change(PlacementControl control, String name) {
    SortedSet<String> known = names(control.topology().current());
    if (!known.contains(name))
      return answer(
          StatusCodes.NOT_FOUND,
          "There is no node or zone %s; there are %s".formatted(name, String.join(", ", known)));
    return parameterOptional(
        "weight",
        weight ->
            parameterOptional("draining", draining -> change(control, name, weight, draining)));
  }

  private Route change(
      PlacementControl control, String name, Optional<String> weight, Optional<String> draining) {
    if (weight.isPresent() == draining.isPresent())
      return answer(StatusCodes.BAD_REQUEST, "Say either weight or draining.");
    if (draining.isPresent()) {
      if (!draining.get().matches("true|false"))
        return answer(StatusCodes.BAD_REQUEST, "draining is true or false.");
      boolean drains = Boolean.parseBoolean(draining.get());
      return done(
          control.weights().setDraining(name, drains),
          name + (drains ? " gives its shards away." : " takes shards."));
    }
    if (!weight.get().matches("[0-9]{1,4}") || Integer.parseInt(weight.get()) > Weights.MOST)
      return answer(StatusCodes.BAD_REQUEST, "weight is a number from 0 to " + Weights.MOST + ".");
    return done(
        control.weights().setWeight(name, Integer.parseInt(weight.get())),
        name + " has weight " + Integer.parseInt(weight.get()) + ".");
  }

  private Route forget(PlacementControl control, String name) {
    if (!control.weights().current().entries().containsKey(name))
      return answer(StatusCodes.NOT_FOUND, "Nothing is said about " + name + ".");
    return done(control.weights().forget(name), name + " is like others.");
  }

  private static SortedSet<String> names(Topology topology) {
    SortedSet<String> names = new TreeSet<>();
    for (Node node : topology.nodes()) {
      names.add(node.grpcAddress());
      names.add(node.availabilityZone());
    }
    return names;
  }

  private Route done(CompletionStage<Void> written, String message) {
    return whenWritten(written, StatusCodes.OK, message, "A weight could not be written");
  }
}
