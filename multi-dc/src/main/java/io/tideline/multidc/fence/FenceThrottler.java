package io.tideline.multidc.fence;

import com.datastax.oss.driver.api.core.RequestThrottlingException;
import com.datastax.oss.driver.api.core.context.DriverContext;
import com.datastax.oss.driver.api.core.session.throttling.RequestThrottler;
import com.datastax.oss.driver.api.core.session.throttling.Throttled;
import com.typesafe.config.Config;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.pekko.actor.typed.ActorSystem;
import org.jspecify.annotations.Nullable;

/**
 * Keeps requests to Cassandra back while the node's {@link Fence} is closed.
 *
 * <p>A write that was decided on just before a pause stops here, in the last line of code that is
 * ours to shape. The driver makes the throttler, so the two meet by the session's name.
 */
public final class FenceThrottler implements RequestThrottler {
  private static final Map<String, Fence> FENCES = new ConcurrentHashMap<>();

  private final String session;

  /** Called by the driver. */
  public FenceThrottler(DriverContext context) {
    session = context.getSessionName();
  }

  static void guard(ActorSystem<?> system, Fence fence) {
    Config config = system.settings().config();
    String throttler = "datastax-java-driver.advanced.throttler.class";
    if (!config.hasPath(throttler)
        || !config.getString(throttler).equals(FenceThrottler.class.getName())) return;
    String session = config.getString("datastax-java-driver.basic.session-name");
    if (FENCES.putIfAbsent(session, fence) != null)
      throw new IllegalStateException(
          "datastax-java-driver.basic.session-name is \"%s\" for two nodes of this process, expected a name for each"
              .formatted(session));
    system.getWhenTerminated().whenComplete((done, failure) -> FENCES.remove(session, fence));
  }

  @Override
  public void register(Throttled request) {
    @Nullable Fence fence = FENCES.get(session);
    if (fence == null || fence.passable()) request.onThrottleReady(false);
    else
      request.onThrottleFailure(
          new RequestThrottlingException("The fence of this node is " + fence.state()));
  }

  @Override
  public void signalSuccess(Throttled request) {}

  @Override
  public void signalError(Throttled request, Throwable error) {}

  @Override
  public void signalTimeout(Throttled request) {}

  @Override
  public void close() {}
}
