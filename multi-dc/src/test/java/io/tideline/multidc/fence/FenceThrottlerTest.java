package io.tideline.multidc.fence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.datastax.oss.driver.api.core.RequestThrottlingException;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.session.ProgrammaticArguments;
import com.datastax.oss.driver.api.core.session.throttling.RequestThrottler;
import com.datastax.oss.driver.api.core.session.throttling.Throttled;
import com.datastax.oss.driver.internal.core.context.DefaultDriverContext;
import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class FenceThrottlerTest {
  private static final ActorTestKit testKit =
      ActorTestKit.create(
          ConfigFactory.parseString(
                  """
                  datastax-java-driver.basic.session-name = guarded
                  datastax-java-driver.advanced.throttler.class =
                    "io.tideline.multidc.fence.FenceThrottler"
                  """)
              .withFallback(ConfigFactory.load()));
  private static final Fence fence =
      new Fence(
          new FenceSettings(Duration.ofMillis(500), Duration.ofSeconds(7), Duration.ofSeconds(10)));

  static {
    FenceThrottler.guard(testKit.system(), fence);
  }

  @AfterAll
  static void stop() {
    testKit.shutdownTestKit();
  }

  @Test
  void the_driver_lets_requests_pass_only_while_the_fence_is_open() {
    RequestThrottler throttler = throttlerOf("guarded");
    fence.countedInAt(System.nanoTime());
    assertThat(outcome(throttler)).isNull();

    fence.gone();
    assertThat(outcome(throttler)).hasMessageContaining("closed: no longer a member");
  }

  @Test
  void a_session_without_a_fence_is_left_alone() {
    assertThat(outcome(throttlerOf("another"))).isNull();
  }

  @Test
  void two_nodes_of_a_process_need_session_names_of_their_own() {
    assertThatThrownBy(() -> FenceThrottler.guard(testKit.system(), fence))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("session-name");
  }

  private static RequestThrottler throttlerOf(String session) {
    DriverConfigLoader loader =
        DriverConfigLoader.programmaticBuilder()
            .withString(DefaultDriverOption.SESSION_NAME, session)
            .withClass(DefaultDriverOption.REQUEST_THROTTLER_CLASS, FenceThrottler.class)
            .build();
    return new DefaultDriverContext(loader, ProgrammaticArguments.builder().build())
        .getRequestThrottler();
  }

  private static @Nullable RequestThrottlingException outcome(RequestThrottler throttler) {
    var request =
        new Throttled() {
          @Nullable RequestThrottlingException refused;

          @Override
          public void onThrottleReady(boolean wasDelayed) {}

          @Override
          public void onThrottleFailure(RequestThrottlingException error) {
            refused = error;
          }
        };
    throttler.register(request);
    return request.refused;
  }
}
