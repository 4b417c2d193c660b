package io.tideline.multidc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.datastax.oss.driver.api.core.CqlSession;
import com.google.protobuf.ByteString;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.tideline.localstack.LocalCassandra;
import io.tideline.localstack.LocalStack;
import io.tideline.localstack.LocalStackExtension;
import io.tideline.multidc.apply.IntentApplier;
import io.tideline.multidc.apply.Reached;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.OtherCell;
import io.tideline.multidc.log.ParkedLine;
import io.tideline.multidc.log.ParkedLines.Replay;
import io.tideline.multidc.log.SaidAgain;
import io.tideline.multidc.log.Stamp;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.posts.StoredPost;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.BlocksChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LocalStackExtension.class)
class PostsLogIT {
  private static final String KEYSPACE = "posts_log_it";
  private static final UserId ANN = new UserId("ann");
  private static final AtomicInteger CELLS = new AtomicInteger();
  private static ActorTestKit kit;
  private static LocalStack stack;
  private static CqlSession session;
  private static PostStore store;

  private final String cellName = "posts-log-it-" + CELLS.incrementAndGet();
  private final HybridClock clock = new HybridClock(InstantSource.system());
  private final List<PostsLog> started = new ArrayList<>();

  @BeforeAll
  static void connect(LocalStack localStack) throws Exception {
    kit =
        ActorTestKit.create(
            ConfigFactory.parseString(
                    """
                    pekko.actor.provider = cluster
                    pekko.remote.artery.canonical { hostname = 127.0.0.1, port = 0 }
                    """)
                .withFallback(ConfigFactory.load()));
    stack = localStack;
    session =
        CqlSession.builder()
            .addContactPoint(stack.cassandra().address())
            .withLocalDatacenter(LocalCassandra.DATA_CENTER)
            .build();
    get(
        PostStore.createSchema(
            session, KEYSPACE, "{'class': 'SimpleStrategy', 'replication_factor': 1}"));
    store = new PostStore(session, KEYSPACE);
  }

  @AfterAll
  static void disconnect() {
    session.close();
    kit.shutdownTestKit();
  }

  @AfterEach
  void stop() {
    started.forEach(PostsLog::stop);
  }

  private static <T> T get(CompletionStage<T> stage) throws Exception {
    return stage.toCompletableFuture().get(20, SECONDS);
  }

  private static LogSettings settings(String overrides) {
    Config config =
        ConfigFactory.parseString(
            "tideline.multi-dc.log { bootstrap-servers = \"%s\", topics.partitions = 3, %s }"
                .formatted(stack.kafka().bootstrapServers(), overrides));
    return LogSettings.from(config.withFallback(ConfigFactory.load()));
  }

  private PostsLog start() {
    return start("");
  }

  private PostsLog start(String overrides) {
    return start(overrides, List.of());
  }

  private PostsLog start(String overrides, List<OtherCell> others) {
    PostsLog log = begin(overrides, others);
    await().atMost(Duration.ofSeconds(20)).until(() -> log.tail().caughtUp());
    return log;
  }

  private PostsLog begin(String overrides, List<OtherCell> others) {
    PostsLog log =
        PostsLog.start(
            kit.system(),
            settings(overrides),
            1,
            cellName,
            others,
            store,
            clock,
            (line, ref) -> {});
    started.add(log);
    return log;
  }

  private static Inbox inbox(PostsLog log, UserId author) {
    Inbox inbox = new Inbox(10_000, () -> {});
    log.register(author, inbox);
    return inbox;
  }

