package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.user.UserEvent.IntentAccepted;
import io.tideline.persistence.user.UserEvent.PostPublished;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ListChanged;
import io.tideline.protocols.log.v1.ListContent;
import io.tideline.protocols.log.v1.ListMembersChanged;
import io.tideline.protocols.log.v1.MutesChanged;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class UserTest {
  private static final UserId BOB = new UserId("bob");
  private static final long NOW = 1_763_650_000_000L;
  private static final long AHEAD = HybridClock.ofMillis(NOW + 300_000);

  private final HybridClock clock = new HybridClock(() -> Instant.ofEpochMilli(NOW));
  private User user = User.EMPTY;

  @Test
  void a_decision_counts_though_what_it_ends_comes_from_a_cell_whose_clock_is_ahead() {
    learn(follow(true).setAt(AHEAD));
    decide(follow(false));
    assertThat(user.graph().follows(BOB)).isFalse();
    learn(mute(true).setAt(AHEAD));
    decide(mute(false));
    assertThat(user.filters().mutedUsers()).isEmpty();
  }

  @Test
  void what_is_about_something_else_keeps_to_the_clock_of_its_cell() {
    learn(follow(true).setAt(AHEAD));
    assertThat(user.timeOf(mute(true).build(), clock)).isLessThan(AHEAD);
  }

  @Test
  void a_post_keeps_to_the_clock_of_its_cell_whatever_was_decided_about_what_is_ahead() {
    learn(follow(true).setAt(AHEAD));
    decide(follow(false));
    assertThat(HybridClock.millisOf(user.timeOfPost(clock))).isEqualTo(NOW);
  }

  @Test
  void a_post_comes_after_the_one_before_though_a_clock_that_was_ahead_dated_that() {
    PostId ahead = PostId.of(AHEAD, 1, BOB, "key");
    user = user.after(new PostPublished(ahead, "key", 0, AHEAD, new Payload(new byte[0]), 0));
    assertThat(user.timeOfPost(clock)).isGreaterThan(AHEAD);
  }

  @Test
  void nobody_is_in_a_new_list_though_the_cell_that_filled_the_old_one_is_ahead() {
    decide(list(true));
    learn(member().setAt(AHEAD));
    decide(list(false));
    decide(list(true));
    assertThat(user.graph().members("close")).isEmpty();
    decide(member());
    assertThat(user.graph().members("close")).containsExactly(BOB);
  }

  @Test
  void two_cells_never_give_the_same_time_to_what_they_make_of_a_post() {
    HybridClock other = new HybridClock(() -> Instant.ofEpochMilli(NOW));
    assertThat(user.timeOfEdit(7, 1, clock)).isNotEqualTo(user.timeOfEdit(7, 2, other));
    assertThat(user.timeOfEdit(AHEAD, 1, clock)).isGreaterThan(AHEAD);
  }

  @Test
  void of_several_lines_those_are_learned_that_say_something_new() {
    IntentLine follow = follow(true).setOriginCell(2).setAt(5).build();
    long later = HybridClock.ofMillis(NOW + 1);
    IntentLine older = mute(true).setAt(3).build();
    assertThat(user.learned(List.of(follow, older, follow), later)).hasSize(2);
    learn(follow.toBuilder());
    assertThat(user.learned(List.of(follow), later)).isEmpty();
  }

  private void decide(IntentLine.Builder what) {
    long at = user.timeOf(what.build(), clock);
    byte[] line = what.setOriginCell(1).setAt(at).build().toByteArray();
    user = user.after(new IntentAccepted(new Payload(line), 0));
  }

  private void learn(IntentLine.Builder line) {
    IntentLine of = line.setOriginCell(2).build();
    for (UserEvent event : user.learned(List.of(of), clock.nextAfter(user.lastAt()))) {
      user = user.after(event);
    }
  }

  private static IntentLine.Builder follow(boolean active) {
    return IntentLine.newBuilder()
        .setFollowsChanged(FollowsChanged.newBuilder().addTargetIds("bob").setActive(active));
  }

  private static IntentLine.Builder mute(boolean active) {
    return IntentLine.newBuilder()
        .setMutesChanged(MutesChanged.newBuilder().addTargetIds("bob").setActive(active));
  }

  private static IntentLine.Builder list(boolean there) {
    ListChanged.Builder list = ListChanged.newBuilder().setListId("close");
    if (there) list.setContent(ListContent.newBuilder().setName("Close"));
    return IntentLine.newBuilder().setListChanged(list);
  }

  private static IntentLine.Builder member() {
    return IntentLine.newBuilder()
        .setListMembersChanged(
            ListMembersChanged.newBuilder().setListId("close").addTargetIds("bob").setActive(true));
  }
}
