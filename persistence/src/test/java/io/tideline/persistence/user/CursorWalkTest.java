package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Facts;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.Timeline;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PassedOver;
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
  private static final Duration DAY = Duration.ofHours(24);

  /**
   * Other histories than those of every build; {@code -Dtideline.test.histories=1000000}, as far as
   * it gets in an hour.
   */
  @Test
  @EnabledIfSystemProperty(named = "tideline.test.histories", matches = "\\d+")
  void a_longer_run() {
    OtherHistories.run(this::older_and_newer_together_show_everything_once);
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
    if (feed.blurred.isEmpty()) {
      assertThat(feed.view().countNewSince(base.mark, PassedOver.NOTHING))
          .as("gap")
          .isEqualTo(feed.count(entry -> !base.had(entry.id())));
      assertThat(feed.view().countNewSince(read, PassedOver.NOTHING))
          .as("unread")
          .isEqualTo(
              feed.count(
                  entry -> entry.id().compareTo(read.newest()) > 0 || !base.had(entry.id())));
    }
    feed.unfollowed.clear();
    walk.newer(base, until, 6);
    // What comes from one who was not followed while the walk went by counts as returned.
    feed.blurred.addAll(feed.unfollowed);
    feed.live(20);
    walk.newer(until, new Moment(feed), 0);

    assertThat(feed.view().older(null, null, Integer.MAX_VALUE))
        .as("everything")
        .allMatch(entry -> walk.seen.contains(entry.id()) || walk.isUnsure(entry.id()));
  }

  @Property(tries = 1_000, seed = "6331479900425947878", shrinking = ShrinkingMode.OFF)
  void where_nothing_has_arrived_all_is_as_if_each_entry_were_looked_at(@ForAll long seed) {
    Feed feed = new Feed(new Random(seed));
    feed.live(80);
    TimelineView view = feed.view();
    // Of this log the marks know nothing, so nothing is certain without a look.
    TimelineView looking = feed.timeline.publish(feed.positions.with(new LogPartition(2, 7, 0), 1));
    PostId after = PostId.MIN;
    for (PostRef entry : feed.timeline.entries()) {
      for (PostId floor : List.of(PostId.MIN, after)) {
        Watermark mark =
            new Watermark(feed.positions, feed.rules.at(), floor, entry.id(), feed.rules.known());
        assertThat(view.countNewSince(mark, PassedOver.NOTHING))
            .isEqualTo(looking.countNewSince(mark, PassedOver.NOTHING));
        assertThat(view.older(null, mark, 1_000)).isEqualTo(looking.older(null, mark, 1_000));
        assertThat(view.older(after, mark, 1_000)).isEqualTo(looking.older(after, mark, 1_000));
        assertThat(view.arrived(mark, PassedOver.NOTHING, view.watermark(), after))
            .isEqualTo(looking.arrived(mark, PassedOver.NOTHING, view.watermark(), after));
      }
      after = feed.intents.one(feed.timeline.entries()).id();
    }
  }

  private static Watermark readTo(Feed feed, Moment base) {
    List<PostRef> entries = feed.timeline.entries();
    PostId newest = entries.isEmpty() ? PostId.MIN : feed.intents.one(entries).id();
    return new Watermark(base.mark.positions(), base.mark.rulesAt(), base.mark.floor(), newest);
  }

  /** What was there at one moment, written down then. */
  private static final class Moment {
    final Watermark mark;
    private final Feed feed;
    private final Set<PostId> shown = new HashSet<>();
    private final Map<PostId, Set<PostId>> elders = new HashMap<>();

    Moment(Feed feed) {
      this.feed = feed;
      this.mark = feed.view().watermark();
      List<PostRef> eligible = feed.eligible();
      for (PostRef ref : eligible) {
        Set<PostId> before = new HashSet<>();
        for (PostRef other : eligible) {
          long apart = ref.id().millis() - other.id().millis();
          boolean older = other.id().compareTo(ref.id()) < 0;
          if (older && about(ref).equals(about(other)) && apart <= DAY.toMillis()) {
            before.add(other.id());
          }
        }
        if (before.isEmpty()) shown.add(ref.id());
        else elders.put(ref.id(), before);
      }
    }

    private static PostId about(PostRef ref) {
      PostId original = ref.facts.original();
      return original == null ? ref.id() : original;
    }

    boolean had(PostId id) {
      return id.compareTo(mark.newest()) <= 0 && (shown.contains(id) || tookAPlace(id));
    }

    /** Whether it was a duplicate of something that is no more. */
    boolean tookAPlace(PostId id) {
      Set<PostId> before = elders.get(id);
      return before != null && before.stream().allMatch(elder -> feed.timeline.find(elder) == null);
    }
  }

  private static final class Walk {
    final Set<PostId> seen = new HashSet<>();
    private final Feed feed;
    private final Set<PostId> replacements = new HashSet<>();
    private PassedOver passed = PassedOver.NOTHING;
    private boolean exact = true;

    Walk(Feed feed) {
      this.feed = feed;
    }

    boolean isUnsure(PostId id) {
      return replacements.contains(id) || feed.blurred.contains(id);
    }

    private List<PostId> sure(List<PostRef> refs) {
      return refs.stream().map(PostRef::id).filter(id -> !isUnsure(id)).toList();
    }

    private List<PostRef> eligible(Moment... moments) {
      List<PostRef> eligible = feed.eligible();
      for (PostRef ref : eligible) {
        for (Moment moment : moments) {
          if (moment.tookAPlace(ref.id())) replacements.add(ref.id());
        }
      }
      return eligible;
    }

    void older(Moment base) {
      PostId after = null;
      while (true) {
        PostId from = after;
        List<PostRef> expected = new ArrayList<>(eligible(base));
        expected.removeIf(ref -> from != null && ref.id().compareTo(from) >= 0);
        expected.removeIf(ref -> !base.had(ref.id()));
        Collections.reverse(expected);
        List<PostRef> all = feed.view().older(after, base.mark, Integer.MAX_VALUE);
        assertThat(sure(all)).as("older ones").isEqualTo(sure(expected));
        int limit = 1 + feed.random.nextInt(8);
        List<PostRef> page = all.subList(0, Math.min(limit, all.size()));
        assertThat(feed.view().older(after, base.mark, limit)).as("page").isEqualTo(page);
        take(page, base);
        PostId last = all.size() <= limit ? null : page.get(limit - 1).id();
        passed = feed.view().walked(passed, base.mark, after, last);
        for (PassedOver.Stretch stretch : passed.stretches()) {
          exact &= stretch.rulesAt().size() == 1;
        }
        if (last == null) return;
        after = last;
        feed.live(6);
      }
    }

    void newer(Moment base, Moment until, int meanwhile) {
      PostId after = null;
      List<PostId> owed = List.of();
      while (true) {
        PostId from = after;
        List<PostRef> expected = new ArrayList<>(eligible(base, until));
        expected.removeIf(ref -> from != null && ref.id().compareTo(from) <= 0);
        expected.removeIf(ref -> !until.had(ref.id()));
        // What was hidden at the base comes back as new.
        expected.removeIf(ref -> seen.contains(ref.id()) && base.had(ref.id()));
        TimelineView.Arrived arrived = feed.view().arrived(base.mark, passed, until.mark, after);
        if (exact) {
          assertThat(sure(arrived.shown())).as("newer ones").isEqualTo(sure(expected));
        } else {
          assertThat(sure(arrived.shown())).as("newer ones").containsAll(sure(expected));
        }
        int limit = 1 + feed.random.nextInt(8);
        int size = Math.min(limit, arrived.shown().size());
        take(arrived.shown().subList(0, size), base);
        PostId last = arrived.shown().size() > limit ? arrived.shown().get(limit - 1).id() : null;
        for (PostId hidden : arrived.hidden()) {
          if (last == null || hidden.compareTo(last) < 0) {
            exact &= owed.size() < 8;
            owed = PassedOver.remember(owed, hidden);
          }
        }
        if (last == null) break;
        after = last;
        feed.live(meanwhile);
      }
      passed = new PassedOver(List.of(), owed);
    }

    private void take(List<PostRef> page, Moment base) {
      for (PostRef entry : page) {
        boolean isNew = seen.add(entry.id());
        if (exact && !isUnsure(entry.id()) && base.had(entry.id()))
          assertThat(isNew).as("once: %s", entry).isTrue();
      }
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
    // Of these the timeline does not know what they were before they were edited.
    final Set<PostId> blurred = new HashSet<>();
    // From sources that were none for a while.
    final Set<PostId> unfollowed = new HashSet<>();
    private final Map<PostId, Integer> edits = new HashMap<>();
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
          HybridClock.millisOf(now),
          1);
    }

    TimelineView view() {
      return timeline.publish(positions);
    }

    /** Oldest first, duplicates too. */
    List<PostRef> eligible() {
      return timeline.candidates().stream()
          .filter(ref -> rules.judge(ref, timeline.met(ref.id()), rules.now()).present())
          .toList();
    }

    long count(Predicate<PostRef> which) {
      return timeline.entries().stream().filter(which).count();
    }

    void live(int most) {
      for (int i = random.nextInt(most + 1); i > 0; i--) {
        now += 1 + random.nextInt((int) HybridClock.ofMillis(1));
        if (random.nextInt(25) < ruleChanges) decide();
        else write();
        if (rules.expiresAtMillis() <= HybridClock.millisOf(now)) look();
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
      Timeline before = timeline;
      List<PostRef> all = new ArrayList<>(before.candidates());
      all.addAll(lines);
      timeline = Timeline.of(1000, rules, PostId.MIN, all, met);
      for (PostRef ref : before.candidates()) {
        if (timeline.find(ref.id()) == null) unfollowed.add(ref.id());
      }
      for (PostId edited : edits.keySet()) if (before.find(edited) == null) blur(edited);
    }

    private void blur(PostId edited) {
      blurred.add(edited);
      for (PostRef line : lines) {
        if (edited.equals(line.facts.original())) blurred.add(line.id());
        if (edited.equals(line.id()) && line.facts.original() != null) {
          PostId original = line.facts.original();
          if (blurred.add(original)) blur(original);
        }
      }
    }

    private void write() {
      int what = random.nextInt(12);
      PostRef old = lines.isEmpty() ? null : intents.one(lines);
      if (old == null || what < 8) {
        publish(what == 0 ? random.nextLong(now) : now);
      } else if (what == 8) {
        append(old, old.version, old.flags, old.facts);
      } else if (!deleted.contains(old.id())) {
        if (what == 9) {
          deleted.add(old.id());
          append(old, now, PostRef.DELETED, Facts.NONE);
        } else {
          edit(old);
        }
      }
    }

    private void edit(PostRef old) {
      int count = edits.merge(old.id(), 1, Integer::sum);
      if (count > 3 || timeline.find(old.id()) == null) blur(old.id());
      List<String> tags = someTags();
      posts.put(old.id(), post(tags));
      Facts was = old.facts;
      append(
          old,
          now,
          old.flags | PostRef.EDITED,
          new Facts(tags, "", someMentions(), false, null, null, was.original(), null));
    }

    private List<String> someTags() {
      return random.nextInt(4) > 0 ? List.of() : List.of(intents.one(SomeIntents.TAGS));
    }

    private List<UserId> someMentions() {
      return random.nextInt(4) > 0 ? List.of() : List.of(intents.one(AUTHORS));
    }

    private Post post(List<String> tags) {
      return Post.newBuilder().setText(intents.one(TEXTS)).addAllTags(tags).build();
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
      List<String> tags = someTags();
      Facts facts = new Facts(tags, "", someMentions(), false, null, null, original, null);
      PostRef post = new PostRef(at, lines.size(), now, author, partition(author), 0, 0, facts);
      posts.put(post.id(), post(tags));
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
