package io.tideline.multidc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.waitAtMost;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.tideline.localstack.LocalStack;
import io.tideline.localstack.LocalStackExtension;
import io.tideline.multidc.apply.IntentApplier;
import io.tideline.multidc.apply.IntentApplier.Targets;
import io.tideline.multidc.apply.Reached;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.LogWriter;
import io.tideline.multidc.log.OtherCell;
import io.tideline.multidc.log.ParkedLine;
import io.tideline.multidc.log.ParkedLines;
import io.tideline.multidc.log.Stamp;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.AppliedPositions;
import io.tideline.protocols.log.v1.BlockedBy;
import io.tideline.protocols.log.v1.BlocksChanged;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.MuteRuleChanged;
import io.tideline.protocols.log.v1.MuteRuleContent;
import io.tideline.protocols.log.v1.MutesChanged;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LocalStackExtension.class)
class IntentApplierIT {
  private static final AtomicInteger CELLS = new AtomicInteger();
  private static final int CELL = 3;
  private static final int WEST = 2;
  private static final Duration SOON = Duration.ofSeconds(30);
  private static ActorTestKit kit;
  private static Reached reached;

  private final String cellName = "intent-applier-it-" + CELLS.incrementAndGet();
  private final String kafka;
  private final LogSettings settings;
  private final LogTopics topics;
  private final LogWriter writer;
  private final ParkedLines parked;
  private final List<IntentApplier> started = new ArrayList<>();
  private final LogTopics copies;
  private final AtomicInteger calls = new AtomicInteger();
  private final List<IntentLine> told = new CopyOnWriteArrayList<>();

  IntentApplierIT(LocalStack stack) {
    kafka = stack.kafka().bootstrapServers();
    Config config =
        ConfigFactory.parseString(
            "tideline.multi-dc.log { bootstrap-servers = \"%s\", topics.partitions = 3 }"
                .formatted(kafka));
    settings = LogSettings.from(config.withFallback(ConfigFactory.load()));
    topics = new LogTopics(settings, cellName);
    copies =
        LogTopics.copiesOf(
            new OtherCell("west-of-" + cellName, WEST, "not asked", Map.of()), settings);
    writer = new LogWriter(settings, topics);
    parked = new ParkedLines(settings, topics, writer);
  }

  @BeforeEach
  void createTopics() throws Exception {
    get(topics.createMissing());
    get(copies.createCopy(copies.intents(), 3));
  }

  @AfterEach
  void stop() throws Exception {
    started.forEach(IntentApplier::stop);
    get(writer.stop());
    topics.close();
    copies.close();
  }

  @BeforeAll
  static void start() {
    kit = ActorTestKit.create();
    reached = Reached.start(kit.system(), List.of(new OtherCell("west", 2, "not asked", Map.of())));
  }

  @AfterAll
  static void shutDown() {
    kit.shutdownTestKit();
  }

  @Test
  void who_is_blocked_learns_of_it_and_of_its_end() throws Exception {
    start(this::learn);
    get(writer.append(block("ann", 7, true, "bob", "cat")));
    get(writer.append(block("ann", 9, false, "bob")));
    awaitApplied();
    assertThat(told)
        .containsExactlyInAnyOrder(
            blockedBy("ann", 7, true, "bob"),
            blockedBy("ann", 7, true, "cat"),
            blockedBy("ann", 9, false, "bob"));
  }

  @Test
  void other_intents_concern_nobody_else() throws Exception {
    IntentApplier applier = start(this::learn);
    get(writer.append(line("ann", 7).setFollowsChanged(follow("bob")).build()));
    get(writer.append(line("ann", 8).setMutesChanged(mute("bob")).build()));
    awaitApplied();
    assertThat(told).isEmpty();
    assertThat(applier.parked()).isZero();
  }

  @Test
  void what_a_target_does_not_take_is_late_and_not_lost() throws Exception {
    AtomicInteger refused = new AtomicInteger();
    IntentApplier applier =
        start(
            (target, lines) ->
                target.value().equals("bob") && refused.incrementAndGet() <= 3
                    ? CompletableFuture.failedStage(new IllegalStateException("bob is moving"))
                    : learn(target, lines));
    get(writer.append(block("ann", 7, true, "bob", "cat")));
    awaitApplied();
    assertThat(told)
        .containsExactlyInAnyOrder(
            blockedBy("ann", 7, true, "bob"), blockedBy("ann", 7, true, "cat"));
    assertThat(applier.retries()).isEqualTo(3);
    assertThat(applier.applied()).isEqualTo(2);
  }

  @Test
  void what_one_node_could_not_tell_another_one_tells() throws Exception {
    IntentApplier first =
        start(
            (target, lines) ->
                target.value().equals("bob")
                    ? CompletableFuture.failedStage(new IllegalStateException("bob is away"))
                    : CompletableFuture.completedStage(null));
    get(writer.append(block("ann", 7, true, "bob", "cat")));
    get(writer.append(block("ann", 8, true, "dan")));
    waitAtMost(SOON).until(() -> first.applied() == 1 && first.retries() > 0);
    assertThat(lag()).isEqualTo(2);
    first.stop();
    start(this::learn);
    awaitApplied();
    assertThat(told).contains(blockedBy("ann", 7, true, "bob"), blockedBy("ann", 8, true, "dan"));
  }

