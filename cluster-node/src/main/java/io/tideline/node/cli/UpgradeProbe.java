package io.tideline.node.cli;

import io.grpc.Status;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Reads feeds of users of its own at a fixed rate, as a client that tries again, and tells when too
 * many reads of the last seconds failed or were late.
 */
final class UpgradeProbe implements AutoCloseable {
  /**
   * What is tolerated.
   *
   * @param errorPercent of the reads that may fail, tries again included
   * @param p99 counted from when a read should have been sent
   */
  record Bounds(double errorPercent, Duration p99) {}

  /** What was seen. */
  record Seen(int reads, int failed, Duration p99) {
    @Override
    public String toString() {
      return String.format(
          Locale.ROOT, "%d reads, %d failed, p99 %d ms", reads, failed, p99.toMillis());
    }
  }

  private static final int READS_PER_SECOND = 20;
  private static final int USERS = 40;
  private static final int WINDOW = 10 * READS_PER_SECOND;
  private static final int ENOUGH = 3 * READS_PER_SECOND;
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  private record Read(long nanos, boolean failed) {}

  private final FeedClient client;
  private final Bounds bounds;
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(UpgradeProbe::daemon);
  private final ArrayDeque<Read> recent = new ArrayDeque<>();
  private final long startedAt = System.nanoTime();
  private long sent;
  private Status lastFailure = Status.OK;

  private UpgradeProbe(FeedClient client, Bounds bounds) {
    this.client = client;
    this.bounds = bounds;
  }

  /** Reads until closed. */
  static UpgradeProbe start(List<String> grpcAddresses, Bounds bounds) {
    var probe = new UpgradeProbe(FeedClient.of(grpcAddresses, PATIENCE), bounds);
    var unused =
        probe.clock.scheduleAtFixedRate(
            probe::read, 0, 1_000_000_000L / READS_PER_SECOND, TimeUnit.NANOSECONDS);
    return probe;
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "upgrade-probe");
    thread.setDaemon(true);
    return thread;
  }

  private void read() {
    long due = startedAt + sent * 1_000_000_000L / READS_PER_SECOND;
    String user = "upgrade.probe." + sent++ % USERS;
    var unused =
        client
            .send(Methods.READ_FEED, ReadFeedRequest.newBuilder().setUserId(user).build())
            .whenComplete((page, failure) -> note(System.nanoTime() - due, failure));
  }

  private synchronized void note(long nanos, @Nullable Throwable failure) {
    if (failure != null) lastFailure = Status.fromThrowable(failure);
    recent.addLast(new Read(nanos, failure != null));
    if (recent.size() > WINDOW) recent.removeFirst();
  }

  /** Forgets what was seen before. */
  synchronized void reset() {
    recent.clear();
  }

  /** What was seen of late. */
  synchronized Seen seen() {
    long[] sorted = recent.stream().mapToLong(Read::nanos).sorted().toArray();
    int failed = (int) recent.stream().filter(Read::failed).count();
    long p99 = sorted.length == 0 ? 0 : sorted[(int) Math.ceil(sorted.length * 0.99) - 1];
    return new Seen(sorted.length, failed, Duration.ofNanos(p99));
  }

  /** Which bound is passed, in a sentence. */
  synchronized Optional<String> complaint() {
    Seen seen = seen();
    if (seen.reads() < ENOUGH) return Optional.empty();
    if (seen.failed() * 100.0 > bounds.errorPercent() * seen.reads()) {
      return Optional.of("too many reads fail (" + seen + ", the last with " + lastFailure + ")");
    }
    if (seen.p99().compareTo(bounds.p99()) > 0) return Optional.of("reads are late (" + seen + ")");
    return Optional.empty();
  }

  @Override
  public void close() {
    clock.shutdownNow();
    client.close();
  }
}
