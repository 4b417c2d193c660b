package io.tideline.bench.side;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;

class ThrottleTest {
  private final Throttle throttle = new Throttle(2);
  private final List<CompletableFuture<String>> started = new ArrayList<>();

  private CompletableFuture<String> run() {
    return throttle.run(this::start).toCompletableFuture();
  }

  private CompletionStage<String> start() {
    var task = new CompletableFuture<String>();
    started.add(task);
    return task;
  }

  @Test
  void a_task_without_room_has_its_turn_when_another_one_ends_however_it_ends() {
    CompletableFuture<String> first = run();
    CompletableFuture<String> second = run();
    CompletableFuture<String> third = run();
    CompletableFuture<String> fourth = run();
    assertThat(started).hasSize(2);

    started.get(0).completeExceptionally(new IllegalStateException("away"));
    assertThat(first).isCompletedExceptionally();
    assertThat(started).hasSize(3);

    started.get(1).complete("second");
    assertThat(second).isCompletedWithValue("second");
    assertThat(started).hasSize(4);
    assertThat(third).isNotDone();
    assertThat(fourth).isNotDone();
  }
}
