package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Facts;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.Timeline;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.v1.Post;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** A reader who pages in both directions, while posts and rules change, sees everything once. */
class CursorWalkTest {
  private static final int REMEMBERED = 8;

  /**
   * Other histories than those of every build; {@code -Dtideline.test.histories=1000000}, as far as
   * it gets in an hour.
   */
  @Test
  @EnabledIfSystemProperty(named = "tideline.test.histories", matches = "\\d+")
  void a_longer_run() {
    long end = System.nanoTime() + Duration.ofHours(1).toNanos();
    Random seeds = new Random();
    for (int i = Integer.getInteger("tideline.test.histories"); i > 0; i--) {
      if (System.nanoTime() > end) return;
      long seed = seeds.nextLong();
      try {
        older_and_newer_together_show_everything_once(seed);
      } catch (AssertionError e) {
        throw new AssertionError("with seed " + seed, e);
      }
    }
  }

  @Property(
      tries = 10_000,
      seed = "6331479900425947878",
      shrinking = ShrinkingMode.OFF,
      edgeCases = EdgeCasesMode.NONE)
  void older_and_newer_together_show_everything_once(@ForAll long seed) {
    Feed feed = new Feed(new Random(seed));
    feed.live(80);
    Moment base = new Moment(feed);
    Watermark read = readTo(feed, base);
    Walk walk = new Walk(feed);

    walk.older(base);
    Moment until = new Moment(feed);
    assertThat(feed.view().countNewSince(base.mark))
        .as("gap")
        .isEqualTo(feed.count(entry -> !base.had(entry)));
    walk.newer(base, until, 6);
    Moment end = new Moment(feed);
    Set<PostId> seenBefore = Set.copyOf(walk.seen);
    walk.newer(until, end, 0);

    assertThat(feed.view().countNewSince(read))
        .as("unread")
        .isEqualTo(
            feed.count(
                entry ->
                    entry.id().compareTo(read.newest()) > 0
                        || !base.eligible.contains(entry.id())));
    // What was hidden for a while may have been passed over, and may come back as new.
    Set<PostId> missed = new HashSet<>(feed.left);
    missed.addAll(base.duplicates);
    missed.addAll(until.duplicates);
    assertThat(walk.repeated).as("shown twice").allMatch(id -> missed.contains(id));
    assertThat(walk.repeated).allMatch(id -> seenBefore.contains(id) && !until.hadId(id));
    assertThat(feed.view().older(null, null, Integer.MAX_VALUE))
        .as("everything")
        .allMatch(entry -> walk.seen.contains(entry.id()) || missed.contains(entry.id()));
  }

  private static Watermark readTo(Feed feed, Moment base) {
    List<PostRef> entries = feed.timeline.entries();
    PostId newest = entries.isEmpty() ? PostId.MIN : feed.intents.one(entries).id();
    return new Watermark(base.mark.positions(), base.mark.rulesAt(), base.mark.floor(), newest);
  }

  /** What was there at one moment, written down then. */
  private static final class Moment {
    final Watermark mark;
    final Set<PostId> eligible = new HashSet<>();
    final Set<PostId> duplicates = new HashSet<>();

    Moment(Feed feed) {
      this.mark = feed.view().watermark();
      for (PostRef ref : feed.timeline.candidates()) {
        boolean present =
            feed.rules.judge(ref, feed.timeline.met(ref.id()), feed.rules.at()).present();
        if (present) eligible.add(ref.id());
        if (present && !feed.view().contains(ref.id())) duplicates.add(ref.id());
      }
    }

    boolean had(PostRef entry) {
      return hadId(entry.id());
    }

    boolean hadId(PostId id) {
      return eligible.contains(id) && id.compareTo(mark.newest()) <= 0;
    }
  }

  private static final class Walk {
    final Set<PostId> seen = new HashSet<>();
    final List<PostId> repeated = new ArrayList<>();
    private final Feed feed;

    Walk(Feed feed) {
      this.feed = feed;
    }

    void older(Moment base) {
      PostId after = null;
      while (true) {
        int limit = 1 + feed.random.nextInt(8);
        PostId from = after;
        List<PostRef> all = new ArrayList<>(feed.timeline.entries());
        Collections.reverse(all);
        List<PostRef> page = feed.view().older(after, base.mark, limit);
        assertThat(page)
            .as("page of older ones")
            .isEqualTo(
                all.stream()
                    .filter(entry -> from == null || entry.id().compareTo(from) < 0)
                    .filter(base::had)
                    .limit(limit)
                    .toList());
        take(page);
        if (page.size() < limit) return;
        after = page.get(limit - 1).id();
        feed.live(6);
      }
    }

    void newer(Moment base, Moment until, int meanwhile) {
      PostId after = null;
      while (true) {
        int limit = 1 + feed.random.nextInt(8);
        PostId from = after;
        List<PostRef> page = feed.view().arrived(base.mark, until.mark, after, limit);
        assertThat(page)
            .as("page of newer ones")
            .isEqualTo(
                feed.timeline.entries().stream()
                    .filter(entry -> from == null || entry.id().compareTo(from) > 0)
                    .filter(entry -> !base.had(entry) && until.had(entry))
                    .limit(limit)
                    .toList());
        take(page);
        if (page.size() < limit) return;
        after = page.get(limit - 1).id();
        feed.live(meanwhile);
      }
    }

    private void take(List<PostRef> page) {
      for (PostRef entry : page) if (!seen.add(entry.id())) repeated.add(entry.id());
    }
  }

