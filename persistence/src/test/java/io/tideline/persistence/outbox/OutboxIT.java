package io.tideline.persistence.outbox;

import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tideline.persistence.posts.TestKeyspace;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OutboxIT {
  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final Duration OLD = Duration.ofSeconds(5);

  private Instant now = Instant.parse("2026-11-20T12:00:00Z");
  private final Outbox outbox = new Outbox(KEYSPACE.session(), KEYSPACE.name(), () -> now);
  private final List<UserId> woken = new ArrayList<>();

  @BeforeEach
  void empty() {
    KEYSPACE.session().execute("TRUNCATE " + KEYSPACE.name() + ".outbox");
  }

  @Test
  void a_marked_user_shows_once_the_row_is_old_and_until_it_is_cleared() {
    UserId ann = new UserId("ann");
    await(outbox.mark(ann, 1));
    assertThat(olderThan(OLD, ann)).isEmpty();
    now = now.plus(OLD);
    assertThat(olderThan(OLD, ann)).containsExactly(ann);
    await(outbox.clear(ann, 1));
    assertThat(olderThan(OLD, ann)).isEmpty();
    await(outbox.mark(ann, 2));
    assertThat(olderThan(Duration.ZERO, ann)).containsExactly(ann);
  }

  @Test
  void a_clear_that_comes_late_leaves_a_later_mark() {
    UserId bea = new UserId("bea");
    await(outbox.mark(bea, 7));
    await(outbox.clear(bea, 6));
    assertThat(await(outbox.contains(bea))).isTrue();
    await(outbox.clear(bea, 7));
    assertThat(await(outbox.contains(bea))).isFalse();
  }

  @Test
  void a_sweep_wakes_all_old_users_in_whatever_bucket() {
    List<UserId> users = users(200);
    markAll(users);
    now = now.plus(OLD);
    await(outbox.mark(new UserId("just-now"), 1));
    OutboxSweeper sweeper = new OutboxSweeper(outbox, OLD, 1_000, () -> now);

    assertThat(await(sweeper.sweep(woken::add))).isEqualTo(200);
    assertThat(woken).containsExactlyInAnyOrderElementsOf(users);
    assertThat(users.stream().map(Outbox::bucketOf).distinct()).hasSize(Outbox.BUCKETS);
    assertThat(sweeper.oldestAge()).isEqualTo(OLD);

    users.forEach(user -> await(outbox.clear(user, 1)));
    assertThat(await(sweeper.sweep(woken::add))).isZero();
    assertThat(sweeper.oldestAge()).isZero();
  }

  @Test
  void users_who_stay_outstanding_do_not_keep_others_waiting() {
    List<UserId> users = users(1_500);
    markAll(users);
    now = now.plus(OLD);
    OutboxSweeper sweeper = new OutboxSweeper(outbox, OLD, 20, () -> now);
    Set<UserId> everWoken = new HashSet<>();
    for (int i = 0; i < 8; i++) {
      assertThat(await(sweeper.sweep(everWoken::add))).isLessThanOrEqualTo(20 * Outbox.BUCKETS);
    }
    assertThat(everWoken).hasSize(1_500);
  }

  @Test
  void sweeps_do_not_overlap() {
    markAll(users(50));
    now = now.plus(OLD);
    OutboxSweeper sweeper = new OutboxSweeper(outbox, OLD, 1_000, () -> now);
    CompletionStage<Integer> first = sweeper.sweep(woken::add);
    CompletionStage<Integer> second = sweeper.sweep(woken::add);
    assertThat(second).isSameAs(first);
    assertThat(await(first)).isEqualTo(50);
    assertThat(await(sweeper.sweep(woken::add))).isEqualTo(50);
  }

  @Test
  void a_sweep_that_fails_says_so_and_the_next_one_runs() {
    markAll(users(50));
    now = now.plus(OLD);
    OutboxSweeper sweeper = new OutboxSweeper(outbox, OLD, 1_000, () -> now);
    assertThatThrownBy(() -> await(sweeper.sweep(OutboxIT::refuse))).hasRootCauseMessage("not now");
    assertThat(await(sweeper.sweep(woken::add))).isEqualTo(50);
  }

  private static void refuse(UserId user) {
    throw new IllegalStateException("not now");
  }

  private List<UserId> olderThan(Duration age, UserId user) {
    return await(outbox.olderThan(age, Outbox.bucketOf(user), 10));
  }

  private static List<UserId> users(int count) {
    return IntStream.range(0, count).mapToObj(n -> new UserId("user-" + n)).toList();
  }

  private void markAll(List<UserId> users) {
    users.stream().map(user -> outbox.mark(user, 1)).toList().forEach(TestKeyspace::await);
  }
}
