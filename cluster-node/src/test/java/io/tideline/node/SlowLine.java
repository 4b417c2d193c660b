package io.tideline.node;

import io.tideline.node.cli.CellLine;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/** Lets bytes arrive some time after they were sent, and counts them. At first it takes no time. */
final class SlowLine implements CellLine.Passage {
  private static final byte[] END = {};

  private final LongAdder bytes = new LongAdder();
  private volatile Delay delay = new Delay(0, 0);
  private volatile long standsStillUntil = System.nanoTime();

  private record Delay(int leastMillis, int mostMillis) {
    long nanos() {
      return TimeUnit.MILLISECONDS.toNanos(
          ThreadLocalRandom.current().nextInt(leastMillis, mostMillis + 1));
    }
  }

  private record UnderWay(byte[] bytes, long arrivesAt) {}

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
      for (int read; (read = from.read(buffer)) >= 0; ) {
        bytes.add(read);
        // What was sent later does not overtake.
        last = Math.max(last, System.nanoTime() + delay.nanos());
        underWay.put(new UnderWay(Arrays.copyOf(buffer, read), last));
      }
      underWay.put(new UnderWay(END, last));
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
      for (UnderWay next; (next = underWay.take()).bytes != END; ) {
        for (long wait;
            (wait = Math.max(next.arrivesAt, standsStillUntil) - System.nanoTime()) > 0; )
          TimeUnit.NANOSECONDS.sleep(wait);
        to.write(next.bytes);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      // Nobody is there any more: who reads or waits for room ends, too.
      end(from);
      sender.interrupt();
    }
  }

  private static void end(InputStream from) {
    try {
      from.close();
    } catch (IOException e) {
      // It had ended.
    }
  }
}
