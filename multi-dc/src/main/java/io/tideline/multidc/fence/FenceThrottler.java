package io.tideline.multidc.fence;

import com.datastax.oss.driver.api.core.RequestThrottlingException;
import com.datastax.oss.driver.api.core.context.DriverContext;
import com.datastax.oss.driver.api.core.session.throttling.RequestThrottler;
import com.datastax.oss.driver.api.core.session.throttling.Throttled;
import com.typesafe.config.Config;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.actor.typed.ActorSystem;
import org.jspecify.annotations.Nullable;

/**
 * Keeps requests to Cassandra back while the node's {@link Fence} is closed, and lets only so many
 * be under way as a connection takes; more wait, and when very many wait, further ones fail.
 *
 * <p>A write that was decided on just before a pause stops here, in the last line of code that is
 * ours to shape. The driver makes the throttler, so the two meet by the session's name.
 */
public final class FenceThrottler implements RequestThrottler {
  private static final Map<String, Fence> FENCES = new ConcurrentHashMap<>();

  // A connection takes 1,024, and refuses more as if the server were away; some are not counted
  // here, such as the driver's own.
  private static final int MOST = 960;
  private static final int MOST_WAITING = 100_000;

  private final String session;
  private final AtomicInteger underWay = new AtomicInteger();
  private final AtomicInteger turns = new AtomicInteger();
  private final LinkedBlockingQueue<Throttled> waiting = new LinkedBlockingQueue<>(MOST_WAITING);

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
    if (waiting.isEmpty() && underWay.get() < MOST) {
      start(request, false);
    } else if (waiting.offer(request)) {
      next();
    } else {
      request.onThrottleFailure(
          new RequestThrottlingException(MOST_WAITING + " requests to Cassandra wait already"));
    }
  }

  /** What has waited is judged by the fence as it is when its turn comes. */
  private void start(Throttled request, boolean waited) {
    @Nullable Fence fence = FENCES.get(session);
    if (fence == null || fence.passable()) {
      underWay.incrementAndGet();
      request.onThrottleReady(waited);
    } else {
      request.onThrottleFailure(
          new RequestThrottlingException("The fence of this node is " + fence.state()));
    }
  }

  private void ended() {
    underWay.decrementAndGet();
    next();
  }

  /** One thread at a time, and no deeper when a request ends while it is started. */
  private void next() {
    if (turns.getAndIncrement() > 0) return;
    int seen;
    do {
      seen = turns.get();
      while (underWay.get() < MOST) {
        Throttled request = waiting.poll();
        if (request == null) break;
        start(request, true);
      }
    } while (turns.addAndGet(-seen) > 0);
  }

  @Override
  public void signalSuccess(Throttled request) {
    ended();
  }

  @Override
  public void signalError(Throttled request, Throwable error) {
    ended();
  }

  /** It may time out before its turn has come. */
  @Override
  public void signalTimeout(Throttled request) {
    if (!waiting.remove(request)) ended();
  }

  @Override
  public void close() {
    for (Throttled request; (request = waiting.poll()) != null; ) {
      request.onThrottleFailure(new RequestThrottlingException("the session is closed"));
    }
  }
}
