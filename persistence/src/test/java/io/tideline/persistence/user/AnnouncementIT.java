package io.tideline.persistence.user;

import static io.tideline.persistence.posts.TestKeyspace.await;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.waitAtMost;

import com.google.protobuf.ByteString;
import com.typesafe.config.ConfigFactory;
import io.tideline.persistence.outbox.Outbox;
import io.tideline.persistence.posts.TestKeyspace;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.ResidentTimeline;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.TimelineStats;
import io.tideline.persistence.user.UserEntity.Announce;
import io.tideline.persistence.user.UserEntity.Apply;
import io.tideline.persistence.user.UserEntity.ApplyAll;
import io.tideline.persistence.user.UserEntity.Command;
import io.tideline.persistence.user.UserEntity.Decide;
import io.tideline.persistence.user.UserEntity.Erase;
import io.tideline.persistence.user.UserEntity.Publish;
import io.tideline.persistence.user.UserEntity.Settle;
import io.tideline.persistence.user.UserReply.Receipt;
import io.tideline.persistence.user.UserReply.Refusal;
import io.tideline.persistence.user.UserReply.Refused;
import io.tideline.persistence.user.UserReply.Written;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.BlockedBy;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ListChanged;
import io.tideline.protocols.log.v1.ListContent;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.log.v1.UserErased;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding.ShardCommand;
import org.apache.pekko.persistence.testkit.PersistenceTestKitPlugin;
import org.apache.pekko.persistence.testkit.PersistenceTestKitSnapshotPlugin;
import org.apache.pekko.persistence.testkit.javadsl.PersistenceTestKit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class AnnouncementIT {
  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final ActorTestKit SYSTEM =
      ActorTestKit.create(
          PersistenceTestKitPlugin.config()
              .withFallback(PersistenceTestKitSnapshotPlugin.config())
              .withFallback(ConfigFactory.load()));
  private static final PersistenceTestKit JOURNAL = PersistenceTestKit.create(SYSTEM.system());
  private static final AtomicInteger USERS = new AtomicInteger();
  private static final Duration SOON = Duration.ofSeconds(30);

  private final UserId user = new UserId("user-" + USERS.incrementAndGet());
  private final Log log = new Log();
  private final Outbox outbox = new Outbox(KEYSPACE.session(), KEYSPACE.name());
  private final Kept remains = new Kept();
  private final ResidentTimelines residents = new ResidentTimelines();
  private final TestProbe<UserReply> replies = SYSTEM.createTestProbe(UserReply.class);
  private final TestProbe<ShardCommand> shard = SYSTEM.createTestProbe(ShardCommand.class);
  private volatile boolean fenceOpen = true;
  private volatile boolean located = true;
  private ActorRef<Command> entity = spawn(passivateAfter(Duration.ofMinutes(10)));

  @AfterAll
  static void stop() {
    SYSTEM.shutdownTestKit();
  }

  @Test
  void what_is_acknowledged_leaves_no_row() {
    follow("ann");
    assertThat(log.followed).containsExactly("ann");
    waitAtMost(SOON).until(() -> rows().isEmpty());
  }

  @Test
  void what_the_log_refuses_keeps_its_row_and_is_announced_later() {
    log.away = true;
    follow("ann");
    assertThat(rows()).hasSize(1);
    waitAtMost(SOON).until(() -> log.refused.get() >= 2);
    assertThat(rows()).hasSize(1);
    log.away = false;
    waitAtMost(SOON).until(() -> rows().isEmpty());
    assertThat(log.followed).containsExactly("ann");
  }

  @Test
  void what_is_more_than_the_log_takes_at_once_is_announced_bit_by_bit() {
    Payload nothing = new Payload(new byte[0]);
    log.away = true;
    for (int i = 0; i < 1_200; i++) {
      entity.tell(new Publish(user, "key-" + i, 1_000L + i, 1, nothing, nothing, replies.ref()));
      replies.expectMessageClass(Written.class, SOON);
    }
    restart();
    log.room = 500;
    log.away = false;
    entity.tell(new Announce(user, rows().get(0)));
    waitAtMost(SOON).until(() -> rows().isEmpty());
    assertThat(log.posts).hasSize(1_200);
  }

  @Test
  void while_very_many_lines_wait_for_the_log_nobody_adds_old_ones() {
    log.away = true;
    follow("ann");
    log.away = false;
    log.busy = true;
    waitAtMost(SOON).during(Duration.ofSeconds(2)).until(() -> log.followed.isEmpty());
    log.busy = false;
    waitAtMost(SOON).until(() -> rows().isEmpty());
    assertThat(log.followed).containsExactly("ann");
  }

  @Test
  void the_first_write_of_a_life_announces_what_the_one_before_may_have_left() {
    log.away = true;
    follow("ann");
    long left = rows().get(0);
    restart();
    log.away = false;
    follow("bea");
    waitAtMost(SOON).until(() -> log.followed.containsAll(List.of("ann", "bea")));
    waitAtMost(SOON).until(() -> rows().stream().allMatch(row -> row == left));
    assertThat(log.followed).containsExactlyInAnyOrder("ann", "bea");
  }

  @Test
  void who_writes_once_in_each_life_does_not_announce_all_of_them_again_and_again() {
    for (int life = 0; life < 12; life++) {
      follow("friend-" + life);
      waitAtMost(SOON).until(() -> rows().isEmpty());
      restart();
    }
    assertThat(log.followed).hasSizeLessThan(2 * 12 + 12);
  }

  @Test
  void while_the_log_is_away_the_past_keeps_nobody_waiting_for_long() {
    log.away = true;
    for (int life = 0; life < 5; life++) {
      follow("friend-" + life);
      restart();
    }
    log.away = false;
    log.later = new CompletableFuture<>();
    follow("sue");
    log.later = null;
    assertThat(JOURNAL.persistedInStorage(id())).hasSize(6);
  }

  @Test
  void what_the_log_refuses_while_the_past_is_announced_is_announced_after_it() {
    log.away = true;
    follow("ann");
    restart();
    CompletableFuture<Void> past = new CompletableFuture<>();
    log.later = past;
    log.away = false;
    entity.tell(new Announce(user, rows().get(0)));
    waitAtMost(SOON).until(() -> log.unanswered.get() == 1);
    log.away = true;
    follow("bea");
    waitAtMost(SOON).until(() -> log.refused.get() >= 2);
    // Longer than until a retry.
    waitAtMost(SOON).during(Duration.ofSeconds(1)).until(() -> log.followed.isEmpty());
    log.later = null;
    log.away = false;
    past.complete(null);
    waitAtMost(SOON).until(() -> rows().isEmpty());
    assertThat(log.followed).containsExactly("bea");
  }

  @Test
  void the_row_that_a_sweeper_saw_goes_once_all_is_announced_and_not_before() {
    log.away = true;
    follow("ann");
    restart();
    long row = rows().get(0);
    long older = markedByAnEarlierLife();
    entity.tell(new Announce(user, row));
    entity.tell(new Announce(user, older));
    waitAtMost(SOON).until(() -> log.refused.get() >= 3);
    assertThat(rows()).containsExactlyInAnyOrder(row, older);
    log.away = false;
    waitAtMost(SOON).until(() -> rows().isEmpty());
    assertThat(log.followed).containsExactly("ann");
  }

  @Test
  void a_row_that_came_back_is_cleared_in_vain() {
    long row = markedByAnEarlierLife();
    entity.tell(new Announce(user, row));
    waitAtMost(SOON).until(() -> rows().isEmpty());
    assertThat(log.followed).isEmpty();
  }

  @Test
  void who_writes_on_and_on_is_not_taken_for_somebody_who_waits() throws InterruptedException {
    long end = System.nanoTime() + Duration.ofSeconds(8).toNanos();
    for (int i = 0; System.nanoTime() < end; i++) {
      follow("ann-" + i);
      assertThat(rows())
          .as("when they were marked, at %s", Instant.now())
          .extracting(row -> Instant.ofEpochMilli(HybridClock.millisOf(row)))
          .allMatch(at -> at.isAfter(Instant.now().minusSeconds(5)));
      Thread.sleep(200);
    }
    waitAtMost(SOON).until(() -> rows().isEmpty());
  }

  @Test
  void an_entity_behind_a_closed_fence_neither_announces_nor_clears() {
    log.away = true;
    follow("ann");
    fenceOpen = false;
    log.away = false;
    entity.tell(new Announce(user, rows().get(0)));
    waitAtMost(SOON).during(Duration.ofMillis(1_500)).until(() -> rows().size() == 1);
    assertThat(log.followed).isEmpty();
    fenceOpen = true;
    waitAtMost(SOON).until(() -> rows().isEmpty());
    assertThat(log.followed).containsExactly("ann");
  }

  @Test
  void who_has_posted_need_not_wait_for_the_posts_log_to_see_whom_it_follows() {
    Payload nothing = new Payload(new byte[0]);
    entity.tell(new Publish(user, "key", null, 1, nothing, nothing, replies.ref()));
    assertThat(replies.expectMessageClass(Written.class, SOON).postSequence()).isEqualTo(1);
    assertThat(follow("ann").postSequence()).isZero();
  }

  @Test
  void what_somebody_else_has_decided_is_persisted_once_and_not_announced() {
    log.away = true;
    assertThat(apply(7, true)).isOne();
    assertThat(apply(7, true)).isZero();
    assertThat(apply(9, false)).isOne();
    assertThat(apply(7, true)).isZero();
    assertThat(JOURNAL.persistedInStorage(UserEntity.persistenceId(user).id())).hasSize(2);
    assertThat(rows()).isEmpty();
    assertThat(log.refused).hasValue(0);
  }

  @Test
  void who_asks_is_told_when_the_log_has_what_was_announced_and_not_before() {
    log.away = true;
    follow("ann");
    entity.tell(new Settle(user, replies.ref()));
    replies.expectNoMessage(Duration.ofMillis(500));
    log.away = false;
    replies.expectMessageClass(Written.class, SOON);
    assertThat(log.followed).contains("ann");
    entity.tell(new Settle(user, replies.ref()));
    replies.expectMessageClass(Written.class, SOON);
  }

  @Test
  void what_an_earlier_life_has_left_is_announced_when_somebody_asks() {
    log.away = true;
    follow("ann");
    restart();
    log.away = false;
    entity.tell(new Settle(user, replies.ref()));
    replies.expectMessageClass(Written.class, SOON);
    assertThat(log.followed).contains("ann");
  }

  @Test
  void what_came_together_is_applied_together_and_what_is_known_is_not_persisted_again() {
    Payload known = blockedBy("ann", 7, true);
    apply(7, true);
    ApplyAll all =
        new ApplyAll(
            user,
            List.of(known, blockedBy("bea", 3, true), blockedBy("cy", 4, true)),
            replies.ref());
    entity.tell(all);
    assertThat(replies.expectMessageClass(Written.class, SOON).changed()).isEqualTo(2);
    assertThat(JOURNAL.persistedInStorage(id())).hasSize(3);
    entity.tell(all);
    assertThat(replies.expectMessageClass(Written.class, SOON).changed()).isZero();
  }

  @Test
  void who_is_erased_in_another_cell_is_erased_here_and_this_cell_says_so_too() {
    follow("ann");
    IntentLine erased =
        IntentLine.newBuilder()
            .setUserId(user.value())
            .setOriginCell(2)
            .setAt(HybridClock.ofMillis(1_763_650_000_000L))
            .setUserErased(UserErased.getDefaultInstance())
            .build();
    ApplyAll all =
        new ApplyAll(
            user,
            List.of(blockedBy("bea", 3, true), new Payload(erased.toByteArray())),
            replies.ref());
    entity.tell(all);
    assertThat(replies.expectMessageClass(Written.class, SOON).changed()).isOne();
    waitAtMost(SOON).until(() -> remains.lastEvents.contains(1L));
    waitAtMost(SOON).until(() -> rows().isEmpty());
    assertThat(log.erased).hasValue(1);
    assertThat(log.usersErased).hasValue(1);
    assertThat(refusal(decide("bea"))).isEqualTo(Refusal.ERASED);
    assertThat(erase().at()).isEqualTo(erased.getAt());
    entity.tell(all);
    assertThat(replies.expectMessageClass(Written.class, SOON).changed()).isZero();
  }

  @Test
  void a_checkpoint_that_would_be_as_cold_as_the_last_one_is_not_written() {
    follow("ann");
    entity = restarted(passivateAfter(Duration.ofSeconds(2)));
    wake();
    entity.tell(new UserEntity.Stop());
    replies.expectTerminated(entity, SOON);
    assertThat(checkpoints()).isOne();
    located = false;
    entity = restarted(passivateAfter(Duration.ofSeconds(2)));
    for (int i = 0; i < 25; i++) {
      wake();
      replies.expectNoMessage(Duration.ofMillis(200));
    }
    entity.tell(new UserEntity.Stop());
    replies.expectTerminated(entity, SOON);
    assertThat(checkpoints()).isOne();
  }

  @Test
  void a_list_that_nobody_reads_goes_to_sleep_while_the_home_feed_is_read() {
    entity = restarted(passivateAfter(Duration.ofSeconds(1)));
    decide(
        IntentLine.newBuilder()
            .setListChanged(
                ListChanged.newBuilder()
                    .setListId("pals")
                    .setContent(ListContent.newBuilder().setName("Pals"))));
    String pals = Rules.surfaceOf("pals");
    wake();
    wake(pals);
    assertThat(residents.get(user, pals)).isNotNull();
    ResidentTimeline home = requireNonNull(residents.get(user, ResidentTimelines.HOME));
    waitAtMost(SOON).until(() -> home.read() != null && residents.get(user, pals) == null);
    assertThat(residents.get(user, ResidentTimelines.HOME)).isSameAs(home);
    wake(pals);
    assertThat(residents.get(user, pals)).isNotNull();
  }

  private void wake() {
    wake(ResidentTimelines.HOME);
  }

  private void wake(String surface) {
    entity.tell(new UserEntity.Wake(user, surface, replies.ref()));
    assertThat(replies.receiveMessage(SOON)).isNotInstanceOf(Refused.class);
  }

  private long checkpoints() {
    return JOURNAL.persistedInStorage(id()).stream()
        .filter(event -> event instanceof UserEvent.EntriesArrived)
        .count();
  }

  @Test
  void who_asks_just_before_the_entity_leaves_is_answered() {
    entity.tell(decide("ann"));
    entity.tell(new UserEntity.Stop());
    replies.expectMessageClass(Written.class, SOON);
    replies.expectTerminated(entity, SOON);
  }

  @Test
  void who_asks_for_an_erasure_just_before_the_entity_leaves_is_answered() {
    CompletableFuture<Integer> deleted = new CompletableFuture<>();
    remains.deleted = deleted;
    entity.tell(new Erase(user, replies.ref()));
    waitAtMost(SOON).until(() -> !remains.lastEvents.isEmpty());
    entity.tell(new UserEntity.Stop());
    replies.expectNoMessage(Duration.ofMillis(100));
    deleted.complete(Kept.POSTS);
    assertThat(replies.expectMessageClass(Receipt.class, SOON).posts()).isEqualTo(Kept.POSTS);
    replies.expectTerminated(entity, SOON);
  }

  @Test
  void an_entity_that_leaves_waits_for_the_logs_no_longer_than_a_moment() {
    log.away = true;
    follow("ann");
    entity.tell(new Settle(user, replies.ref()));
    entity.tell(new UserEntity.Stop());
    assertThat(replies.expectMessageClass(Refused.class, SOON).why())
        .isEqualTo(Refusal.UNAVAILABLE);
    replies.expectTerminated(entity, SOON);
  }

  private int apply(long at, boolean active) {
    entity.tell(new Apply(user, blockedBy("ann", at, active), replies.ref()));
    return replies.expectMessageClass(Written.class, SOON).changed();
  }

  private Payload blockedBy(String blocker, long at, boolean active) {
    IntentLine line =
        IntentLine.newBuilder()
            .setUserId(user.value())
            .setOriginCell(1)
            .setAt(at)
            .setBlockedBy(BlockedBy.newBuilder().setBlockerId(blocker).setActive(active))
            .build();
    return new Payload(line.toByteArray());
  }

  @Test
  void an_erasure_is_answered_once_nothing_is_left_and_the_same_for_ever() {
    follow("ann");
    remains.away = true;
    assertThat(refusal(new Erase(user, replies.ref()))).isEqualTo(Refusal.ERASING);
    assertThat(log.erased).hasValue(1);
    remains.away = false;
    Receipt receipt = erase();
    assertThat(receipt.events()).isEqualTo(1);
    assertThat(receipt.posts()).isEqualTo(Kept.POSTS);
    assertThat(receipt.doneAtMillis()).isGreaterThanOrEqualTo(HybridClock.millisOf(receipt.at()));
    assertThat(rows()).isEmpty();

    assertThat(erase()).isEqualTo(receipt);
    restart();
    assertThat(erase()).isEqualTo(receipt);
    assertThat(refusal(decide("bea"))).isEqualTo(Refusal.ERASED);
    assertThat(log.followed).containsExactly("ann");
    assertThat(remains.lastEvents).containsOnly(1L);
  }

  @Test
  void an_erasure_that_was_cut_short_goes_on_when_the_row_is_seen() {
    log.away = true;
    follow("ann");
    entity.tell(new Erase(user, replies.ref()));
    waitAtMost(SOON).until(() -> JOURNAL.persistedInStorage(id()).size() == 2);
    restart();
    assertThat(rows()).hasSize(1);
    log.away = false;
    remains.away = true;
    entity.tell(new Announce(user, rows().get(0)));
    waitAtMost(SOON).until(() -> remains.lastEvents.size() > 1);
    assertThat(rows()).hasSize(1);
    remains.away = false;
    waitAtMost(SOON).until(() -> rows().isEmpty());
    assertThat(log.followed).as("what need not be announced any more").isEmpty();
    assertThat(log.erased.get()).isPositive();
  }

  private Receipt erase() {
    entity.tell(new Erase(user, replies.ref()));
    return replies.expectMessageClass(Receipt.class, SOON);
  }

  private Refusal refusal(Command command) {
    entity.tell(command);
    return replies.expectMessageClass(Refused.class, SOON).why();
  }

  private String id() {
    return UserEntity.persistenceId(user).id();
  }

  private Written follow(String whom) {
    entity.tell(decide(whom));
    return replies.expectMessageClass(Written.class, SOON);
  }

  private void decide(IntentLine.Builder intent) {
    entity.tell(new Decide(user, new Payload(intent.build().toByteArray()), replies.ref()));
    replies.expectMessageClass(Written.class, SOON);
  }

  private Decide decide(String whom) {
    IntentLine intent =
        IntentLine.newBuilder()
            .setFollowsChanged(FollowsChanged.newBuilder().addTargetIds(whom).setActive(true))
            .build();
    return new Decide(user, new Payload(intent.toByteArray()), replies.ref());
  }

  private long markedByAnEarlierLife() {
    long at = HybridClock.ofMillis(Instant.now().minus(Duration.ofMinutes(10)).toEpochMilli());
    await(outbox.mark(user, at).exceptionally(tooLate -> null));
    return at;
  }

  private List<Long> rows() {
    return KEYSPACE
        .session()
        .execute(
            "SELECT at FROM %s.outbox WHERE user = '%s' ALLOW FILTERING"
                .formatted(KEYSPACE.name(), user))
        .all()
        .stream()
        .map(row -> row.getLong(0))
        .toList();
  }

  private void restart() {
    entity = restarted(passivateAfter(Duration.ofMinutes(10)));
  }

  private ActorRef<Command> restarted(UserEntity.Limits limits) {
    SYSTEM.stop(entity);
    return spawn(limits);
  }

  private static UserEntity.Limits passivateAfter(Duration limit) {
    return new UserEntity.Limits(100, 100, 100, limit, Duration.ofMillis(300));
  }

  private final class Arrivals extends NoArrivals {
    @Override
    public boolean reachesBack(Positions from) {
      return located;
    }

    @Override
    public boolean remembersSince(Positions applied) {
      return true;
    }
  }

  private ActorRef<Command> spawn(UserEntity.Limits limits) {
    LiveTimeline.Surroundings timelines =
        new LiveTimeline.Surroundings(
            new Arrivals(),
            (sources, olderThan, newerThan, limit, wanted) ->
                CompletableFuture.completedFuture(new Newest(List.of(), false)),
            new NoTexts(),
            residents,
            new TimelineStats(nanos -> {}, nanos -> {}),
            posts -> {},
            10,
            10);
    return SYSTEM.spawn(
        UserEntity.create(
            user,
            new UserEntity.Surroundings(
                new HybridClock(InstantSource.system()),
                1,
                () -> fenceOpen,
                () -> true,
                "here",
                log,
                outbox,
                (id, from, to) ->
                    CompletableFuture.completedFuture(
                        JOURNAL.persistedInStorage(id.id()).stream()
                            .map(UserEvent.class::cast)
                            .toList()
                            .subList((int) from - 1, (int) to)),
                remains,
                new JournalStats(nanos -> {}),
                timelines,
                limits),
            shard.ref()));
  }

  /** Keeps what was followed, or refuses it while away. */
  private static final class Log implements LogPort {
    final List<String> followed = new CopyOnWriteArrayList<>();
    final AtomicInteger refused = new AtomicInteger();
    final AtomicInteger erased = new AtomicInteger();
    final AtomicInteger usersErased = new AtomicInteger();
    final Set<ByteString> posts = ConcurrentHashMap.newKeySet();
    private final AtomicInteger underWay = new AtomicInteger();
    volatile boolean away;
    final AtomicInteger unanswered = new AtomicInteger();
    volatile @Nullable CompletableFuture<Void> later;
    volatile boolean busy;
    volatile int room = Integer.MAX_VALUE;

    @Override
    public boolean busy() {
      return busy;
    }

    @Override
    public CompletionStage<Void> append(IntentLine line) {
      if (away) {
        refused.incrementAndGet();
        return CompletableFuture.failedFuture(new IllegalStateException("the log is away"));
      }
      CompletableFuture<Void> answer = later;
      if (answer != null) {
        unanswered.incrementAndGet();
        return answer;
      }
      if (line.hasUserErased()) usersErased.incrementAndGet();
      followed.addAll(line.getFollowsChanged().getTargetIdsList());
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletionStage<Void> append(PostLine line) {
      if (away) {
        refused.incrementAndGet();
        return CompletableFuture.failedFuture(new IllegalStateException("the log is away"));
      }
      if (line.getKind() == PostLineKind.POST_LINE_KIND_ERASED) erased.incrementAndGet();
      if (underWay.incrementAndGet() > room) {
        underWay.decrementAndGet();
        return CompletableFuture.failedFuture(new IllegalStateException("the line was not taken"));
      }
      return CompletableFuture.runAsync(
          () -> {
            underWay.decrementAndGet();
            posts.add(line.getPostId());
          },
          CompletableFuture.delayedExecutor(1, TimeUnit.MILLISECONDS));
    }
  }

  /** Storage that says it has deleted everything, or fails while away. */
  private static final class Kept implements UserEntity.Remains {
    static final int POSTS = 7;

    final List<Long> lastEvents = new CopyOnWriteArrayList<>();
    volatile CompletionStage<Integer> deleted = CompletableFuture.completedFuture(POSTS);
    volatile boolean away;

    @Override
    public CompletionStage<Integer> delete(UserId user, long lastEvent) {
      lastEvents.add(lastEvent);
      return away
          ? CompletableFuture.failedFuture(new IllegalStateException("storage is away"))
          : deleted;
    }
  }
}
