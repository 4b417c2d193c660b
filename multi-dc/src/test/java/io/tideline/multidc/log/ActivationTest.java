package io.tideline.multidc.log;

import static io.tideline.multidc.log.TestLines.published;
import static io.tideline.multidc.log.TestLines.record;
import static io.tideline.multidc.log.TestLines.ref;
import static io.tideline.multidc.log.TestLines.tagged;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.mapping;
import static java.util.stream.Collectors.toList;
import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.tideline.persistence.posts.ErasedAuthors;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.pekko.Done;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;

/** Timelines wake up while the log is being applied, and none of them misses a line. */
class ActivationTest {
  private static final LogSettings SETTINGS = LogSettings.from(ConfigFactory.load());
  private static final int PARTITIONS = 3;
  private static final int LINES = 20_000;
  private static final int TIMELINES = 40;
  private static final String TAG = "tide";
  private static final List<UserId> AUTHORS =
      IntStream.range(0, 9).mapToObj(i -> new UserId("author" + i)).toList();

  private final ExecutorService thread = Executors.newSingleThreadExecutor();
  private final ExecutorService timelines = Executors.newFixedThreadPool(4);
  private final List<ConsumerRecord<byte[], byte[]>> lines = someLog();
  private final Map<UserId, List<Long>> offsets =
      lines.stream()
          .collect(
              groupingBy(
                  line -> new UserId(new String(line.key(), UTF_8)),
                  mapping(line -> line.offset(), toList())));
  private final List<PostRef> tagged =
      lines.stream()
          .map(ActivationTest::lineIn)
          .filter(ref -> ref.facts.tags().contains(TAG))
          .toList();
  private final Positions end =
      IntStream.range(0, PARTITIONS)
          .mapToObj(number -> new LogPartition(1, 7, number))
          .reduce(
              Positions.EMPTY,
              (positions, partition) -> positions.with(partition, endOf(partition.partition())),
              Positions::merge);
  private final RecentPosts recent = new RecentPosts(1_000_000);
  private final Interest interest = new Interest();
  private final LineApplier applier =
      new LineApplier(
          SETTINGS,
          1,
          1,
          new LogTopics(SETTINGS, "east"),
          SETTINGS.maxReferences(),
          recent,
          interest,
          new HybridClock(InstantSource.system()),
          (line, ref) -> {},
          new ErasedAuthors(),
          thread,
          task -> thread.execute(task),
          () -> {});

  @AfterEach
  void stop() {
    thread.shutdownNow();
    timelines.shutdownNow();
  }

  private long endOf(int partition) {
    return lines.stream().filter(line -> line.partition() == partition).count();
  }

  private static int partitionOf(UserId author) {
    return AUTHORS.indexOf(author) % PARTITIONS;
  }

  private static LogPartition logPartition(UserId author) {
    return new LogPartition(1, 7, partitionOf(author));
  }

  @RepeatedTest(3)
  void a_timeline_that_registers_first_and_reads_second_has_everything() throws Exception {
    begin();
    List<Future<?>> awake = new ArrayList<>();
    for (int i = 0; i < TIMELINES; i++) {
      long seed = i;
      awake.add(timelines.submit(() -> live(new Random(seed))));
    }
    write();
    for (Future<?> timeline : awake) {
      timeline.get();
    }
  }

