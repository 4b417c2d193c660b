package io.tideline.bench.side;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class WindowTest {
  @Test
  void a_failure_is_told_instead_of_waiting_for_what_was_never_started() {
    assertTimeoutPreemptively(
        Duration.ofSeconds(5),
        () ->
            assertThatThrownBy(WindowTest::runBehindAFailure)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("over capacity"));
  }

  private static void runBehindAFailure() {
    try (var window = new Window(2)) {
      window.run(
          () -> CompletableFuture.failedFuture(new IllegalArgumentException("over capacity")));
      window.run(() -> CompletableFuture.completedFuture(null));
    }
  }
}
