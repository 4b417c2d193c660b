package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.user.UserEvent.IntentAccepted;
import io.tideline.persistence.user.UserReply.Refusal;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.MuteRuleChanged;
import io.tideline.protocols.log.v1.MuteRuleContent;
import io.tideline.protocols.log.v1.MutesChanged;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class IntentsTest {
  private static final UserId ANN = new UserId("ann");
  private static final long NOW = 1_763_650_000_000L;
  private static final long PAST = NOW - 1;
  private static final long LATER = NOW + 1;
  private static final long NEVER = 0;

  private User user = User.EMPTY;
  private long at;

  @Test
  void rules_that_have_ended_leave_room_for_others() {
    for (int i = 0; i < Intents.MUTE_RULES; i++) learn(rule("old-" + i, PAST));
    assertThat(decide(rule("new", NEVER)).refusal()).isNull();
  }

  @Test
  void a_rule_that_has_ended_takes_room_when_it_is_put_again() {
    learn(rule("old", PAST));
    for (int i = 0; i < Intents.MUTE_RULES; i++) learn(rule("r" + i, LATER));
    assertThat(decide(rule("old", NEVER)).refusal()).isEqualTo(Refusal.LIMIT_REACHED);
    assertThat(decide(rule("new", NEVER)).refusal()).isEqualTo(Refusal.LIMIT_REACHED);
    assertThat(decide(rule("r7", NEVER)).changed()).as("one that is in force").isOne();
    assertThat(decide(noRule("old")).changed()).isOne();
  }

  @Test
  void mutes_that_have_ended_leave_room_for_others() {
    learn(mute(PAST, users("old", Intents.MUTES)));
    assertThat(decide(mute(NEVER, users("new", Intents.MUTES))).changed()).isEqualTo(Intents.MUTES);
    assertThat(decide(mute(NEVER, users("new", Intents.MUTES + 1))).refusal())
        .isEqualTo(Refusal.LIMIT_REACHED);
  }

  @Test
  void a_mute_that_has_ended_takes_room_when_it_is_put_again() {
    learn(mute(PAST, List.of("old")));
    learn(mute(NEVER, users("u", Intents.MUTES)));
    assertThat(decide(mute(NEVER, List.of("old"))).refusal()).isEqualTo(Refusal.LIMIT_REACHED);
  }

  @Test
  void the_end_of_a_mute_can_be_changed_when_there_is_no_room() {
    learn(mute(NEVER, users("u", Intents.MUTES)));
    assertThat(decide(mute(LATER, List.of("u7"))).changed()).isOne();
    assertThat(decide(mute(LATER, List.of("u7", "new"))).refusal())
        .isEqualTo(Refusal.LIMIT_REACHED);
  }

  private Intents.Decision decide(IntentLine asked) {
    return new Intents(ANN, user, 100, NOW).decide(asked);
  }

  private void learn(IntentLine line) {
    byte[] accepted = line.toBuilder().setOriginCell(1).setAt(++at).build().toByteArray();
    user = user.after(new IntentAccepted(new Payload(accepted), 0));
  }

  private static List<String> users(String prefix, int count) {
    return IntStream.range(0, count).mapToObj(i -> prefix + i).toList();
  }

  private static IntentLine mute(long untilMillis, List<String> targets) {
    return IntentLine.newBuilder()
        .setMutesChanged(
            MutesChanged.newBuilder()
                .addAllTargetIds(targets)
                .setActive(true)
                .setUntilMillis(untilMillis))
        .build();
  }

  private static IntentLine rule(String id, long untilMillis) {
    return IntentLine.newBuilder()
        .setMuteRuleChanged(
            MuteRuleChanged.newBuilder()
                .setRuleId(id)
                .setContent(
                    MuteRuleContent.newBuilder().setWords("storm").setUntilMillis(untilMillis)))
        .build();
  }

  private static IntentLine noRule(String id) {
    return IntentLine.newBuilder()
        .setMuteRuleChanged(MuteRuleChanged.newBuilder().setRuleId(id))
        .build();
  }
}
