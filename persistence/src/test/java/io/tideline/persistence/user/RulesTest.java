package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.tideline.persistence.timeline.Facts;
import io.tideline.persistence.timeline.Moment;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.Verdict;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.MuteRuleChanged;
import io.tideline.protocols.log.v1.MuteRuleContent;
import io.tideline.protocols.v1.Post;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import org.jspecify.annotations.Nullable;

/** The rules say what plain reading of all decisions says, about now and about any time before. */
class RulesTest {
  private static final int LAST_MILLIS = 30;
  private static final int REMEMBERED = 8;
  private static final LogPartition PARTITION = new LogPartition(1, 7, 0);
  private static final List<UserId> USERS =
      List.of(
          SomeIntents.READER,
          SomeIntents.OTHERS.get(0),
          SomeIntents.OTHERS.get(1),
          SomeIntents.OTHERS.get(2),
          new UserId("eve"));
  private static final List<String> TEXTS =
      List.of("", "calm", "a storm is coming", "high tide", "a high storm tide", "stormy");

  private record Text(PostRef ref, String text) {}

  @Property(tries = 10_000, seed = "6331479900425947878", shrinking = ShrinkingMode.OFF)
  void a_post_is_in_a_feed_when_the_decisions_of_that_time_say_so(@ForAll Random random) {
    RulesModel model = new RulesModel(SomeIntents.READER);
    User user = User.EMPTY;
    SomeIntents intents = new SomeIntents(random, LAST_MILLIS + 5);
    List<Long> times = new ArrayList<>();
    Set<String> taken = new HashSet<>();
    int decisions = random.nextInt(30);
    long now = 0;
    for (int i = 0; i < decisions; i++) {
      now += 1 + random.nextInt(2 * (int) HybridClock.ofMillis(1));
      // Now and then somebody else's decision is heard of late.
      boolean late = random.nextInt(4) == 0;
      IntentLine line = intents.next(late ? 1 + random.nextInt((int) now) : now);
      // No cell tells the same time twice.
      if (!taken.add(line.getAt() + "/" + line.getOriginCell())) continue;
      if (model.exceeds(line, REMEMBERED)) continue;
      user = user.after(new UserEvent.IntentApplied(new Payload(line.toByteArray()), now));
      model.add(line, now);
      times.add(now);
    }
    now += 1 + random.nextInt((int) HybridClock.ofMillis(5));
    String list = random.nextInt(3) > 0 ? null : intents.one(SomeIntents.LISTS);
    if (list != null && !model.hasList(list, now)) list = null;
    Rules rules =
        new Rules(
            SomeIntents.READER,
            Rules.surfaceOf(list == null ? "" : list),
            user.graph(),
            user.filters(),
            HybridClock.millisOf(now),
            1);
    for (int i = 0; i < 12; i++) {
      Text post = post(random, intents);
      List<String> met = met(rules, post);
      Verdict verdict = rules.judge(post.ref, met, rules.now());
      assertThat(verdict).as("now").isEqualTo(model.judge(post.ref, post.text, list, now));
      if (verdict.present()) {
        assertThat(rules.sources().contain(post.ref)).as("source of %s", verdict).isTrue();
      }
      assertThat(rules.warnings(met))
          .containsExactlyInAnyOrderElementsOf(
              model.warnings(post.text, post.ref.facts.tags(), now));
      assertThat(rules.explain(post.ref, met).verdict()).isEqualTo(verdict);
      for (int j = 0; j < 6; j++) {
        long then =
            times.isEmpty() || random.nextInt(3) == 0
                ? random.nextInt((int) now)
                : intents.one(times);
        assertThat(rules.judge(post.ref, met, new Moment(then)))
            .as("as of %d", then)
            .isEqualTo(model.judge(post.ref, post.text, list, then));
      }
    }
  }