  @Test
  void a_line_that_cannot_be_read_is_parked_and_the_next_one_applied() throws Exception {
    IntentApplier applier = start(this::learn);
    appendRaw("not a line".getBytes(UTF_8));
    appendRaw(block("ann", 6, true, "not a user").toByteArray());
    appendRaw(block("ann", 0, true, "bob").toByteArray());
    appendRaw(line("ann", 7).build().toByteArray());
    ProducerRecord<byte[], byte[]> unsaid =
        new ProducerRecord<>(
            topics.intents(), "ann".getBytes(UTF_8), block("ann", 5, true, "bob").toByteArray());
    unsaid.headers().add("tideline-backfill", null);
    send(unsaid);
    get(writer.append(block("ann", 8, true, "bob")));
    awaitApplied();
    assertThat(told).containsExactly(blockedBy("ann", 8, true, "bob"));
    assertThat(applier.parked()).isEqualTo(5);
    assertThat(parkedHere())
        .extracting(ParkedLine::reason)
        .satisfiesExactlyInAnyOrder(
            reason -> assertThat(reason).startsWith("not an intent line"),
            reason -> assertThat(reason).startsWith("a user id has"),
            reason -> assertThat(reason).startsWith("a time is positive"),
            reason -> assertThat(reason).startsWith("no intent that is known here"),
            reason -> assertThat(reason).startsWith("the header tideline-backfill says nothing"));
  }

  @Test
  void what_a_user_decides_in_another_cell_is_told_in_order_and_together() throws Exception {
    List<IntentLine> lines = new ArrayList<>();
    for (int at = 1; at <= 60; at++) {
      lines.add(west("ann", at).setMutesChanged(mute("user-" + at)).build());
    }
    for (IntentLine line : lines) copy(line);
    start(copies, this::learnSlowly);
    awaitApplied(copies);
    assertThat(told).isEqualTo(lines);
    assertThat(calls.get()).isBetween(2, 6);
  }

  @Test
  void who_is_blocked_in_another_cell_learns_of_it_too() throws Exception {
    start(copies, this::learn);
    IntentLine block = block("ann", 7, true, "bob").toBuilder().setOriginCell(WEST).build();
    copy(block);
    awaitApplied(copies);
    IntentLine inverse = blockedBy("ann", 7, true, "bob").toBuilder().setOriginCell(WEST).build();
    assertThat(told).containsExactlyInAnyOrder(block, inverse);
  }

  @Test
  void what_comes_back_from_another_cell_is_known_here() throws Exception {
    start(copies, this::learn);
    copy(line("ann", 7).setMutesChanged(mute("bob")).build());
    copy(west("ann", 8).setMutesChanged(mute("bob")).build());
    awaitApplied(copies);
    assertThat(told).extracting(IntentLine::getAt).containsExactly(8L);
  }

  @Test
  void what_is_refused_keeps_its_place() throws Exception {
    AtomicInteger refused = new AtomicInteger();
    start(
        copies,
        (target, lines) ->
            refused.incrementAndGet() <= 2
                ? CompletableFuture.failedStage(new IllegalStateException("ann is moving"))
                : learn(target, lines));
    for (int at = 1; at <= 20; at++) copy(west("ann", at).setMutesChanged(mute("bob")).build());
    awaitApplied(copies);
    assertThat(told).extracting(IntentLine::getAt).isSorted().hasSize(20);
  }

  @Test
  void what_no_user_could_take_is_parked() throws Exception {
    IntentApplier applier = start(copies, this::learn);
    IntentLine neither =
        west("ann", 7)
            .setMuteRuleChanged(
                MuteRuleChanged.newBuilder()
                    .setRuleId("r1")
                    .setContent(MuteRuleContent.getDefaultInstance()))
            .build();
    copy(neither);
    copy(west("ann", 8).setMutesChanged(mute("bob")).build());
    awaitApplied(copies);
    assertThat(told).extracting(IntentLine::getAt).containsExactly(8L);
    assertThat(applier.parked()).isOne();
    assertThat(parkedHere())
        .extracting(ParkedLine::reason)
        .containsExactly("a rule is about either words or a tag");
  }