  private PostLine published(UserId author, long sequence) {
    long at = clock.next();
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_PUBLISHED)
        .setPostId(PostId.of(at, 1, author, cellName + sequence).toByteString())
        .setAuthorId(author.value())
        .setVersion(at)
        .setOriginCell(1)
        .setSequence(sequence)
        .setPost(ByteString.copyFromUtf8("text " + sequence))
        .build();
  }

  private PostLine deleted(PostLine published, long sequence) {
    return published.toBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_DELETED)
        .setVersion(clock.next())
        .setSequence(sequence)
        .clearPost()
        .build();
  }

  private static PostId id(PostLine line) {
    return PostId.fromBytes(line.getPostId());
  }

  private static List<PostRef> awaitRefs(Inbox inbox, int count) {
    List<PostRef> refs = new ArrayList<>();
    await()
        .atMost(Duration.ofSeconds(20))
        .until(
            () -> {
              refs.addAll(inbox.drain());
              return refs.size() >= count;
            });
    return refs;
  }

  private void awaitStored() {
    try (LogTopics topics = new LogTopics(settings(""), cellName)) {
      await()
          .atMost(Duration.ofSeconds(20))
          .until(() -> get(topics.bounds()).groupLag().values().stream().allMatch(lag -> lag == 0));
    }
  }

  private static void appendAll(PostsLog log, Collection<PostLine> lines) throws Exception {
    List<CompletionStage<Void>> appended =
        lines.stream().map(line -> log.writer().append(line)).toList();
    for (CompletionStage<Void> each : appended) {
      get(each);
    }
  }

  private List<PostLine> someLines(UserId author, int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> published(author, i)).toList();
  }

  @Test
  void what_is_appended_reaches_timelines_and_the_post_store() throws Exception {
    PostsLog log = start();
    Inbox inbox = inbox(log, ANN);
    List<PostLine> lines = someLines(ANN, 1, 101);
    appendAll(log, lines);
    assertThat(awaitRefs(inbox, 100))
        .extracting(PostRef::id)
        .containsExactlyElementsOf(lines.stream().map(PostsLogIT::id).toList());
    assertThat(log.recentPosts().lastSequence(ANN, 1)).isEqualTo(100);
    awaitStored();
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(
            () -> {
              assertThat(log.storeLag()).hasSize(3).containsValues(0L, 0L, 0L);
              assertThat(log.tailLag()).hasSize(3).containsValues(0L, 0L, 0L);
            });
    Map<PostId, StoredPost> stored =
        get(store.findAll(lines.stream().map(PostsLogIT::id).toList()));
    assertThat(stored).hasSize(100);
    assertThat(log.writer().healthy()).isTrue();
    assertThat(log.writer().pending()).isZero();
    assertThat(log.storeWriter().written()).isEqualTo(100);
  }

  @Test
  void who_wants_a_tag_hears_of_it_and_finds_it_among_what_is_remembered() throws Exception {
    PostsLog log = start();
    Inbox inbox = new Inbox(10_000, () -> {});
    log.registerTag("tide", inbox);
    PostLine tagged =
        published(new UserId("bob"), 1).toBuilder()
            .setFacts(PostFacts.newBuilder().addTags("Tide"))
            .build();
    appendAll(log, List.of(published(ANN, 1), tagged));
    List<PostRef> refs = awaitRefs(inbox, 1);
    assertThat(refs).extracting(PostRef::id).containsExactly(id(tagged));
    assertThat(log.recentWithTag("tide", Positions.EMPTY)).isEqualTo(refs);
    log.unregisterTag("tide", inbox);
    assertThat(log.interest().tags()).isZero();
  }

  @Test
  void lines_appended_again_are_delivered_once() throws Exception {
    PostsLog log = start();
    Inbox inbox = inbox(log, ANN);
    PostLine post = published(ANN, 1);
    PostLine delete = deleted(post, 2);
    appendAll(log, List.of(post, delete, post, delete, published(ANN, 3)));
    assertThat(awaitRefs(inbox, 3))
        .extracting(PostRef::deleted)
        .containsExactly(false, true, false);
    assertThat(log.recentPosts().duplicates()).isEqualTo(2);
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> get(store.find(id(post))).map(StoredPost::deleted).orElse(false));
  }

  private void appendRaw(UserId key, byte[] value) throws Exception {
    appendRaw("tideline.posts." + cellName, key, value);
  }

  private static void appendRaw(String topic, UserId key, byte[] value) throws Exception {
    append(new ProducerRecord<>(topic, key.value().getBytes(UTF_8), value));
  }

  private static void append(ProducerRecord<byte[], byte[]> line) throws Exception {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", stack.kafka().bootstrapServers()),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      producer.send(line).get(20, SECONDS);
    }
  }

  private List<ParkedLine> parkedHere(PostsLog log) throws Exception {
    return get(log.parked().list(1_000)).stream()
        .filter(line -> line.topic().endsWith(cellName))
        .toList();
  }

  @Test
  void a_line_that_cannot_be_read_is_parked_by_one_node_and_replayed_when_repaired()
      throws Exception {
    PostsLog log = start();
    PostsLog other = start();
    Inbox inbox = inbox(log, ANN);
    appendAll(log, List.of(published(ANN, 1)));
    appendRaw(ANN, "not a line".getBytes(UTF_8));
    appendAll(log, List.of(published(ANN, 3)));
    assertThat(awaitRefs(inbox, 2)).hasSize(2);
    assertThat(log.tail().poison()).isEqualTo(1);
    await().atMost(Duration.ofSeconds(20)).until(() -> parkedHere(log).size() == 1);
    assertThat(log.storeWriter().parked() + other.storeWriter().parked()).isEqualTo(1);
    ParkedLine parked = parkedHere(log).get(0);
    assertThat(parked.reason()).startsWith("not a post line");
    assertThat(parked.value().toStringUtf8()).isEqualTo("not a line");
    assertThat(parked.key().toStringUtf8()).isEqualTo("ann");
    assertThat(parked.topicOffset()).isEqualTo(1);

    List<Long> offset = List.of(parked.offset());
    assertThat(get(log.parked().replay(offset, store))).isEqualTo(new Replay(0, 0, 1));
    PostLine repaired = published(ANN, 2);
    assertThat(get(log.parked().replayRepaired(parked.offset(), repaired, store)))
        .isEqualTo(new Replay(1, 0, 0));
    assertThat(awaitRefs(inbox, 1)).extracting(PostRef::id).containsExactly(id(repaired));
    assertThat(parkedHere(log)).isEmpty();
    assertThat(get(log.parked().replay(offset, store))).isEqualTo(new Replay(0, 0, 0));
  }

  @Test
  void a_parked_post_that_has_been_deleted_since_is_not_replayed() throws Exception {
    PostsLog log = start();
    PostLine post = published(ANN, 1);
    PostLine kept = published(ANN, 2);
    for (PostLine line : List.of(post, kept)) {
      get(
          log.parked()
              .park(
                  new ConsumerRecord<>(
                      "tideline.posts." + cellName,
                      0,
                      7,
                      "ann".getBytes(UTF_8),
                      line.toByteArray()),
                  "for the test"));
    }
    Inbox inbox = inbox(log, ANN);
    appendAll(log, List.of(deleted(post, 3)));
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> get(store.find(id(post))).map(StoredPost::deleted).orElse(false));
    List<Long> offsets = parkedHere(log).stream().map(ParkedLine::offset).toList();
    assertThat(get(log.parked().replay(offsets, store))).isEqualTo(new Replay(1, 1, 0));
    assertThat(awaitRefs(inbox, 2))
        .extracting(PostRef::id)
        .containsExactlyInAnyOrder(id(post), id(kept));
    assertThat(get(log.parked().replay(offsets, store))).isEqualTo(new Replay(0, 0, 0));
  }

  @Test
  void lines_of_another_cell_that_cannot_be_read_are_counted_too() throws Exception {
    OtherCell west = new OtherCell("west-of-" + cellName, 2, "127.0.0.1:1", Map.of());
    try (LogTopics copies = LogTopics.copiesOf(west, settings(""))) {
      get(copies.createCopy(copies.posts(), 3));
      appendRaw(copies.posts(), ANN, "not a line".getBytes(UTF_8));
    }
    PostsLog log = start("", List.of(west));
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(
            () -> {
              assertThat(log.parkedLines()).isEqualTo(1);
              assertThat(log.poison()).isEqualTo(1);
            });
  }

  @Test
  void posts_of_another_cell_are_stored_once_it_is_known_whom_this_one_has_erased()
      throws Exception {
    try (LogTopics own = new LogTopics(settings(""), cellName)) {
      get(own.createMissing());
    }
    appendRaw(ANN, published(ANN, 1).toByteArray());
    OtherCell west = new OtherCell("west-of-" + cellName, 2, "127.0.0.1:1", Map.of());
    PostLine theirs = published(ANN, 2);
    try (LogTopics copies = LogTopics.copiesOf(west, settings(""))) {
      get(copies.createCopy(copies.posts(), 3));
      ProducerRecord<byte[], byte[]> copy =
          new ProducerRecord<>(
              copies.posts(), 0, ANN.value().getBytes(UTF_8), theirs.toByteArray());
      new Stamp(new LogPartition(2, 7, 0), 0).addTo(copy.headers());
      append(copy);
    }
    PostsLog log = begin("", List.of(west));
    log.tail().pause();
    try {
      await()
          .during(Duration.ofSeconds(4))
          .atMost(Duration.ofSeconds(20))
          .until(() -> get(store.find(id(theirs))).isEmpty());
    } finally {
      log.tail().resume();
    }
    await().atMost(Duration.ofSeconds(20)).until(() -> get(store.find(id(theirs))).isPresent());
  }

  @Test
  void what_is_said_again_is_no_news_when_it_was_parked_either() throws Exception {
    PostsLog log = start();
    SaidAgain again = new SaidAgain(Set.of(1), new Stamp(new LogPartition(2, 7, 1), 100));
    ConsumerRecord<byte[], byte[]> line =
        new ConsumerRecord<>(
            "tideline.posts.west-of-" + cellName,
            0,
            7,
            "ann".getBytes(UTF_8),
            published(ANN, 1).toByteArray());
    again.addTo(line.headers());
    get(log.parked().park(line, "for the test"));
    ParkedLine parked = parkedHere(log).get(0);
    assertThat(get(log.parked().replay(List.of(parked.offset()), store)))
        .isEqualTo(new Replay(1, 0, 0));
    assertThat(SaidAgain.of(onlyLine().headers())).isEqualTo(again);
  }

  @Test
  void a_line_that_does_not_say_for_whom_it_is_said_again_stays_parked_until_it_is_repaired()
      throws Exception {
    PostsLog log = start();
    ConsumerRecord<byte[], byte[]> line =
        new ConsumerRecord<>(
            "tideline.posts." + cellName,
            0,
            7,
            "ann".getBytes(UTF_8),
            published(ANN, 1).toByteArray());
    line.headers().add("tideline-backfill", "?".getBytes(UTF_8));
    get(log.parked().park(line, "for the test"));
    List<Long> parked = List.of(parkedHere(log).get(0).offset());
    assertThat(get(log.parked().replay(parked, store))).isEqualTo(new Replay(0, 0, 1));
    assertThat(get(log.parked().replayRepaired(parked.get(0), published(ANN, 1), store)))
        .isEqualTo(new Replay(1, 0, 0));
    assertThat(SaidAgain.of(onlyLine().headers())).isNull();
  }

  /** The one in this cell's posts log. */
  private ConsumerRecord<byte[], byte[]> onlyLine() {
    String topic = "tideline.posts." + cellName;
    List<TopicPartition> partitions =
        IntStream.range(0, 3).mapToObj(number -> new TopicPartition(topic, number)).toList();
    List<ConsumerRecord<byte[], byte[]>> lines = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", stack.kafka().bootstrapServers()),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      await()
          .atMost(Duration.ofSeconds(20))
          .until(
              () -> {
                consumer.poll(Duration.ofMillis(200)).forEach(lines::add);
                return !lines.isEmpty();
              });
    }
    assertThat(lines).hasSize(1);
    return lines.get(0);
  }

  @Test
  void a_parked_intent_is_replayed_too() throws Exception {
    PostsLog log = start();
    List<IntentLine> told = new CopyOnWriteArrayList<>();
    IntentApplier applier =
        log.applyIntents(
                (target, lines) -> {
                  told.addAll(lines);
                  return CompletableFuture.completedStage(null);
                },
                Reached.start(kit.system(), List.of()))
            .get(0);
    IntentLine block =
        IntentLine.newBuilder()
            .setUserId("ann")
            .setOriginCell(1)
            .setAt(clock.next())
            .setBlocksChanged(BlocksChanged.newBuilder().addTargetIds("bob").setActive(true))
            .build();
    get(
        log.parked()
            .park(
                new ConsumerRecord<>(
                    "tideline.intents." + cellName,
                    0,
                    7,
                    "ann".getBytes(UTF_8),
                    block.toByteArray()),
                "for the test"));
    List<Long> offsets = parkedHere(log).stream().map(ParkedLine::offset).toList();
    assertThat(get(log.parked().replay(offsets, store))).isEqualTo(new Replay(1, 0, 0));
    await().atMost(Duration.ofSeconds(20)).until(() -> applier.applied() == 1);
    assertThat(told).extracting(line -> line.getBlockedBy().getBlockerId()).containsExactly("ann");
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(applier.lag()).hasSize(3).containsValues(0L, 0L, 0L));
  }

  @Test
  void a_node_that_starts_remembers_the_end_of_the_log() throws Exception {
    PostsLog first = start();
    appendAll(first, someLines(ANN, 1, 201));
    awaitStored();
    Positions applied = first.applied();
    get(first.stop());

    PostsLog second = start("tail.max-references = 60");
    assertThat(second.applied()).isEqualTo(applied);
    List<PostRef> remembered = second.recent(ANN, Positions.EMPTY);
    assertThat(remembered).hasSize(20);
    assertThat(remembered.get(19).offset).isEqualTo(199);
    assertThat(second.reachesBack(applied)).isTrue();
    assertThat(second.reachesBack(applied.with(remembered.get(0).partition, 179))).isFalse();
  }

  @Test
  void nothing_is_forgotten_before_it_is_stored() throws Exception {
    PostsLog log = start("tail.max-references = 30");
    Inbox inbox = inbox(log, ANN);
    appendAll(log, someLines(ANN, 1, 301));
    assertThat(awaitRefs(inbox, 300)).hasSize(300);
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(log.recentPosts().size()).isEqualTo(30));
    assertThat(log.storeWriter().written()).isEqualTo(300);
    assertThat(log.recent(ANN, Positions.EMPTY).get(0).offset).isEqualTo(270);
  }
}
