package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private final AtomicLong now = new AtomicLong();
  private final StringWriter out = new StringWriter();

  private Progress progress(boolean terminal) {
    return new Progress("posts", 1_000, new PrintWriter(out), terminal, now::get);
  }

  private void pass(Duration time) {
    now.addAndGet(time.toNanos());
  }

  @Test
  void a_terminal_shows_a_bar_with_rate_and_time_left() {
    Progress progress = progress(true);
    pass(Duration.ofSeconds(1));
    progress.advance(250);

    assertThat(out.toString())
        .isEqualTo(
            "posts [######------------------]  25 %  250 of 1,000 rows, 250 rows/s, 0:03 left");
  }

  @Test
  void a_terminal_is_not_redrawn_for_every_row() {
    Progress progress = progress(true);
    pass(Duration.ofSeconds(1));
    progress.advance(1);
    pass(Duration.ofMillis(10));
    progress.advance(1);

    assertThat(out.toString()).contains(" 1 of 1,000").doesNotContain(" 2 of 1,000");
  }

  @Test
  void a_message_stands_above_the_bar() {
    Progress progress = progress(true);
    pass(Duration.ofSeconds(1));
    progress.advance(1);
    progress.say("graph:3: no");

    assertThat(out.toString()).endsWith("\r\033[Kgraph:3: no\n");
  }

  @Test
  void a_log_file_gets_a_line_now_and_then() {
    Progress progress = progress(false);
    pass(Duration.ofSeconds(1));
    progress.advance(1);
    assertThat(out.toString()).isEmpty();
    pass(Duration.ofSeconds(10));
    progress.advance(1);
    assertThat(out.toString()).startsWith("posts [").endsWith(" left\n").doesNotContain("\r");
  }

  @Test
  void the_time_left_follows_the_latest_rate() {
    Progress progress = progress(false);
    pass(Duration.ofSeconds(10));
    progress.advance(500);
    pass(Duration.ofSeconds(100));
    progress.advance(100);

    assertThat(out.toString().lines().toList().get(1)).contains("5 rows/s").endsWith(", 6:40 left");
  }

  @Test
  void long_times_have_hours() {
    assertThat(Progress.clock(Duration.ofSeconds(59))).isEqualTo("0:59");
    assertThat(Progress.clock(Duration.ofSeconds(3_725))).isEqualTo("1:02:05");
  }
}
