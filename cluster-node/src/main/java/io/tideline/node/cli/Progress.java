package io.tideline.node.cli;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * How far a long job is, with rate and time left: one line that is redrawn on a terminal, a line
 * now and then elsewhere.
 */
final class Progress {
  private static final int BAR = 24;
  // Over what time the rate is averaged that tells the time left: rows differ in what they cost.
  private static final double MEMORY_SECONDS = 10;

  private final String label;
  private final long total;
  private final PrintWriter out;
  private final boolean terminal;
  private final LongSupplier nanoTime;
  private final long startedAt;
  private long done;
  private long drawnAt;
  private long drawnDone;
  private double recentRate;
  private boolean drawn;

  Progress(String label, long total, PrintWriter out, boolean terminal, LongSupplier nanoTime) {
    this.label = label;
    this.total = total;
    this.out = out;
    this.terminal = terminal;
    this.nanoTime = nanoTime;
    this.startedAt = nanoTime.getAsLong();
    this.drawnAt = startedAt;
  }

  static Progress onStandardError(String label, long total, PrintWriter err) {
    return new Progress(
        label, total, err, Boolean.getBoolean("tideline.terminal"), System::nanoTime);
  }

  synchronized void advance(long rows) {
    done += rows;
    long now = nanoTime.getAsLong();
    long interval = terminal ? TimeUnit.MILLISECONDS.toNanos(200) : TimeUnit.SECONDS.toNanos(10);
    if (now - drawnAt >= interval) draw(now);
  }

  /** Writes a line of its own, above the bar. */
  synchronized void say(String line) {
    clear();
    out.println(line);
    out.flush();
  }

  synchronized void finish() {
    clear();
    out.flush();
  }

  synchronized Duration elapsed() {
    return Duration.ofNanos(nanoTime.getAsLong() - startedAt);
  }

  private void draw(long now) {
    double recent = rate(done - drawnDone, now - drawnAt);
    double weight = drawnDone == 0 ? 1 : -Math.expm1((drawnAt - now) / (MEMORY_SECONDS * 1e9));
    recentRate += weight * (recent - recentRate);
    drawnAt = now;
    drawnDone = done;
    clear();
    String line = line(now - startedAt);
    if (terminal) {
      out.print(line);
      drawn = true;
    } else {
      out.println(line);
    }
    out.flush();
  }

  private void clear() {
    if (drawn) out.print("\r\033[K");
    drawn = false;
  }

  private String line(long elapsedNanos) {
    double fraction = total == 0 ? 1 : Math.min(1, (double) done / total);
    int filled = (int) (fraction * BAR);
    String left =
        recentRate == 0
            ? ""
            : ", "
                + clock(Duration.ofSeconds((long) Math.ceil((total - done) / recentRate)))
                + " left";
    return String.format(
        Locale.ROOT,
        "%s [%s%s] %3d %%  %,d of %,d rows, %,.0f rows/s%s",
        label,
        "#".repeat(filled),
        "-".repeat(BAR - filled),
        (int) (fraction * 100),
        done,
        total,
        rate(done, elapsedNanos),
        left);
  }

  static double rate(long rows, long nanos) {
    return nanos <= 0 ? 0 : rows * 1e9 / nanos;
  }

  /** Minutes and seconds, and hours when there are any. */
  static String clock(Duration duration) {
    return duration.toHours() > 0
        ? "%d:%02d:%02d"
            .formatted(duration.toHours(), duration.toMinutesPart(), duration.toSecondsPart())
        : "%d:%02d".formatted(duration.toMinutes(), duration.toSecondsPart());
  }
}
