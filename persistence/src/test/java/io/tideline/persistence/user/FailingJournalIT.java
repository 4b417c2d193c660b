package io.tideline.persistence.user;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.waitAtMost;

import com.typesafe.config.ConfigFactory;
import io.tideline.persistence.outbox.Outbox;
import io.tideline.persistence.posts.TestKeyspace;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimeline;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.TimelineStats;
import io.tideline.persistence.user.UserEntity.Command;
import io.tideline.persistence.user.UserEntity.Decide;
import io.tideline.persistence.user.UserEntity.GetDecided;
import io.tideline.persistence.user.UserEntity.Stop;
import io.tideline.persistence.user.UserEntity.Wake;
import io.tideline.persistence.user.UserReply.Awake;
import io.tideline.persistence.user.UserReply.Decided;
import io.tideline.persistence.user.UserReply.Written;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.PostLine;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding.ShardCommand;
import org.apache.pekko.persistence.testkit.JournalOperation;
import org.apache.pekko.persistence.testkit.PersistenceTestKitPlugin;
import org.apache.pekko.persistence.testkit.PersistenceTestKitSnapshotPlugin;
import org.apache.pekko.persistence.testkit.ProcessingPolicy;
import org.apache.pekko.persistence.testkit.ProcessingResult;
import org.apache.pekko.persistence.testkit.StorageFailure;
import org.apache.pekko.persistence.testkit.javadsl.PersistenceTestKit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FailingJournalIT {
  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final ActorTestKit SYSTEM =
      ActorTestKit.create(
          PersistenceTestKitPlugin.config()
              .withFallback(PersistenceTestKitSnapshotPlugin.config())
              .withFallback(ConfigFactory.load()));
  private static final PersistenceTestKit JOURNAL = PersistenceTestKit.create(SYSTEM.system());
  private static final AtomicInteger USERS = new AtomicInteger();
  private static final Duration SOON = Duration.ofSeconds(30);

  private final UserId user = new UserId("reader-" + USERS.incrementAndGet());
  private final Away away = new Away();
  private final ResidentTimelines residents = new ResidentTimelines();
  private final Registrations registrations = new Registrations();
  private final List<Long> persistNanos = new CopyOnWriteArrayList<>();
  private final JournalStats stats = new JournalStats(persistNanos::add);
  private final TestProbe<UserReply> replies = SYSTEM.createTestProbe(UserReply.class);
  private final TestProbe<ShardCommand> shard = SYSTEM.createTestProbe(ShardCommand.class);
  private volatile boolean fenceOpen = true;
  private final ActorRef<Command> entity = spawn();

  @AfterEach
  void bringTheJournalBack() {
    JOURNAL.resetPolicy();
  }

  @AfterAll
  static void stop() {
    SYSTEM.shutdownTestKit();
  }

  @Test
  void a_feed_stays_readable_after_a_write_that_failed() {
    wake();
    ResidentTimeline before = residents.get(user, ResidentTimelines.HOME);
    JOURNAL.withPolicy(away);
    tellFollow("bea");
    waitAtMost(SOON).until(() -> away.failures.get() >= 3);
    assertThat(residents.get(user, ResidentTimelines.HOME)).isSameAs(before);
    JOURNAL.resetPolicy();
    tellFollow("cat");
    replies.expectMessageClass(Written.class, SOON);
    assertThat(residents.get(user, ResidentTimelines.HOME)).isSameAs(before);
    assertThat(requireNonNull(before).view()).isNotNull();
    waitAtMost(SOON).until(() -> registrations.authors.contains(new UserId("cat")));
    assertThat(registrations.authors).doesNotContain(new UserId("bea"));
  }

  @Test
  void writes_that_fail_are_counted_and_those_that_succeed_are_timed() {
    wake();
    assertThat(persistNanos).hasSize(1).allMatch(nanos -> nanos > 0);
    assertThat(stats.failures.sum()).isZero();
    JOURNAL.failNextPersisted(UserEntity.persistenceId(user).id());
    tellFollow("bea");
    waitAtMost(SOON).until(() -> stats.failures.sum() == 1);
    assertThat(persistNanos).hasSize(1);
  }

  @Test
  void what_arrives_while_the_journal_is_away_is_shown() {
    wake();
    JOURNAL.withPolicy(away);
    tellFollow("bea");
    waitAtMost(SOON).until(() -> away.failures.get() >= 3);
    PostRef post = new PostRef(9, 1, 9, new UserId("ann"), new LogPartition(1, 1, 0), 0, 0);
    registrations.arrive(post);
    ResidentTimeline resident = requireNonNull(residents.get(user, ResidentTimelines.HOME));
    waitAtMost(SOON)
        .untilAsserted(() -> assertThat(resident.view()).matches(v -> v.contains(post.id())));
  }

  @Test
  void what_arrives_while_the_fence_is_closed_is_shown_when_the_journal_was_away_meanwhile() {
    wake();
    JOURNAL.withPolicy(away);
    tellFollow("bea");
    waitAtMost(SOON).until(() -> away.failures.get() >= 1);
    fenceOpen = false;
    PostRef post = new PostRef(9, 1, 9, new UserId("ann"), new LogPartition(1, 1, 0), 0, 0);
    registrations.arrive(post);
    waitAtMost(SOON).until(() -> away.failures.get() >= 4);
    JOURNAL.resetPolicy();
    fenceOpen = true;
    ResidentTimeline resident = requireNonNull(residents.get(user, ResidentTimelines.HOME));
    waitAtMost(SOON)
        .untilAsserted(() -> assertThat(resident.view()).matches(v -> v.contains(post.id())));
  }

  @Test
  void a_stop_that_waited_for_a_write_is_not_forgotten_when_the_write_fails() {
    entity.tell(new GetDecided(user, replies.ref()));
    replies.expectMessageClass(Decided.class, SOON);
    JOURNAL.withPolicy(away);
    tellFollow("ann");
    entity.tell(new Stop());
    waitAtMost(SOON).until(() -> away.failures.get() >= 1);
    JOURNAL.resetPolicy();
    replies.expectTerminated(entity, SOON);
  }

  @Test
  void an_entity_that_ends_before_the_journal_is_back_leaves_nothing_behind() {
    wake();
    JOURNAL.withPolicy(away);
    tellFollow("bea");
    waitAtMost(SOON).until(() -> away.failures.get() >= 3);
    assertThat(residents.size()).isOne();
    SYSTEM.stop(entity);
    waitAtMost(SOON).until(() -> residents.size() == 0);
    assertThat(registrations.authors).isEmpty();
  }

  @Test
  void an_entity_leaves_also_when_its_last_checkpoint_fails() {
    wake();
    JOURNAL.failNextPersisted(UserEntity.persistenceId(user).id());
    entity.tell(new Stop());
    replies.expectTerminated(entity, SOON);
    assertThat(residents.size()).isZero();
  }

  private void wake() {
    tellFollow("ann");
    replies.expectMessageClass(Written.class, SOON);
    entity.tell(new Wake(user, ResidentTimelines.HOME, replies.ref()));
    replies.expectMessageClass(Awake.class, SOON);
  }

  private void tellFollow(String whom) {
    IntentLine intent =
        IntentLine.newBuilder()
            .setFollowsChanged(FollowsChanged.newBuilder().addTargetIds(whom).setActive(true))
            .build();
    Payload follow = new Payload(intent.toByteArray());
    entity.tell(new Decide(user, follow, replies.ref()));
  }

  private ActorRef<Command> spawn() {
    LiveTimeline.Surroundings timelines =
        new LiveTimeline.Surroundings(
            registrations,
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
                new EverythingTaken(),
                new Outbox(KEYSPACE.session(), KEYSPACE.name()),
                (id, from, to) -> CompletableFuture.completedFuture(List.of()),
                (id, lastEvent) -> new CompletableFuture<>(),
                stats,
                timelines,
                new UserEntity.Limits(
                    100, 100, 100, Duration.ofMinutes(10), Duration.ofMillis(300))),
            shard.ref()));
  }

  private static final class Away implements ProcessingPolicy<JournalOperation> {
    final AtomicInteger failures = new AtomicInteger();

    @Override
    public ProcessingResult tryProcess(String journalName, JournalOperation operation) {
      failures.incrementAndGet();
      return StorageFailure.create();
    }
  }

  private static final class EverythingTaken implements LogPort {
    @Override
    public boolean busy() {
      return false;
    }

    @Override
    public CompletionStage<Void> append(IntentLine line) {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletionStage<Void> append(PostLine line) {
      return CompletableFuture.completedFuture(null);
    }
  }

  /** An empty log that knows who is interested in whom. */
  private static final class Registrations extends NoArrivals {
    final Set<UserId> authors = ConcurrentHashMap.newKeySet();
    private volatile @Nullable Inbox inbox;

    void arrive(PostRef post) {
      requireNonNull(inbox).offer(post);
    }

    @Override
    public void register(UserId author, Inbox registered) {
      authors.add(author);
      inbox = registered;
    }

    @Override
    public void unregister(UserId author, Inbox inbox) {
      authors.remove(author);
    }
  }
}
