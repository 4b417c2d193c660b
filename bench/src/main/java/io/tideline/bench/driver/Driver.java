package io.tideline.bench.driver;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Calls one server from one thread, which never sleeps: it wants a core of its own. Latencies count
 * from when a call should have been sent to when its answer was whole, so that a server that stalls
 * is charged for every call that would have come meanwhile.
 */
public final class Driver {
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(10);
  private static final long LONGEST = TimeUnit.MINUTES.toNanos(2);

  private final List<Connection> connections = new ArrayList<>();
  private final Supplier<Call> calls;
  private final Histogram reads = new Histogram(LONGEST, 3);
  private final Histogram writes = new Histogram(LONGEST, 3);
  private boolean counting = true;
  private long answers;
  private long late;
  private long wrong;
  private long bytes;
  private @Nullable String firstLate;
  private @Nullable String firstWrong;

  private Driver(InetSocketAddress address, int connections, Supplier<Call> calls)
      throws IOException {
    this.calls = calls;
    for (int i = 0; i < connections; i++) {
      this.connections.add(new Connection(address, this::answered));
    }
  }

  /**
   * Keeps {@code underWay} calls under way on each connection: as many as the server can answer.
   */
  public static Measured closedLoop(
      InetSocketAddress address,
      int connections,
      int underWay,
      Supplier<Call> calls,
      Duration time) {
    return run(address, connections, calls, driver -> driver.asFastAsAnswered(underWay, time));
  }

  /** Makes all of these calls, {@code underWay} at a time on each connection. */
  public static Measured replay(
      InetSocketAddress address, int connections, int underWay, List<Call> calls) {
    Iterator<Call> left = calls.iterator();
    return run(address, connections, left::next, driver -> driver.all(underWay, left));
  }

  /**
   * Makes calls at a fixed rate, whatever becomes of them.
   *
   * @param rate calls per second
   */
  public static Measured openLoop(
      InetSocketAddress address,
      int connections,
      double rate,
      Supplier<Call> calls,
      Duration time) {
    return run(address, connections, calls, driver -> driver.atFixedRate(rate, time));
  }

  private interface Loop {
    Measured run(Driver driver) throws IOException;
  }

  private static Measured run(
      InetSocketAddress address, int connections, Supplier<Call> calls, Loop loop) {
    try {
      var driver = new Driver(address, connections, calls);
      try {
        return loop.run(driver);
      } finally {
        for (Connection connection : driver.connections) connection.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("%s failed: %s".formatted(address, e.getMessage()), e);
    }
  }

  private Measured asFastAsAnswered(int underWay, Duration time) throws IOException {
    long begin = System.nanoTime();
    long end = begin + time.toNanos();
    Call next = calls.get();
    while (System.nanoTime() < end) {
      for (Connection connection : connections) {
        while (connection.underWay() < underWay && connection.send(next, System.nanoTime())) {
          next = calls.get();
        }
        connection.poll();
      }
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    // Later answers are checked but belong to no second that was measured.
    counting = false;
    awaitAnswers();
    return measured(seconds);
  }

  private Measured all(int underWay, Iterator<Call> left) throws IOException {
    long begin = System.nanoTime();
    Call next = left.hasNext() ? calls.get() : null;
    while (next != null) {
      for (Connection connection : connections) {
        while (next != null
            && connection.underWay() < underWay
            && connection.send(next, System.nanoTime())) {
          next = left.hasNext() ? calls.get() : null;
        }
        connection.poll();
      }
    }
    awaitAnswers();
    return measured((System.nanoTime() - begin) / 1e9);
  }

  private Measured atFixedRate(double rate, Duration time) throws IOException {
    double interval = 1e9 / rate;
    long calls = (long) (time.toNanos() / interval);
    long begin = System.nanoTime();
    long sent = 0;
    Call next = this.calls.get();
    while (sent < calls) {
      long now = System.nanoTime();
      long due = begin + (long) (sent * interval);
      while (due <= now && sent < calls && sendAnywhere(next, due, sent)) {
        next = this.calls.get();
        sent++;
        due = begin + (long) (sent * interval);
      }
      for (Connection connection : connections) connection.poll();
      if (now - due > PATIENCE) break;
    }
    awaitAnswers();
    if (sent < calls) {
      late("%d calls were never sent: the server is behind".formatted(calls - sent), calls - sent);
    }
    return measured((System.nanoTime() - begin) / 1e9);
  }

  private boolean sendAnywhere(Call call, long due, long turn) {
    for (int i = 0; i < connections.size(); i++) {
      if (connections.get((int) ((turn + i) % connections.size())).send(call, due)) return true;
    }
    return false;
  }

  private void awaitAnswers() throws IOException {
    long giveUpAt = System.nanoTime() + PATIENCE;
    int left;
    do {
      left = 0;
      for (Connection connection : connections) {
        connection.poll();
        left += connection.underWay();
      }
    } while (left > 0 && System.nanoTime() < giveUpAt);
    if (left > 0) late("no answer after %d s".formatted(PATIENCE / 1_000_000_000), left);
  }

  private void answered(Rpc rpc, long asked, @Nullable String problem, int size) {
    if (problem != null) {
      wrong++;
      if (firstWrong == null) firstWrong = problem;
    } else if (counting) {
      answers++;
      bytes += size;
      long took = Math.min(LONGEST, System.nanoTime() - asked);
      (rpc == Rpc.READ_FEED ? reads : writes).recordValue(took);
    }
  }

  private void late(String problem, long count) {
    late += count;
    if (firstLate == null) firstLate = problem;
  }

  private Measured measured(double seconds) {
    return new Measured(seconds, answers, bytes, reads, writes, late, firstLate, wrong, firstWrong);
  }
}
