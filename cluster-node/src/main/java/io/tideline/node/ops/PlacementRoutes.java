package io.tideline.node.ops;

import io.tideline.multidc.placement.Weights;
import io.tideline.multidc.placement.Weights.Entry;
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
import java.util.stream.Collectors;
import java.util.stream.Stream;
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
  private record Shown(double skew, List<ShownNode> nodes, SortedMap<String, Entry> said) {}

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
    if (!known.contains(name) && !control.weights().current().entries().containsKey(name))
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
    Entry said = control.weights().current().entry(name);
    if (draining.isPresent()) {
      if (!draining.get().matches("true|false"))
        return answer(StatusCodes.BAD_REQUEST, "draining is true or false.");
      boolean drains = Boolean.parseBoolean(draining.get());
      return done(
          control.weights().setDraining(name, drains),
          drains
              ? name + " gives its shards away."
              : unless(
                  held(control, name, new Entry(said.weight(), false)),
                  name + " takes shards",
                  name + " is not drained any more"));
    }
    if (!weight.get().matches("[0-9]{1,4}") || Integer.parseInt(weight.get()) > Weights.MOST)
      return answer(StatusCodes.BAD_REQUEST, "weight is a number from 0 to " + Weights.MOST + ".");
    int number = Integer.parseInt(weight.get());
    String has = name + " has weight " + number;
    return done(
        control.weights().setWeight(name, number),
        number == 0
            ? has + "."
            : unless(held(control, name, new Entry(number, said.draining())), has, has));
  }

  private static String unless(String held, String done, String doneOnly) {
    return held.isEmpty() ? done + "." : doneOnly + ", but " + held + ".";
  }

  /** By what, once the entry is written. */
  private static String held(PlacementControl control, String name, Entry entry) {
    return whatHolds(
        name, control.weights().current().with(name, entry), control.topology().current().nodes());
  }

  /** What keeps a node, or nodes of a zone, from taking shards; empty when nothing does. */
  static String whatHolds(String name, Weights said, List<Node> nodes) {
    Stream<String> others =
        nodes.stream()
            .filter(node -> List.of(node.grpcAddress(), node.availabilityZone()).contains(name))
            .flatMap(node -> Stream.of(node.availabilityZone(), node.grpcAddress()));
    return Stream.concat(Stream.of(name), others)
        .distinct()
        .filter(each -> said.entry(each).effective() == 0)
        .map(each -> each + (said.entry(each).draining() ? " is drained" : " has weight 0"))
        .collect(Collectors.joining(", "));
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