  /** Authors, a log in two partitions, a reader's rules, and the timeline that follows them. */
  private static final class Feed {
    private static final List<LogPartition> PARTITIONS =
        List.of(new LogPartition(1, 7, 0), new LogPartition(1, 7, 1));
    private static final List<UserId> AUTHORS =
        List.of(
            SomeIntents.READER,
            SomeIntents.OTHERS.get(0),
            SomeIntents.OTHERS.get(1),
            SomeIntents.OTHERS.get(2));
    private static final List<String> TEXTS = List.of("", "a storm", "high tide", "calm");

    final Random random;
    final SomeIntents intents;
    final Set<PostId> left = new HashSet<>();
    private final RulesModel decided = new RulesModel(SomeIntents.READER);
    private final Map<PostId, Post> posts = new HashMap<>();
    private final List<PostRef> lines = new ArrayList<>();
    private final Set<PostId> deleted = new HashSet<>();
    private final int ruleChanges;
    // Both are known from the start: what comes from a log unknown to a cursor counts as old.
    private Positions positions =
        Positions.EMPTY.with(PARTITIONS.get(0), 0).with(PARTITIONS.get(1), 0);
    private User user = User.EMPTY;
    private long now = HybridClock.ofMillis(1);
    Rules rules;
    Timeline timeline;

    Feed(Random random) {
      this.random = random;
      this.intents = new SomeIntents(random, 60);
      this.ruleChanges = random.nextInt(8);
      this.rules = rules();
      this.timeline = new Timeline(1000, rules);
      for (int i = 0; i < 4; i++) decide();
    }

    private Rules rules() {
      return new Rules(
          SomeIntents.READER,
          ResidentTimelines.HOME,
          user.graph(),
          user.filters(),
          HybridClock.millisOf(now));
    }

    TimelineView view() {
      return timeline.publish(positions);
    }

    long count(Predicate<PostRef> which) {
      return timeline.entries().stream().filter(which).count();
    }

    void live(int most) {
      for (int i = random.nextInt(most + 1); i > 0; i--) {
        List<PostRef> before = timeline.entries();
        now += 1 + random.nextInt((int) HybridClock.ofMillis(1));
        if (random.nextInt(25) < ruleChanges) decide();
        else write();
        if (rules.expiresAtMillis() <= HybridClock.millisOf(now)) look();
        TimelineView after = view();
        for (PostRef entry : before) if (!after.contains(entry.id())) left.add(entry.id());
      }
    }

    private void decide() {
      now++;
      IntentLine line = intents.next(now);
      if (decided.exceeds(line, REMEMBERED)) return;
      decided.add(line, now);
      user = user.after(new UserEvent.IntentApplied(new Payload(line.toByteArray()), now));
      look();
    }

    /** As a load would: everything that is known, by the rules of now. */
    private void look() {
      rules = rules();
      Map<PostId, List<String>> met = new HashMap<>();
      posts.forEach((id, post) -> met.put(id, rules.met(post)));
      timeline = Timeline.of(1000, rules, PostId.MIN, lines, met);
    }

    private void write() {
      int what = random.nextInt(12);
      PostRef old = lines.isEmpty() ? null : intents.one(lines);
      if (old == null || what < 8) {
        publish(what == 0 ? random.nextLong(now) : now);
      } else if (what == 8) {
        append(old, old.version, old.flags, old.facts);
      } else if (!deleted.contains(old.id())) {
        boolean deletes = what == 9;
        if (deletes) deleted.add(old.id());
        append(
            old,
            now,
            deletes ? PostRef.DELETED : old.flags | PostRef.EDITED,
            deletes ? Facts.NONE : old.facts);
      }
    }

    private void publish(long at) {
      UserId author = intents.one(AUTHORS);
      PostId original = null;
      if (random.nextInt(5) == 0 && !lines.isEmpty()) {
        PostRef passedOn = intents.one(lines);
        if (!passedOn.deleted()) {
          original = passedOn.facts.original() == null ? passedOn.id() : passedOn.facts.original();
        }
      }
      List<String> tags =
          random.nextInt(4) > 0 ? List.of() : List.of(intents.one(SomeIntents.TAGS));
      List<UserId> mentions = random.nextInt(4) > 0 ? List.of() : List.of(intents.one(AUTHORS));
      Facts facts = new Facts(tags, "", mentions, false, null, null, original, null);
      PostRef post = new PostRef(at, lines.size(), now, author, partition(author), 0, 0, facts);
      posts.put(post.id(), Post.newBuilder().setText(intents.one(TEXTS)).addAllTags(tags).build());
      append(post, now, original == null ? 0 : PostRef.REPOST, facts);
    }

    private static LogPartition partition(UserId author) {
      return PARTITIONS.get(AUTHORS.indexOf(author) % 2);
    }

    private void append(PostRef like, long version, int flags, Facts facts) {
      long offset = positions.next(like.partition);
      PostRef line =
          new PostRef(
              like.idHi, like.idLo, version, like.author, like.partition, offset, flags, facts);
      lines.add(line);
      positions = positions.with(like.partition, offset + 1);
      if (deleted.contains(line.id()) && !line.deleted()) return;
      timeline.apply(line, met(line), new ArrayList<>());
    }

    private List<String> met(@Nullable PostRef line) {
      Post post = line == null ? null : posts.get(line.id());
      return post == null || !rules.readsTexts() ? List.of() : rules.met(post);
    }
  }
}
