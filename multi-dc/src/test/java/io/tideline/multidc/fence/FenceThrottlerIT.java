package io.tideline.multidc.fence;

import static org.assertj.core.api.Assertions.assertThatCode;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalStack;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class FenceThrottlerIT {
  @Test
  void more_requests_at_once_than_a_connection_takes_are_all_answered() {
    try (CqlSession session =
        CqlSession.builder()
            .addContactPoint(LocalStack.shared().cassandra().address())
            .withLocalDatacenter(LocalCassandra.DATA_CENTER)
            .withConfigLoader(
                DriverConfigLoader.programmaticBuilder()
                    .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(60))
                    .withClass(DefaultDriverOption.REQUEST_THROTTLER_CLASS, FenceThrottler.class)
                    .build())
            .build()) {
      CompletableFuture<?>[] answers =
          Stream.generate(() -> session.executeAsync("SELECT * FROM system.local"))
              .limit(5_000)
              .map(answer -> answer.toCompletableFuture())
              .toArray(CompletableFuture[]::new);
      assertThatCode(CompletableFuture.allOf(answers)::join).doesNotThrowAnyException();
    }
  }
}
