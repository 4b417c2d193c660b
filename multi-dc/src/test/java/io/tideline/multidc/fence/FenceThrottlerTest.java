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
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
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
    List<Asked> asked = Stream.generate(Asked::new).limit(2_000).toList();
    asked.forEach(throttler::register);
    assertThat(asked).noneMatch(request -> request.refused != null);

    fence.gone();
    throttler.signalSuccess(asked.get(0));
    assertThat(asked)
        .as("in their turn")
        .allMatch(request -> request.begun != (request.refused != null));
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

  @Test
  void what_a_connection_does_not_take_waits_and_goes_in_its_turn() {
    RequestThrottler throttler = throttlerOf("busy");
    List<Asked> asked = Stream.generate(Asked::new).limit(5_000).toList();
    asked.forEach(throttler::register);
    assertThat(asked).filteredOn(request -> request.begun).hasSizeBetween(900, 1_024);
    assertThat(asked).noneMatch(request -> request.refused != null);
    Asked last = asked.get(4_999);
    throttler.signalTimeout(last);
    for (Asked request : asked.subList(0, 4_999)) {
      assertThat(request.begun).isTrue();
      throttler.signalSuccess(request);
    }
    assertThat(last.begun).isFalse();
    var next = new Asked();
    throttler.register(next);
    assertThat(next.begun).isTrue();
  }

  @Test
  void when_very_many_wait_further_ones_are_refused() throws IOException {
    RequestThrottler throttler = throttlerOf("crowded");
    List<Asked> asked = Stream.generate(Asked::new).limit(102_000).toList();
    asked.forEach(throttler::register);
    assertThat(asked.get(101_999).refused).hasMessageContaining("wait already");
    throttler.close();
    assertThat(asked).allMatch(request -> request.begun != (request.refused != null));
  }

  private static @Nullable RequestThrottlingException outcome(RequestThrottler throttler) {
    var request = new Asked();
    throttler.register(request);
    return request.refused;
  }

  private static final class Asked implements Throttled {
    boolean begun;
    @Nullable RequestThrottlingException refused;

    @Override
    public void onThrottleReady(boolean wasDelayed) {
      begun = true;
    }

    @Override
    public void onThrottleFailure(RequestThrottlingException error) {
      refused = error;
    }
  }
}
