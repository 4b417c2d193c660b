package io.tideline.multidc.mirror;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.ConfigFactory;
import io.tideline.localstack.LocalKafka;
import io.tideline.localstack.LocalStack;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.OtherCell;
import io.tideline.multidc.log.PoisonLineException;
import io.tideline.multidc.log.Stamp;
import io.tideline.protocols.LogPartition;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Copies between two Kafkas: what is there and what is here. */
class LogMirrorIT {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final AtomicInteger CELLS = new AtomicInteger();
  private static final int NUMBER = 2;

  private static ActorTestKit kit;
  @TempDir private static Path directory;
  private static LocalKafka there;
  private static LocalKafka here;

  private final String name = "log-mirror-it-" + CELLS.incrementAndGet();
  private final String topic = "tideline.posts." + name;
  private final List<LogMirror> started = new ArrayList<>();
  private final List<MirrorStatus> statuses = new CopyOnWriteArrayList<>();
  private final LogMirror.Counts counts = new LogMirror.Counts();
  // What was told to be missing; "all" at first contact, unless that was brought before.
  private final List<String> told = new CopyOnWriteArrayList<>();
  private final Missing missing =
      new Missing() {
        @Override
        public CompletionStage<Boolean> all() {
          boolean isNew = !told.contains("all");
          if (isNew) told.add("all");
          return CompletableFuture.completedStage(isNew);
        }

        @Override
        public CompletionStage<Void> some(String what) {
          told.add(what);
          return CompletableFuture.completedStage(null);
        }
      };
  private LogTopics origin;

  @BeforeAll
  static void connect() {
    kit = ActorTestKit.create();
    there = LocalKafka.start(LocalKafka.Options.in(directory));
    here = LocalStack.shared().kafka();
  }

  @AfterAll
  static void disconnect() {
    kit.shutdownTestKit();
    there.close();
  }

  @BeforeEach
  void createLog() throws Exception {
    origin = new LogTopics(settings(there), name);
    get(origin.createMissing());
  }

  @AfterEach
  void stop() {
    started.forEach(LogMirror::stop);
    origin.close();
  }

  @Test
  void what_is_closed_while_it_asks_ends() throws Exception {
    for (int i = 0; i < 100; i++) {
      LogTopics asking = new LogTopics(settings(there), name);
      get(asking.incarnation(topic));
      for (int j = 0; j < 20; j++) {
        var unused = asking.bounds();
      }
      Thread.sleep(i % 10);
      get(CompletableFuture.runAsync(asking::close));
    }
  }

  private static <T> T get(CompletionStage<T> stage) throws Exception {
    return done(stage.toCompletableFuture());
  }

  private static <T> T done(Future<T> future) throws Exception {
    return future.get(20, SECONDS);
  }

  private static LogSettings settings(LocalKafka kafka) {
    return settings(kafka, Duration.ofDays(7));
  }

  private static LogSettings settings(LocalKafka kafka, Duration retention) {
    return LogSettings.from(
        ConfigFactory.parseString(
                "tideline.multi-dc.log { bootstrap-servers = \"%s\", topics { partitions = 2, retention = %d s } }"
                    .formatted(kafka.bootstrapServers(), retention.toSeconds()))
            .withFallback(ConfigFactory.load()));
  }

  private LogMirror start() {
    return start(there, () -> true);
  }

  private LogMirror start(LocalKafka source, BooleanSupplier mayAct) {
    return start(source.bootstrapServers(), settings(here), mayAct);
  }

  private LogMirror start(String source, LogSettings settings, BooleanSupplier mayAct) {
    LogMirror mirror =
        new LogMirror(
            kit.system(),
            settings,
            new OtherCell(name, NUMBER, source, Map.of()),
            LogTopics::posts,
            mayAct,
            missing,
            counts,
            statuses::add);
    mirror.start();
    started.add(mirror);
    return mirror;
  }

  private static Producer<byte[], byte[]> producer(LocalKafka kafka) {
    return new KafkaProducer<>(
        Map.of("bootstrap.servers", kafka.bootstrapServers()),
        new ByteArraySerializer(),
        new ByteArraySerializer());
  }

  private void write(int partition, int from, int to) throws Exception {
    write(partition, from, to, null);
  }

  private void write(int partition, int from, int to, @Nullable Long atMillis) throws Exception {
    try (Producer<byte[], byte[]> producer = producer(there)) {
      List<Future<?>> written = new ArrayList<>();
      for (int i = from; i < to; i++) {
        written.add(
            producer.send(
                new ProducerRecord<>(
                    topic,
                    partition,
                    atMillis,
                    "ann".getBytes(UTF_8),
                    ("line " + i).getBytes(UTF_8))));
      }
      for (Future<?> each : written) {
        done(each);
      }
    }
  }