  @Example
  void the_words_of_rules_are_not_made_anew_for_each_post() {
    Filters filters = Filters.EMPTY;
    for (int i = 0; i < Intents.MUTE_RULES; i++) {
      MuteRuleContent content = MuteRuleContent.newBuilder().setWords("no storm " + i).build();
      MuteRuleChanged rule =
          MuteRuleChanged.newBuilder().setRuleId("r" + i).setContent(content).build();
      filters = filters.merge(IntentLine.newBuilder().setMuteRuleChanged(rule).build(), 1);
    }
    Rules rules = new Rules(SomeIntents.READER, Rules.surfaceOf(""), Graph.EMPTY, filters, 1, 1);
    Post post = Post.newBuilder().setText("no storm 7").build();
    assertThat(rules.met(post)).hasSize(1);
    var thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = thread.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < 100; i++) rules.met(post);
    long perPost = (thread.getCurrentThreadAllocatedBytes() - before) / 100;
    assertThat(perPost).as("bytes").isLessThan(Intents.MUTE_RULES * 50L);
  }

  @Example
  void rules_that_ended_more_than_thirty_days_ago_read_no_texts() {
    Duration day = Duration.ofDays(1);
    Filters lasting = Filters.EMPTY.merge(rule(day, Duration.ZERO), 1);
    assertThat(readsTexts(lasting, day.multipliedBy(99))).isTrue();
    Filters lapsing = Filters.EMPTY.merge(rule(day, day.multipliedBy(2)), 1);
    assertThat(readsTexts(lapsing, day.multipliedBy(31))).isTrue();
    assertThat(readsTexts(lapsing, day.multipliedBy(33))).isFalse();
    Filters removed = lasting.merge(rule(day.multipliedBy(3), null), 1);
    assertThat(readsTexts(removed, day.multipliedBy(32))).isTrue();
    assertThat(readsTexts(removed, day.multipliedBy(34))).isFalse();
  }

  private static boolean readsTexts(Filters filters, Duration now) {
    return new Rules(
            SomeIntents.READER, ResidentTimelines.HOME, Graph.EMPTY, filters, now.toMillis(), 1)
        .readsTexts();
  }

  private static IntentLine rule(Duration at, @Nullable Duration until) {
    MuteRuleChanged.Builder change = MuteRuleChanged.newBuilder().setRuleId("r");
    if (until != null) {
      change.setContent(
          MuteRuleContent.newBuilder().setWords("storm").setUntilMillis(until.toMillis()));
    }
    return IntentLine.newBuilder()
        .setAt(HybridClock.ofMillis(at.toMillis()))
        .setMuteRuleChanged(change)
        .build();
  }

  private static List<String> met(Rules rules, Text post) {
    if (!rules.readsTexts()) return List.of();
    return rules.met(
        Post.newBuilder().setText(post.text).addAllTags(post.ref.facts.tags()).build());
  }

  private static Text post(Random random, SomeIntents intents) {
    List<String> tags = random.nextInt(3) > 0 ? List.of() : List.of(intents.one(SomeIntents.TAGS));
    List<UserId> mentions = random.nextInt(3) > 0 ? List.of() : List.of(intents.one(USERS));
    boolean reply = random.nextInt(3) == 0;
    boolean repost = random.nextInt(3) == 0;
    String language =
        random.nextInt(2) > 0 ? "" : intents.one(List.of("de", "EN", "en-US", "english", "fr"));
    Facts facts =
        new Facts(
            tags,
            language,
            mentions,
            reply,
            reply ? maybe(random, intents) : null,
            reply ? maybe(random, intents) : null,
            repost ? new PostId(random.nextInt(5), 0) : null,
            repost ? maybe(random, intents) : null);
    PostRef ref = new PostRef(7, random.nextLong(), 7, intents.one(USERS), PARTITION, 0, 0, facts);
    return new Text(ref, intents.one(TEXTS));
  }

  private static @Nullable UserId maybe(Random random, SomeIntents intents) {
    return random.nextInt(5) == 0 ? null : intents.one(USERS);
  }
}
