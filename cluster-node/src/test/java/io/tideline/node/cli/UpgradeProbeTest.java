package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class UpgradeProbeTest {
  private static final Duration TO_JUDGE = Duration.ofSeconds(30);

  private static UpgradeProbe probe(StubCluster cluster, Duration p99) {
    return UpgradeProbe.start(cluster.addresses(), new UpgradeProbe.Bounds(1, p99));
  }

  private static Optional<String> firstComplaint(UpgradeProbe probe) {
    return await().atMost(TO_JUDGE).until(probe::complaint, Optional::isPresent);
  }

  @Test
  void nothing_is_said_against_a_cluster_that_answers() {
    try (var cluster = StubCluster.ofNodes(2);
        var probe = probe(cluster, Duration.ofSeconds(5))) {
      await().atMost(TO_JUDGE).until(() -> probe.seen().reads() >= 80);
      assertThat(probe.complaint()).isEmpty();
    }
  }

  @Test
  void reads_that_fail_are_too_many_soon() {
    try (var cluster = StubCluster.ofNodes(2);
        var probe = probe(cluster, Duration.ofSeconds(5))) {
      cluster.failNext(Integer.MAX_VALUE);
      assertThat(firstComplaint(probe).orElseThrow())
          .contains("too many reads fail", "UNAVAILABLE");
    }
  }

  @Test
  void reads_that_are_late_are_noticed() {
    try (var cluster = StubCluster.ofNodes(2);
        var probe = probe(cluster, Duration.ofMillis(100))) {
      cluster.answerAfter(Duration.ofMillis(150));
      assertThat(firstComplaint(probe).orElseThrow()).contains("late");
    }
  }

  @Test
  void what_was_before_is_forgotten() {
    try (var cluster = StubCluster.ofNodes(2);
        var probe = probe(cluster, Duration.ofMillis(100))) {
      cluster.answerAfter(Duration.ofMillis(150));
      firstComplaint(probe);
      cluster.answerAfter(Duration.ZERO);
      probe.reset();
      assertThat(probe.complaint()).isEmpty();
    }
  }
}
