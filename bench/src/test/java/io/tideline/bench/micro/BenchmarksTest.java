package io.tideline.bench.micro;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.node.api.ReadFeedBenchmark;
import io.tideline.persistence.user.MergeBenchmark;
import io.tideline.protocols.Cursor;
import io.tideline.protocols.log.v1.IntentLine;
import org.junit.jupiter.api.Test;

/** What the benchmarks measure does what it should: a failure costs another time than a success. */
class BenchmarksTest {

  @Test
  void a_page_of_the_reading_benchmark_is_whole() throws Exception {
    var benchmark = new ReadFeedBenchmark();
    benchmark.readers = 2;
    // Fails when a page on the way down is not of 20 cards.
    benchmark.fill();

    assertThat(benchmark.newestPage()).isGreaterThan(20 * 100);
    assertThat(benchmark.furtherDown()).isGreaterThan(20 * 100);
  }

  @Test
  void what_arrives_is_shown_and_a_full_timeline_stays_full() {
    var benchmark = new ArrivalBenchmark();

    assertThat(benchmark.inOrder().size()).isEqualTo(800);
    assertThat(benchmark.tenEntriesDown().size()).isEqualTo(800);
  }

  @Test
  void a_new_decision_makes_an_event() {
    var benchmark = new MergeBenchmark();
    benchmark.follows = 200;
    benchmark.fill();

    assertThat(benchmark.newFollow()).hasSize(1);
  }

  @Test
  void what_is_read_is_what_was_written() throws Exception {
    var cursors = new CursorBenchmark();
    Cursor cursor = cursors.decode();
    assertThat(cursor.after()).isNotNull();
    var ids = new PostIdBenchmark();
    assertThat(ids.read()).isEqualTo(ids.make()).hasToString(ids.write());
    var lines = new LogLineBenchmark();
    assertThat(lines.decodePost().id().millis()).isEqualTo(ids.make().millis());
    assertThat(lines.decodeIntent()).isEqualTo(IntentLine.parseFrom(lines.encodeIntent()));
    var events = new JournalEventBenchmark();
    try {
      assertThat(events.decode()).isEqualTo(events.event());
    } finally {
      events.stop();
    }
  }
}