  private void deleteBelow(long offset) throws Exception {
    deleteBelow(there, offset);
  }

  private void deleteBelow(LocalKafka kafka, long offset) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
      done(
          admin
              .deleteRecords(
                  Map.of(new TopicPartition(topic, 0), RecordsToDelete.beforeOffset(offset)))
              .all());
    }
  }

  private List<ConsumerRecord<byte[], byte[]>> copies(int partition) {
    TopicPartition copy = new TopicPartition(topic, partition);
    List<ConsumerRecord<byte[], byte[]>> lines = new ArrayList<>();
    try (Consumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", here.bootstrapServers(), "allow.auto.create.topics", false),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      if (consumer.partitionsFor(topic, Duration.ofSeconds(5)).isEmpty()) {
        return lines;
      }
      consumer.assign(List.of(copy));
      consumer.seekToBeginning(List.of(copy));
      long end = consumer.endOffsets(List.of(copy)).getOrDefault(copy, 0L);
      while (consumer.position(copy) < end) {
        consumer.poll(Duration.ofMillis(200)).forEach(lines::add);
      }
    }
    return lines;
  }

  private static Stamp stamp(ConsumerRecord<byte[], byte[]> copy) {
    try {
      return Stamp.of(copy.headers());
    } catch (PoisonLineException e) {
      throw new AssertionError(e);
    }
  }

  private List<Long> offsets(int partition) {
    return copies(partition).stream().map(copy -> stamp(copy).offset()).toList();
  }

  private void awaitCopied(int partition, long last) {
    await().atMost(SOON).until(() -> offsets(partition).contains(last));
  }

  private static List<Long> range(long from, long to) {
    return LongStream.range(from, to).boxed().toList();
  }

  private MirrorStatus last() {
    return statuses.get(statuses.size() - 1);
  }

  private void awaitState(MirrorStatus.State state) {
    await().atMost(SOON).until(() -> !statuses.isEmpty() && last().state() == state);
  }

  @Test
  void lines_are_copied_in_order_and_each_says_where_it_stood() throws Exception {
    write(0, 0, 3_000);
    write(1, 0, 5);
    start();
    awaitCopied(0, 2_999);
    awaitCopied(1, 4);
    write(1, 5, 10);
    awaitCopied(1, 9);
    List<ConsumerRecord<byte[], byte[]>> copies = copies(0);
    LogPartition partition = new LogPartition(NUMBER, get(origin.incarnation(topic)), 0);
    assertThat(copies)
        .extracting(copy -> new String(copy.value(), UTF_8))
        .isEqualTo(IntStream.range(0, 3_000).mapToObj(i -> "line " + i).toList());
    assertThat(copies)
        .extracting(LogMirrorIT::stamp)
        .isEqualTo(range(0, 3_000).stream().map(at -> new Stamp(partition, at)).toList());
    assertThat(copies).extracting(copy -> new String(copy.key(), UTF_8)).containsOnly("ann");
    assertThat(offsets(1)).isEqualTo(range(0, 10));
    awaitState(MirrorStatus.State.UP);
    assertThat(last().lagLines()).isZero();
    assertThat(last().lagMillis()).isZero();
    assertThat(counts.lines().sum()).isEqualTo(3_010);
    assertThat(counts.restarts().sum()).isZero();
  }

  @Test
  void it_goes_on_after_the_last_copy_whoever_made_it() throws Exception {
    write(0, 0, 20);
    start();
    awaitCopied(0, 19);
    started.get(0).stop();
    write(0, 20, 30);
    start();
    awaitCopied(0, 29);
    assertThat(offsets(0)).isEqualTo(range(0, 30));

    started.get(1).stop();
    ConsumerRecord<byte[], byte[]> late = copies(0).get(26);
    try (Producer<byte[], byte[]> producer = producer(here)) {
      done(
          producer.send(
              new ProducerRecord<>(topic, 0, null, late.key(), late.value(), late.headers())));
      done(producer.send(new ProducerRecord<>(topic, 0, null, "not a copy".getBytes(UTF_8))));
    }
    write(0, 30, 35);
    start();
    await().atMost(SOON).until(() -> copies(0).size() == 40);
    List<Long> copied =
        copies(0).stream()
            .filter(copy -> copy.headers().toArray().length > 0)
            .map(copy -> stamp(copy).offset())
            .toList();
    assertThat(copied.subList(31, 39)).as("again from the last one").isEqualTo(range(27, 35));
  }

  @Test
  void two_that_copy_at_once_leave_nothing_out() throws Exception {
    write(0, 0, 2_000);
    start();
    start();
    write(0, 2_000, 4_000);
    awaitCopied(0, 3_999);
    long next = 0;
    for (long offset : offsets(0)) {
      assertThat(offset).as("every line comes after those before it").isLessThanOrEqualTo(next);
      next = Math.max(next, offset + 1);
    }
  }

  @Test
  void who_is_cut_off_from_its_cell_copies_nothing() throws Exception {
    write(0, 0, 5);
    start(there, () -> false);
    await().atMost(SOON).until(() -> counts.restarts().sum() > 1);
    assertThat(copies(0)).isEmpty();
  }

  @Test
  void lines_that_are_gone_before_they_are_copied_are_never_passed_over_silently()
      throws Exception {
    write(0, 0, 10);
    start();
    awaitCopied(0, 9);
    started.get(0).stop();
    write(0, 10, 100);
    deleteBelow(50);
    start();
    awaitCopied(0, 99);
    assertThat(offsets(0)).containsAll(range(50, 100)).doesNotContain(10L, 49L);
    assertThat(told).hasSize(2);
    assertThat(told.get(1)).contains("line 10 of ", "holds 50 to 100");
    assertThat(counts.losses().sum()).isEqualTo(1);
  }

  @Test
  void a_cell_that_was_there_long_before_has_lines_that_are_gone() throws Exception {
    write(0, 0, 10);
    deleteBelow(4);
    start();
    awaitCopied(0, 9);
    assertThat(told).as("whatever was there before").containsExactly("all");
    assertThat(offsets(0)).isEqualTo(range(4, 10));
  }

  @Test
  void a_log_made_anew_is_copied_from_its_beginning() throws Exception {
    write(0, 0, 10);
    start();
    awaitCopied(0, 9);
    awaitCopiedUpToNow();
    makeAnew();
    LogPartition anew = new LogPartition(NUMBER, get(origin.incarnation(topic)), 0);
    write(0, 0, 3);
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThat(copies(0).stream().skip(10).map(LogMirrorIT::stamp))
                    .isEqualTo(range(0, 3).stream().map(at -> new Stamp(anew, at)).toList()));
    awaitState(MirrorStatus.State.UP);
    assertThat(told).as("the old log may have had more").hasSize(2);
    awaitCopiedUpToNow();
  }

  private void awaitCopiedUpToNow() {
    long now = System.currentTimeMillis();
    await().atMost(SOON).until(() -> !statuses.isEmpty() && last().copiedToMillis() > now);
  }

  @Test
  void what_a_log_had_that_was_made_anew_before_it_was_copied_is_never_passed_over_silently()
      throws Exception {
    write(0, 0, 10);
    start();
    awaitCopied(0, 9);
    started.get(0).stop();
    LogPartition former = new LogPartition(NUMBER, get(origin.incarnation(topic)), 0);
    write(0, 10, 20);
    makeAnew();
    write(1, 0, 1);
    start();
    awaitCopied(1, 0);
    assertThat(told).hasSize(2);
    assertThat(told.get(1)).contains("after line 9 of " + former);
    assertThat(counts.losses().sum()).isEqualTo(1);

    started.get(1).stop();
    write(1, 1, 2);
    start();
    awaitCopied(1, 1);
    assertThat(told).as("once").hasSize(2);
  }

  @Test
  void what_is_not_copied_yet_is_as_old_as_it_is_whoever_copies() throws Exception {
    write(0, 0, 10);
    start();
    awaitCopied(0, 9);
    started.get(0).stop();
    Duration old = Duration.ofHours(1);
    write(0, 10, 20, System.currentTimeMillis() - old.toMillis());
    statuses.clear();
    start(there, () -> false);
    await().atMost(SOON).until(() -> !statuses.isEmpty() && last().lagMillis() >= old.toMillis());
  }

  @Test
  void while_a_cell_is_away_nothing_is_known_to_be_here_that_came_after_the_last_copy()
      throws Exception {
    Duration old = Duration.ofHours(1);
    try (LogTopics copies = new LogTopics(settings(here), name)) {
      get(copies.createCopy(topic, 2));
    }
    try (Producer<byte[], byte[]> producer = producer(here)) {
      ProducerRecord<byte[], byte[]> copy =
          new ProducerRecord<>(
              topic, 0, System.currentTimeMillis() - old.toMillis(), null, new byte[1]);
      new Stamp(new LogPartition(NUMBER, 7, 0), 0).addTo(copy.headers());
      done(producer.send(copy));
    }
    start("127.0.0.1:1", settings(here), () -> true);
    await().atMost(SOON).until(() -> !statuses.isEmpty() && last().lagMillis() >= old.toMillis());
    assertThat(last().state()).isEqualTo(MirrorStatus.State.AWAY);
  }

  @Test
  void a_copy_says_where_it_stands_also_when_nothing_has_come_for_as_long_as_lines_are_kept()
      throws Exception {
    LogSettings brief = settings(here, Duration.ofSeconds(4));
    write(0, 0, 5);
    start(there.bootstrapServers(), brief, () -> true);
    awaitCopied(0, 4);
    LogPartition partition = new LogPartition(NUMBER, get(origin.incarnation(topic)), 0);
    awaitMark(partition, 4, 6);
    assertThat(copies(1)).as("nothing has ever come").isEmpty();
    write(0, 5, 6);
    awaitCopied(0, 5);
    started.get(0).stop();

    List<ConsumerRecord<byte[], byte[]>> before = copies(0);
    start("127.0.0.1:1", brief, () -> true);
    awaitMark(partition, 5, before.size() + 1);
    assertThat(CopyMark.copiedAtMillis(copies(0).get(before.size())))
        .isEqualTo(before.get(before.size() - 1).timestamp());
    started.get(1).stop();

    deleteBelow(there, 6);
    deleteBelow(here, copies(0).size());
    start();
    awaitMark(partition, 5, 1);
    write(0, 6, 7);
    awaitCopied(0, 6);
    assertThat(offsets(0)).containsExactly(5L, 6L);
    assertThat(told).containsExactly("all");
  }

  private void awaitMark(LogPartition partition, long last, int lines) {
    await().atMost(SOON).until(() -> copies(0).size() >= lines);
    ConsumerRecord<byte[], byte[]> mark = copies(0).get(lines - 1);
    assertThat(mark.key()).isNull();
    assertThat(mark.value()).hasSize(8);
    assertThat(stamp(mark)).isEqualTo(new Stamp(partition, last));
  }

  @Test
  void a_mark_is_written_as_ever() {
    ProducerRecord<byte[], byte[]> mark =
        CopyMark.of("topic", new Stamp(new LogPartition(2, 7, 3), 41), 0x0102030405060708L);
    assertThat(mark.partition()).isEqualTo(3);
    assertThat(mark.key()).isNull();
    assertThat(mark.value()).containsExactly(1, 2, 3, 4, 5, 6, 7, 8);
    assertThat(mark.headers().lastHeader("tideline-backfill").value()).isEmpty();
    assertThat(mark.headers().lastHeader("tideline-position").value())
        .isEqualTo(HexFormat.of().parseHex("0802150700000018032029"));
  }

  private void makeAnew() throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", there.bootstrapServers()))) {
      get(admin.deleteTopics(List.of(topic)).all().toCompletionStage());
    }
    await().atMost(SOON).ignoreExceptions().until(() -> get(origin.createMissing()) == null);
    await().atMost(SOON).ignoreExceptions().until(() -> get(origin.incarnation(topic)) != 0);
  }

  @Test
  void a_cell_is_not_copied_to_itself() throws Exception {
    try (LogTopics own = new LogTopics(settings(here), name)) {
      get(own.createMissing());
    }
    try (Producer<byte[], byte[]> producer = producer(here)) {
      done(producer.send(new ProducerRecord<>(topic, 0, null, "a line".getBytes(UTF_8))));
    }
    start(here, () -> true);
    await().atMost(SOON).until(() -> counts.restarts().sum() > 1);
    assertThat(copies(0)).hasSize(1);
    awaitState(MirrorStatus.State.AWAY);
  }

  // Kafka takes long to come back after a crash.
  @Test
  @EnabledIfSystemProperty(named = "tideline.test.cut-seconds", matches = "\\d+")
  void a_cell_that_was_away_is_copied_when_it_is_back() throws Exception {
    write(0, 0, 10);
    start();
    awaitCopied(0, 9);
    there.kill();
    there.restart();
    write(0, 10, 20);
    awaitCopied(0, 19);
    awaitState(MirrorStatus.State.UP);
    assertThat(offsets(0)).isEqualTo(range(0, 20));
    assertThat(counts.losses().sum()).isZero();
  }
}
