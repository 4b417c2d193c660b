package io.tideline.node.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Restarts the nodes of a cluster that {@code up} runs from another build: one at a time, the
 * oldest last because the coordinator of the shards lives there, and back again when a bound is
 * passed. The next one goes when shards have moved to the one before: otherwise the last one has
 * all of them when it goes.
 */
final class RollingUpgrade {
  /**
   * How to go about it.
   *
   * @param ready how long a node may take until it is ready
   * @param settle how long the probe watches a node that is ready before the next one, at least
   */
  record Plan(Path build, UpgradeProbe.Bounds bounds, Duration ready, Duration settle) {}

  /** How it ended. */
  enum Outcome {
    UPGRADED,
    ROLLED_BACK
  }

  private static final Duration BEFORE = Duration.ofSeconds(5);
  private static final Duration TO_BE_WELL = Duration.ofSeconds(30);
  private static final Duration TO_LEAVE = Duration.ofSeconds(75);
  private static final Duration TO_GET_SHARDS = Duration.ofMinutes(1);
  private static final Duration TO_ASK = Duration.ofSeconds(2);

  private final Path control;
  private final Plan plan;
  private final Consumer<String> report;

  /** Of the first node that has gone: the others get the same, whatever is built meanwhile. */
  private @Nullable String classPath;

  RollingUpgrade(Path control, Plan plan, Consumer<String> report) {
    this.control = control;
    this.plan = plan;
    this.report = report;
  }

  /** Makes starts of the build cheap, before anything is touched. */
  void prepare() {
    long begin = System.nanoTime();
    nodes();
    ask(null, plan.build(), null, TO_LEAVE);
    report.accept(
        String.format(Locale.ROOT, "Prepared in %.1f s", (System.nanoTime() - begin) / 1e9));
  }

  Outcome run() {
    List<ClusterControl.Node> nodes = oldestLast(nodes());
    List<String> addresses = nodes.stream().map(ClusterControl.Node::grpcAddress).toList();
    List<ClusterControl.Node> restarted = new ArrayList<>();
    try (UpgradeProbe probe = UpgradeProbe.start(addresses, plan.bounds());
        FeedClient client = FeedClient.of(addresses, TO_ASK)) {
      watchBefore(probe);
      for (ClusterControl.Node node : nodes) {
        restarted.add(node);
        Optional<String> trouble = upgrade(node, probe, client);
        if (trouble.isPresent()) {
          report.accept("Rolling back: " + trouble.get());
          rollBack(restarted);
          return Outcome.ROLLED_BACK;
        }
      }
    }
    return Outcome.UPGRADED;
  }

  private List<ClusterControl.Node> nodes() {
    List<ClusterControl.Node> nodes = ask(null, null, null, TO_LEAVE).nodes();
    if (nodes.size() > 1) return nodes;
    throw new CommandFailure(
        ExitCode.USAGE,
        "an upgrade restarts one node while another one serves, and this cluster has one node:"
            + " stop it, and start it from the other build");
  }

  /** A cluster that has just started may be slow at first. */
  private void watchBefore(UpgradeProbe probe) {
    long giveUpAt = System.nanoTime() + TO_BE_WELL.toNanos();
    Optional<String> complaint;
    do {
      probe.reset();
      pause(BEFORE);
      complaint = probe.complaint();
    } while (complaint.isPresent() && System.nanoTime() < giveUpAt);
    if (complaint.isPresent()) {
      throw new CommandFailure(
          ExitCode.UNAVAILABLE,
          "the cluster is not well, so nothing was changed: " + complaint.get());
    }
    report.accept("Before: " + probe.seen());
  }

