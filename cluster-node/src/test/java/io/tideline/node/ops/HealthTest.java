package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class HealthTest {
  private final Health health = new Health();

  @Test
  void a_node_that_is_being_assembled_lives_but_is_not_ready() {
    assertThat(health.alive().good()).isTrue();
    assertThat(health.ready().reasons()).containsOnlyKeys("start");
    health.assembled();
    assertThat(health.ready().good()).isTrue();
  }

  @Test
  void a_node_that_is_being_assembled_says_what_it_is_at() {
    health.starting("it waits for somebody");
    assertThat(health.ready().reasons())
        .containsEntry("start", "the node is being assembled: it waits for somebody");
  }

  @Test
  void what_is_required_is_required_always() {
    AtomicReference<Optional<String>> fence = new AtomicReference<>(Optional.empty());
    health.required("fence", fence::get);
    health.assembled();
    assertThat(health.ready().good()).isTrue();

    fence.set(Optional.of("closed"));
    assertThat(health.ready().reasons()).containsExactly(java.util.Map.entry("fence", "closed"));
  }

  @Test
  void a_node_that_leaves_is_never_ready_again() {
    health.assembled();
    assertThat(health.ready().good()).isTrue();
    health.leaving();
    assertThat(health.ready().reasons()).containsOnlyKeys("leaving");
    health.assembled();
    assertThat(health.ready().good()).isFalse();
    assertThat(health.alive().good()).isTrue();
  }

  @Test
  void what_degrades_does_not_take_away_readiness() {
    health.degrading("log", () -> Optional.of("lagging"));
    health.assembled();
    assertThat(health.ready().good()).isTrue();
    assertThat(health.degraded().reasons()).containsEntry("log", "lagging");
  }

  @Test
  void a_check_that_fails_is_a_reason() {
    health.alive(
        "broken",
        () -> {
          throw new IllegalStateException("no idea");
        });
    assertThat(health.alive().reasons().get("broken")).contains("no idea");
  }
}
