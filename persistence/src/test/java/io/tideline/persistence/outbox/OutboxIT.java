package io.tideline.persistence.outbox;

import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import io.tideline.persistence.outbox.Outbox.Outstanding;
import io.tideline.persistence.posts.TestKeyspace;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.UserId;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OutboxIT {
  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final Duration OLD = Duration.ofSeconds(5);

  private final List<BoundStatement> executed = new CopyOnWriteArrayList<>();
  private Instant now = Instant.parse("2026-11-20T12:00:00Z");
  private final Outbox outbox = new Outbox(recording(), KEYSPACE.name(), () -> now);
  private final List<UserId> woken = new ArrayList<>();

  @BeforeEach
  void empty() {
    KEYSPACE.session().execute("TRUNCATE " + KEYSPACE.name() + ".outbox");
    KEYSPACE.session().execute("TRUNCATE " + KEYSPACE.name() + ".outbox_swept");
  }

  @Test
  void a_mark_stands_until_it_is_cleared() {
    UserId ann = new UserId("ann");
    long at = at(now);
    await(outbox.mark(ann, at));
    assertThat(rows(ann, at)).containsExactly(new Outstanding(ann, at));
    await(outbox.clear(ann, at));
    assertThat(rows(ann, at)).isEmpty();
    await(outbox.mark(ann, at + 1));
    assertThat(rows(ann, at)).containsExactly(new Outstanding(ann, at + 1));
  }

  @Test
  void a_clear_that_comes_late_leaves_a_later_mark() {
    UserId bea = new UserId("bea");
    long at = at(now);
    long nextMinute = at(now.plusSeconds(60));
    await(outbox.mark(bea, at + 1));
    await(outbox.mark(bea, nextMinute));
    await(outbox.clear(bea, at));
    assertThat(rows(bea, at)).hasSize(1);
    await(outbox.clear(bea, at + 1));
    assertThat(rows(bea, at)).isEmpty();
    assertThat(rows(bea, nextMinute)).hasSize(1);
  }

  @Test
  void a_mark_that_took_longer_than_sweepers_wait_has_failed() {
    long at = at(now);
    now = now.plusSeconds(61);
    assertThatThrownBy(() -> await(outbox.mark(new UserId("cai"), at)))
        .hasRootCauseMessage("marking cai took PT1M1S, more than PT1M");
  }

  @Test
  void a_sweep_wakes_all_old_users_in_whatever_bucket() {
    List<UserId> users = users(200);
    long at = markAll(users);
    now = now.plus(OLD);
    await(outbox.mark(new UserId("just-now"), at(now)));
    OutboxSweeper sweeper = sweeper(1_000);
    Set<Long> marks = new HashSet<>();

    int found =
        await(
            sweeper.sweep(
                (user, markedAt) -> {
                  woken.add(user);
                  marks.add(markedAt);
                }));
    assertThat(found).isEqualTo(200);
    assertThat(woken).containsExactlyInAnyOrderElementsOf(users);
    assertThat(marks).containsExactly(at);
    assertThat(users.stream().map(Outbox::bucketOf).distinct()).hasSize(Outbox.BUCKETS);
    assertThat(sweeper.oldestAge()).isEqualTo(OLD);

    clearAll(users, at);
    assertThat(sweep(sweeper)).isZero();
    assertThat(sweeper.oldestAge()).isZero();
  }

  @Test
  void users_who_stay_outstanding_do_not_keep_others_waiting() {
    for (int minute = 0; minute < 15; minute++) {
      markAll(users(100 * minute, 100));
      now = now.plusSeconds(60);
    }
    OutboxSweeper sweeper = sweeper(20);
    Set<UserId> everWoken = new HashSet<>();
    for (int i = 0; i < 8; i++) {
      assertThat(await(sweeper.sweep((user, markedAt) -> everWoken.add(user))))
          .isLessThan(2 * 20 * Outbox.BUCKETS);
    }
    assertThat(everWoken).hasSize(1_500);
  }

  @Test
  void sweeps_do_not_overlap() {
    markAll(users(50));
    now = now.plus(OLD);
    OutboxSweeper sweeper = sweeper(1_000);
    CompletionStage<Integer> first = sweeper.sweep((user, markedAt) -> woken.add(user));
    CompletionStage<Integer> second = sweeper.sweep((user, markedAt) -> woken.add(user));
    assertThat(second).isSameAs(first);
    assertThat(await(first)).isEqualTo(50);
    assertThat(sweep(sweeper)).isEqualTo(50);
  }

  @Test
  void a_sweep_that_fails_says_so_and_the_next_one_runs() {
    markAll(users(50));
    now = now.plus(OLD);
    OutboxSweeper sweeper = sweeper(1_000);
    assertThatThrownBy(() -> await(sweeper.sweep(OutboxIT::refuse))).hasRootCauseMessage("not now");
    assertThat(sweep(sweeper)).isEqualTo(50);
  }

  @Test
  void a_bucket_that_cannot_be_read_keeps_no_other_waiting_and_makes_the_age_grow() {
    OutboxSweeper sweeper = sweeper(1_000);
    sweep(sweeper);
    Instant complete = now;
    KEYSPACE
        .session()
        .execute(
            "INSERT INTO %s.outbox (bucket, slot, user, at) VALUES (3, %d, 'no user', 0)"
                .formatted(KEYSPACE.name(), Outbox.slotOf(at(now))));
    now = now.plusSeconds(1);
    List<UserId> users = users(200);
    markAll(users);
    now = now.plusSeconds(100);

    assertThatThrownBy(() -> sweep(sweeper)).hasRootCauseInstanceOf(IllegalArgumentException.class);
    assertThat(woken).containsAll(users.stream().filter(u -> Outbox.bucketOf(u) != 3).toList());
    assertThat(sweeper.oldestAge()).isEqualTo(Duration.between(complete, now));
    now = now.plusSeconds(100);
    assertThat(sweeper.oldestAge()).isEqualTo(Duration.between(complete, now));
  }

  @Test
  void the_tombstones_of_a_burst_are_not_read_once_its_slots_are_closed() {
    OutboxSweeper sweeper = sweeper(100);
    sweep(sweeper);
    List<UserId> users = users(5_000);
    long at = markAll(users);
    long burst = Outbox.slotOf(at);
    clearAll(users, at);

    assertThat(slotsReadBySweepOf(sweeper)).contains(burst);
    now = now.plusSeconds(120);
    assertThat(slotsReadBySweepOf(sweeper)).contains(burst);
    assertThat(slotsReadBySweepOf(sweeper)).as("a late mark may come").contains(burst);
    now = now.plusSeconds(60);
    assertThat(slotsReadBySweepOf(sweeper)).contains(burst);
    assertThat(slotsReadBySweepOf(sweeper)).doesNotContain(burst);
    assertThat(woken).isEmpty();
  }

  @Test
  void with_nobody_writing_a_sweep_is_one_query_for_each_bucket() {
    OutboxSweeper sweeper = sweeper(100);
    sweep(sweeper);
    long lookedAt = Outbox.slotOf(now);
    assertThat(slotsReadBySweepOf(sweeper))
        .containsExactlyInAnyOrder(lookedAt - 2, lookedAt - 1, lookedAt);
    assertThat(executed).hasSize(Outbox.BUCKETS);
  }

  @Test
  void a_row_that_an_earlier_sweeper_left_is_found_by_the_next_one() {
    UserId dan = new UserId("dan");
    await(outbox.mark(dan, at(now)));
    now = now.plus(Duration.ofMinutes(10));
    OutboxSweeper sweeper = sweeper(100);
    assertThat(sweep(sweeper)).isEqualTo(1);
    assertThat(woken).containsExactly(dan);
    assertThat(sweeper.oldestAge()).isEqualTo(Duration.ofMinutes(10));
  }

  @Test
  void only_the_occupied_one_of_many_old_slots_is_read_again() {
    UserId eve = new UserId("eve");
    long at = at(now);
    await(outbox.mark(eve, at));
    now = now.plus(Duration.ofMinutes(30));
    OutboxSweeper sweeper = sweeper(100);
    sweep(sweeper);
    long current = Outbox.slotOf(now);
    assertThat(slotsReadBySweepOf(sweeper))
        .containsExactlyInAnyOrder(Outbox.slotOf(at), current - 2, current - 1, current);
  }

  @Test
  void the_next_sweeper_begins_where_this_one_has_come_however_long_ago() {
    UserId fay = new UserId("fay");
    sweep(sweeper(100));
    long lookedAt = Outbox.slotOf(now);
    await(outbox.mark(fay, at(now)));
    now = now.plus(Duration.ofHours(3));

    assertThat(slotsReadBySweepOf(sweeper(100)))
        .containsExactlyInAnyOrderElementsOf(
            IntStream.rangeClosed(-2, 180).mapToObj(minutes -> lookedAt + minutes).toList());
    assertThat(woken).containsExactly(fay);

    woken.clear();
    sweep(sweeper(100));
    assertThat(woken).containsExactly(fay);
  }

  private static void refuse(UserId user, long markedAt) {
    throw new IllegalStateException("not now");
  }

  private OutboxSweeper sweeper(int usersPerBucket) {
    return new OutboxSweeper(outbox, OLD, usersPerBucket, () -> now);
  }

  private int sweep(OutboxSweeper sweeper) {
    return await(sweeper.sweep((user, markedAt) -> woken.add(user)));
  }

  private Set<Long> slotsReadBySweepOf(OutboxSweeper sweeper) {
    executed.clear();
    sweep(sweeper);
    Set<Long> slots = new HashSet<>();
    for (BoundStatement statement : executed) {
      if (statement.getPreparedStatement().getQuery().contains("slot IN")) {
        slots.addAll(statement.getList(1, Long.class));
      }
    }
    return slots;
  }

  private List<Outstanding> rows(UserId user, long at) {
    return await(outbox.read(Outbox.bucketOf(user), List.of(Outbox.slotOf(at)), null, 10)).rows();
  }

  private static long at(Instant time) {
    return HybridClock.ofMillis(time.toEpochMilli());
  }

  private static List<UserId> users(int count) {
    return users(0, count);
  }

  private static List<UserId> users(int from, int count) {
    return IntStream.range(from, from + count).mapToObj(n -> new UserId("user-" + n)).toList();
  }

  private long markAll(List<UserId> users) {
    long at = at(now);
    users.stream().map(user -> outbox.mark(user, at)).toList().forEach(TestKeyspace::await);
    return at;
  }

  private void clearAll(List<UserId> users, long at) {
    users.stream().map(user -> outbox.clear(user, at)).toList().forEach(TestKeyspace::await);
  }

  /** The real session, which keeps what was executed. */
  private CqlSession recording() {
    return (CqlSession)
        Proxy.newProxyInstance(
            CqlSession.class.getClassLoader(),
            new Class<?>[] {CqlSession.class},
            (proxy, method, arguments) -> {
              if (arguments != null && arguments[0] instanceof BoundStatement statement) {
                executed.add(statement);
              }
              return method.invoke(KEYSPACE.session(), arguments);
            });
  }
}