  @Test
  void how_far_another_cell_has_come_is_known_from_what_it_says() throws Exception {
    IntentApplier applier = start(copies, this::learn);
    Positions done = Positions.EMPTY.with(new LogPartition(CELL, 7, 3), 1_000);
    copy(west("ann", 41).setMutesChanged(mute("bob")).build());
    copy(
        IntentLine.newBuilder()
            .setOriginCell(WEST)
            .setAt(42)
            .setAppliedPositions(AppliedPositions.newBuilder().addAllPositions(done.toProto()))
            .setReadsForm(7)
            .build());
    waitAtMost(SOON).until(() -> reached.by(done), Set.of(WEST)::equals);
    assertThat(reached.formOfOthers()).isEqualTo(7);
    assertThat(reached.by(done.with(new LogPartition(CELL, 7, 3), 1_001))).isEmpty();
    assertThat(reached.lately()).containsExactly(WEST);
    awaitApplied(copies);
    assertThat(told).extracting(IntentLine::getAt).containsExactly(41L);
    assertThat(applier.reached()).isEqualTo(Positions.EMPTY.with(new LogPartition(WEST, 7, 0), 43));
    assertThat(applier.parked()).isZero();
  }

  private IntentLine.Builder west(String user, long at) {
    return line(user, at).setOriginCell(WEST);
  }

  private void copy(IntentLine line) throws Exception {
    ProducerRecord<byte[], byte[]> copy =
        new ProducerRecord<>(
            copies.intents(), 0, line.getUserId().getBytes(UTF_8), line.toByteArray());
    new Stamp(new LogPartition(WEST, 7, 0), line.getAt()).addTo(copy.headers());
    send(copy);
  }

  @Test
  void nodes_share_the_log() throws Exception {
    IntentApplier one = start(this::learn);
    IntentApplier other = start(this::learn);
    AtomicInteger users = new AtomicInteger();
    waitAtMost(SOON)
        .pollInterval(Duration.ofMillis(200))
        .until(
            () -> {
              String user = "user-" + users.incrementAndGet();
              get(writer.append(block(user, 7, true, "bob")));
              return one.applied() > 0 && other.applied() > 0;
            });
    awaitApplied();
    assertThat(told)
        .extracting(line -> line.getBlockedBy().getBlockerId())
        .contains("user-1", "user-" + users.get())
        .hasSizeGreaterThanOrEqualTo(users.get());
  }

  private IntentApplier start(Targets targets) {
    return start(topics, targets);
  }

  private IntentApplier start(LogTopics of, Targets targets) {
    IntentApplier applier =
        new IntentApplier(kit.system(), settings, CELL, of, parked, targets, reached);
    started.add(applier);
    applier.start();
    return applier;
  }

  private CompletionStage<Void> learn(UserId target, List<IntentLine> lines) {
    assertThat(lines).allMatch(line -> line.getUserId().equals(target.value()));
    told.addAll(lines);
    calls.incrementAndGet();
    return CompletableFuture.completedStage(null);
  }

  private CompletionStage<Void> learnSlowly(UserId target, List<IntentLine> lines) {
    return learn(target, lines)
        .thenRunAsync(() -> {}, CompletableFuture.delayedExecutor(300, MILLISECONDS));
  }

  private long lag() throws Exception {
    return lag(topics);
  }

  private long lag(LogTopics of) throws Exception {
    return get(of.intentBounds()).groupLag().values().stream().mapToLong(Long::longValue).sum();
  }

  private void awaitApplied() {
    awaitApplied(topics);
  }

  private void awaitApplied(LogTopics of) {
    waitAtMost(SOON).until(() -> lag(of) == 0);
  }

  private List<ParkedLine> parkedHere() throws Exception {
    return get(parked.list(1_000)).stream()
        .filter(line -> line.topic().endsWith(cellName))
        .toList();
  }

  private void appendRaw(byte[] value) throws Exception {
    send(new ProducerRecord<>(topics.intents(), "ann".getBytes(UTF_8), value));
  }

  private void send(ProducerRecord<byte[], byte[]> record) throws Exception {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", kafka),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      producer.send(record).get(20, SECONDS);
    }
  }

  private static IntentLine.Builder line(String user, long at) {
    return IntentLine.newBuilder()
        .setUserId(user)
        .setOriginCell(CELL)
        .setSequence(at)
        .setWriterEpoch(1)
        .setAt(at);
  }

  private static IntentLine block(String user, long at, boolean active, String... targets) {
    return line(user, at)
        .setBlocksChanged(
            BlocksChanged.newBuilder().addAllTargetIds(List.of(targets)).setActive(active))
        .build();
  }

  private static IntentLine blockedBy(String blocker, long at, boolean active, String user) {
    return IntentLine.newBuilder()
        .setUserId(user)
        .setOriginCell(CELL)
        .setAt(at)
        .setBlockedBy(BlockedBy.newBuilder().setBlockerId(blocker).setActive(active))
        .build();
  }

  private static FollowsChanged follow(String target) {
    return FollowsChanged.newBuilder().addTargetIds(target).setActive(true).build();
  }

  private static MutesChanged mute(String target) {
    return MutesChanged.newBuilder().addTargetIds(target).setActive(true).build();
  }

  private static <T> T get(CompletionStage<T> stage) throws Exception {
    return stage.toCompletableFuture().get(20, SECONDS);
  }
}