  @RepeatedTest(3)
  void none_of_many_short_lives_misses_a_line() throws Exception {
    begin();
    List<Future<?>> lives = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      long seed = i;
      lives.add(timelines.submit(() -> liveBriefly(new Random(seed))));
    }
    write();
    for (Future<?> life : lives) {
      life.get();
    }
  }

  @RepeatedTest(3)
  void who_wants_a_tag_misses_no_line_with_it() throws Exception {
    begin();
    List<Future<?>> lives = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      long seed = i;
      lives.add(timelines.submit(() -> liveBrieflyForTheTag(new Random(seed))));
    }
    write();
    for (Future<?> life : lives) {
      life.get();
    }
  }

  private void liveBrieflyForTheTag(Random random) {
    while (!applier.applied().equals(end)) {
      Inbox inbox = new Inbox(LINES, () -> {});
      Positions checkpoint = applier.applied();
      interest.addTag(TAG, inbox);
      Set<PostRef> had = new HashSet<>(recent.recentWithTag(TAG, checkpoint));
      for (int i = random.nextInt(200); i > 0; i--) {
        Thread.onSpinWait();
      }
      Positions applied = applier.applied();
      had.addAll(inbox.drain());
      assertThat(had)
          .containsAll(
              tagged.stream()
                  .filter(ref -> ref.offset >= checkpoint.next(ref.partition))
                  .filter(ref -> ref.offset < applied.next(ref.partition))
                  .toList());
      interest.removeTag(TAG, inbox);
    }
  }

  private void liveBriefly(Random random) {
    while (!applier.applied().equals(end)) {
      UserId author = AUTHORS.get(random.nextInt(AUTHORS.size()));
      Inbox inbox = new Inbox(LINES, () -> {});
      Positions checkpoint = applier.applied();
      interest.add(author, inbox);
      Map<UserId, Set<Long>> had = new HashMap<>(Map.of(author, new HashSet<>()));
      recent.recent(author, checkpoint).forEach(ref -> add(had, ref));
      for (int i = random.nextInt(200); i > 0; i--) {
        Thread.onSpinWait();
      }
      check(List.of(author), checkpoint, inbox, had);
      interest.remove(author, inbox);
    }
  }

  private static List<ConsumerRecord<byte[], byte[]>> someLog() {
    Map<UserId, Long> sequences = new HashMap<>();
    long[] ends = new long[PARTITIONS];
    List<ConsumerRecord<byte[], byte[]>> lines = new ArrayList<>();
    Random random = new Random(1);
    for (int i = 0; i < LINES; i++) {
      UserId author = AUTHORS.get(random.nextInt(AUTHORS.size()));
      int partition = partitionOf(author);
      long sequence = sequences.merge(author, 1L, Long::sum);
      PostLine line = published(author.value(), sequence);
      lines.add(
          record(random.nextInt(5) == 0 ? tagged(line, TAG) : line, partition, ends[partition]++));
    }
    return lines;
  }

  private static PostRef lineIn(ConsumerRecord<byte[], byte[]> record) {
    try {
      LogPartition partition = new LogPartition(1, 7, record.partition());
      return ref(PostLines.parse(record.value()), partition, record.offset());
    } catch (PoisonLineException e) {
      throw new AssertionError(e);
    }
  }

  private void begin() throws Exception {
    Map<Integer, LogBounds.Partition> empty = new HashMap<>();
    for (int i = 0; i < PARTITIONS; i++) {
      empty.put(i, new LogBounds.Partition(0, 0, 0));
    }
    thread.submit(() -> applier.resumeAt(new LogBounds(7, empty))).get();
  }

  private void write() throws Exception {
    for (int i = 0; i < LINES; i += 50) {
      List<ConsumerRecord<byte[], byte[]>> batch = lines.subList(i, i + 50);
      CompletableFuture<Done> accepted = new CompletableFuture<>();
      thread.execute(() -> applier.take(batch, accepted));
      accepted.get();
    }
  }

  /** One timeline: sleeps, wakes up at a checkpoint of long ago, and lives to the end. */
  private void live(Random random) {
    while (applier.lines() < random.nextInt(LINES * 3 / 4)) {
      Thread.onSpinWait();
    }
    Positions checkpoint = applier.applied();
    while (random.nextInt(200) != 0) {
      Thread.onSpinWait();
    }
    List<UserId> followees = AUTHORS.stream().filter(author -> random.nextBoolean()).toList();
    Inbox inbox = new Inbox(LINES, () -> {});
    followees.forEach(author -> interest.add(author, inbox));
    Map<UserId, Set<Long>> had = new HashMap<>();
    followees.forEach(author -> had.put(author, new HashSet<>()));
    followees.forEach(author -> recent.recent(author, checkpoint).forEach(ref -> add(had, ref)));
    while (!applier.applied().equals(end)) {
      check(followees, checkpoint, inbox, had);
      Thread.onSpinWait();
    }
    check(followees, checkpoint, inbox, had);
    followees.forEach(author -> interest.remove(author, inbox));
  }

  // What is below the applied positions read first is in the inbox drained second.
  private void check(
      List<UserId> followees, Positions checkpoint, Inbox inbox, Map<UserId, Set<Long>> had) {
    Positions applied = applier.applied();
    Map<LogPartition, Long> last = new HashMap<>();
    for (PostRef ref : inbox.drain()) {
      Long before = last.put(ref.partition, ref.offset);
      assertThat(before == null || before < ref.offset).as("in log order").isTrue();
      add(had, ref);
    }
    for (UserId author : followees) {
      LogPartition partition = logPartition(author);
      assertThat(had.get(author))
          .containsAll(
              offsets.getOrDefault(author, List.of()).stream()
                  .filter(offset -> offset >= checkpoint.next(partition))
                  .filter(offset -> offset < applied.next(partition))
                  .toList());
    }
  }

  private static void add(Map<UserId, Set<Long>> had, PostRef ref) {
    had.computeIfAbsent(ref.author, author -> new HashSet<>()).add(ref.offset);
  }
}