  /** What speaks against going on. */
  private Optional<String> upgrade(
      ClusterControl.Node node, UpgradeProbe probe, FeedClient client) {
    ShardShare share = ShardShare.of(node, client);
    probe.reset();
    CompletableFuture<ClusterControl.Answer> restart =
        CompletableFuture.supplyAsync(() -> ask(node, plan.build(), classPath, TO_LEAVE));
    Optional<String> complaint = watchUntil(restart::isDone, probe);
    if (complaint.isPresent()) return complaint;
    ClusterControl.Answer answer = joined(restart);
    if (answer.failure() != null) return Optional.of(answer.failure());
    report.accept(told(node, answer));
    classPath = now(node, answer).classPath();
    long readyAt = System.nanoTime();
    complaint =
        watchUntil(
            () ->
                passed(readyAt, plan.settle())
                    && (share.reached() || passed(readyAt, TO_GET_SHARDS)),
            probe);
    if (complaint.isPresent()) return complaint;
    report.accept(
        String.format(
            Locale.ROOT,
            "   %d shards on it after %.1f s; %s",
            share.shards(),
            (System.nanoTime() - readyAt) / 1e9,
            probe.seen()));
    return Optional.empty();
  }

  private static Optional<String> watchUntil(BooleanSupplier done, UpgradeProbe probe) {
    Optional<String> complaint = Optional.empty();
    while (complaint.isEmpty() && !done.getAsBoolean()) {
      pause(Duration.ofMillis(100));
      complaint = probe.complaint();
    }
    return complaint;
  }

  private static boolean passed(long since, Duration time) {
    return System.nanoTime() - since >= time.toNanos();
  }

  /**
   * Restarts nodes from the builds that they had, the last one first, and does not wait for
   * anything but that they are ready.
   *
   * @param restarted as they were before
   */
  void rollBack(List<ClusterControl.Node> restarted) {
    List<ClusterControl.Node> newestFirst = new ArrayList<>(restarted);
    Collections.reverse(newestFirst);
    for (ClusterControl.Node node : newestFirst) {
      ClusterControl.Answer answer = ask(node, Path.of(node.build()), node.classPath(), TO_LEAVE);
      if (answer.failure() != null) {
        throw new CommandFailure(
            ExitCode.FAILED,
            "%s could not be rolled back, the cluster runs two builds: %s"
                .formatted(node.name(), answer.failure()));
      }
      report.accept(told(node, answer));
    }
  }

  private static String told(ClusterControl.Node node, ClusterControl.Answer answer) {
    return String.format(
        Locale.ROOT,
        "%s runs %s: it left in %.1f s and was ready %.1f s later",
        node.name(),
        now(node, answer).build(),
        answer.stoppedMillis() / 1e3,
        answer.readyMillis() / 1e3);
  }

  private static ClusterControl.Node now(ClusterControl.Node node, ClusterControl.Answer answer) {
    return answer.nodes().stream()
        .filter(n -> n.name().equals(node.name()))
        .findFirst()
        .orElse(node);
  }

  private ClusterControl.Answer ask(
      ClusterControl.@Nullable Node node,
      @Nullable Path build,
      @Nullable String classPath,
      Duration toLeave) {
    return ClusterControl.ask(
        control,
        new ClusterControl.Request(
            node == null ? null : node.name(),
            build == null ? null : build.toAbsolutePath().toString(),
            classPath,
            toLeave.toMillis(),
            plan.ready().toMillis()));
  }

  private static ClusterControl.Answer joined(CompletableFuture<ClusterControl.Answer> answer) {
    try {
      return answer.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof CommandFailure failure) throw failure;
      throw e;
    }
  }

  /** The last one coordinates the shards. */
  static List<ClusterControl.Node> oldestLast(List<ClusterControl.Node> nodes) {
    List<String> managed =
        nodes.stream().map(node -> NodeProcess.LOOPBACK + ":" + node.managementPort()).toList();
    String oldest = new ManagementClient(managed, "").oldest();
    return nodes.stream()
        .sorted(Comparator.comparing(node -> oldest.endsWith("@" + node.clusterAddress())))
        .toList();
  }

  private static void pause(Duration duration) {
    try {
      TimeUnit.MILLISECONDS.sleep(duration.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure(ExitCode.FAILED, "interrupted: the cluster may run two builds");
    }
  }
}
