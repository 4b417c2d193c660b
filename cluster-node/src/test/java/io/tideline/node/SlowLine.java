package io.tideline.node;

import com.google.protobuf.ByteString;
import io.tideline.node.cli.CellLine;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/** Lets bytes arrive some time after they were sent, and counts them. At first it takes no time. */
final class SlowLine implements CellLine.Passage {
  private static final UnderWay END = new UnderWay(ByteString.EMPTY, 0);

  private final LongAdder bytes = new LongAdder();
  private volatile Delay delay = new Delay(0, 0);
  private volatile long standsStillUntil = System.nanoTime();

  private record Delay(int leastMillis, int mostMillis) {
    long nanos() {
      return TimeUnit.MILLISECONDS.toNanos(
          ThreadLocalRandom.current().nextInt(leastMillis, mostMillis + 1));
    }
  }

  private record UnderWay(ByteString bytes, long arrivesAt) {}

  /** From now on bytes take so long, some more, some less. */
  void takes(int leastMillis, int mostMillis) {
    delay = new Delay(leastMillis, mostMillis);
  }

  /** Nothing arrives for so long. */
  void standStill(Duration duration) {
    standsStillUntil = System.nanoTime() + duration.toNanos();
  }

  /** How many bytes have been taken, in both directions. */
  long bytes() {
    return bytes.sum();
  }

  @Override
  public void pass(InputStream from, OutputStream to) throws IOException {
    BlockingQueue<UnderWay> underWay = new ArrayBlockingQueue<>(1_000);
    Thread sender = Thread.currentThread();
    Thread arrivals = new Thread(() -> deliver(underWay, from, to, sender), "slow-line");
    arrivals.setDaemon(true);
    arrivals.start();
    byte[] buffer = new byte[1 << 16];
    try {
      long last = System.nanoTime();
      for (int read = from.read(buffer); read >= 0; read = from.read(buffer)) {
        bytes.add(read);
        // What was sent later does not overtake.
        last = Math.max(last, System.nanoTime() + delay.nanos());
        underWay.put(new UnderWay(ByteString.copyFrom(buffer, 0, read), last));
      }
      underWay.put(END);
      arrivals.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      arrivals.interrupt();
    }
  }

  private void deliver(
      BlockingQueue<UnderWay> underWay, InputStream from, OutputStream to, Thread sender) {
    try {
      for (UnderWay next = underWay.take(); !next.bytes.isEmpty(); next = underWay.take()) {
        long wait = untilItArrives(next);
        while (wait > 0) {
          TimeUnit.NANOSECONDS.sleep(wait);
          wait = untilItArrives(next);
        }
        next.bytes.writeTo(to);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      // Nobody is there any more: who reads or waits for room ends, too.
      end(from);
      sender.interrupt();
    }
  }

  private long untilItArrives(UnderWay next) {
    return Math.max(next.arrivesAt, standsStillUntil) - System.nanoTime();
  }

  private static void end(InputStream from) {
    try {
      from.close();
    } catch (IOException e) {
      // It had ended.
    }
  }
}
