package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.v1.CellReach;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

class CellReachesTest {
  private long copiedTo;
  private boolean up = true;
  private boolean applied;
  private final Deque<CompletableFuture<BooleanSupplier>> asked = new ArrayDeque<>();
  private final CellReaches reaches =
      new CellReaches(List.of(new CellReaches.Source(2, () -> copiedTo, () -> up, this::ask)));

  private CompletableFuture<BooleanSupplier> ask() {
    CompletableFuture<BooleanSupplier> end = new CompletableFuture<>();
    asked.add(end);
    return end;
  }

  private CellReach now() {
    return reaches.now().get(0);
  }

  @Test
  void what_is_copied_is_visible_once_it_is_applied() {
    assertThat(now()).isEqualTo(CellReach.newBuilder().setCell(2).setReachable(true).build());
    copiedTo = 7;
    reaches.look();
    copiedTo = 9;
    asked.remove().complete(() -> applied);
    reaches.look();
    assertThat(now().getVisibleToMillis()).isZero();

    applied = true;
    reaches.look();
    assertThat(now().getVisibleToMillis()).as("9 came after the look at the end").isEqualTo(7);
    asked.remove().complete(() -> applied);
    reaches.look();
    assertThat(now().getVisibleToMillis()).isEqualTo(9);
  }

  @Test
  void the_broker_is_asked_once_at_a_time_and_only_for_something_new() {
    reaches.look();
    assertThat(asked).as("nothing is known to be copied").isEmpty();
    copiedTo = 7;
    reaches.look();
    reaches.look();
    assertThat(asked).hasSize(1);
    asked.remove().completeExceptionally(new IllegalStateException("away"));
    reaches.look();
    assertThat(asked).as("again after a failure").hasSize(1);
    asked.remove().complete(() -> true);
    reaches.look();
    reaches.look();
    assertThat(asked).isEmpty();
    assertThat(now().getVisibleToMillis()).isEqualTo(7);
  }

  @Test
  void a_cell_that_is_away_stays_as_visible_as_it_was() {
    copiedTo = 7;
    reaches.look();
    asked.remove().complete(() -> true);
    up = false;
    copiedTo = 0;
    reaches.look();
    assertThat(now().getReachable()).isFalse();
    assertThat(now().getVisibleToMillis()).isEqualTo(7);
  }
}
