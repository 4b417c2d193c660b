package io.tideline.persistence.posts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class InFlightTest {
  @Test
  void nothing_to_do_is_done() {
    assertThat(start(new InFlight<>(2, n -> CompletableFuture.completedStage(n)), List.of()))
        .isCompleted();
  }

  @Test
  void no_more_than_the_limit_run_at_a_time() {
    List<CompletableFuture<String>> running = new ArrayList<>();
    InFlight<Integer> tasks = new InFlight<>(2, n -> begin(running));
    CompletableFuture<Void> done = start(tasks, List.of(1, 2, 3));
    assertThat(running).hasSize(2);
    running.get(1).complete("done");
    assertThat(running).hasSize(3);
    assertThat(done).isNotDone();
    running.get(0).complete("done");
    running.get(2).complete("done");
    assertThat(done).isCompleted();
  }

  @Test
  void the_first_failure_ends_it_and_starts_nothing_more() {
    List<CompletableFuture<String>> running = new ArrayList<>();
    InFlight<Integer> tasks = new InFlight<>(1, n -> begin(running));
    CompletableFuture<Void> done = start(tasks, List.of(1, 2, 3));
    running.get(0).completeExceptionally(new IllegalStateException("away"));
    assertThatThrownBy(done::join).hasRootCauseMessage("away");
    assertThat(running).hasSize(1);
  }

  @Test
  void what_is_added_after_a_failure_is_not_started() {
    List<CompletableFuture<String>> running = new ArrayList<>();
    InFlight<Integer> tasks = new InFlight<>(2, n -> begin(running));
    CompletableFuture<Void> done = start(tasks, List.of(1, 2));
    running.get(0).completeExceptionally(new IllegalStateException("away"));
    tasks.add(3);
    running.get(1).complete("done");
    assertThat(done).isCompletedExceptionally();
    assertThat(running).hasSize(2);
  }

  @Test
  void very_many_tasks_that_end_at_once_do_not_exhaust_the_stack() {
    AtomicInteger ended = new AtomicInteger();
    InFlight<Integer> tasks =
        new InFlight<>(3, n -> CompletableFuture.completedStage(ended.incrementAndGet()));
    assertThat(start(tasks, IntStream.range(0, 200_000).boxed().toList())).isCompleted();
    assertThat(ended).hasValue(200_000);
  }

  @Test
  void tasks_that_others_add_are_done_too_whatever_thread_they_end_on() {
    AtomicInteger ended = new AtomicInteger();
    List<InFlight<Integer>> self = new ArrayList<>();
    self.add(
        new InFlight<>(
            4,
            depth ->
                CompletableFuture.runAsync(
                    () -> {
                      ended.incrementAndGet();
                      if (depth > 0) {
                        self.get(0).add(depth - 1);
                        self.get(0).add(depth - 1);
                      }
                    })));
    start(self.get(0), List.of(12, 12)).orTimeout(20, TimeUnit.SECONDS).join();
    assertThat(ended).hasValue(2 * ((1 << 13) - 1));
  }

  private static <T> CompletableFuture<Void> start(InFlight<T> tasks, List<T> first) {
    return tasks.start(first).toCompletableFuture();
  }

  private static CompletionStage<String> begin(List<CompletableFuture<String>> running) {
    CompletableFuture<String> task = new CompletableFuture<>();
    running.add(task);
    return task;
  }
}
