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
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * A reader whose walk moves between cells that learn of posts and decisions at different times
 * misses nothing, and gets nothing twice that is not said to have been seen perhaps.
 */
class WalkBetweenCellsTest {
  private static final int REMEMBERED = 8;
  private static final long START = 1_763_650_000_000L;
  private static final List<UserId> AUTHORS =
      List.of(
          SomeIntents.READER,
          SomeIntents.OTHERS.get(0),
          SomeIntents.OTHERS.get(1),
          SomeIntents.OTHERS.get(2));
  private static final List<String> TEXTS = List.of("", "a storm", "high tide", "calm");

  /** {@code -Dtideline.test.histories=1000000}, as far as it gets in an hour. */
  @Test
  @EnabledIfSystemProperty(named = "tideline.test.histories", matches = "\\d+")
  void a_longer_run() {
    OtherHistories.run(
        seed -> {
          a_walk_between_cells_shows_everything_and_flags_what_it_repeats(seed);
          while_decisions_come_in_order_only_what_was_passed_over_elsewhere_is_flagged(seed);
        });
  }

  @Property(
      tries = 2_000,
      seed = "4711",
      shrinking = ShrinkingMode.OFF,
      edgeCases = EdgeCasesMode.NONE)
  void a_walk_between_cells_shows_everything_and_flags_what_it_repeats(@ForAll long seed) {
    Cells cells = new Cells(new Random(seed), false);
    try {
      Walk walk = Walk.through(cells);
      cells.settle();
      walk.newer(0);

      for (Cell cell : cells.all) {
        assertThat(cell.view().older(null, null, Integer.MAX_VALUE))
            .as("everything in %d", cell.number)
            .allMatch(entry -> walk.seen.containsKey(entry.id()) || walk.lost.contains(entry.id()));
      }
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError("with seed " + seed, e);
    }
  }

  @Property(
      tries = 1_000,
      seed = "4711",
      shrinking = ShrinkingMode.OFF,
      edgeCases = EdgeCasesMode.NONE)
  void while_decisions_come_in_order_only_what_was_passed_over_elsewhere_is_flagged(
      @ForAll long seed) {
    Cells cells = new Cells(new Random(seed), true);
    try {
      Walk.through(cells);
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError("with seed " + seed, e);
    }
  }

  @Property(
      tries = 300,
      seed = "4712",
      shrinking = ShrinkingMode.OFF,
      edgeCases = EdgeCasesMode.NONE)
  void a_cell_that_learns_everything_anew_knows_what_has_been_read(@ForAll long seed) {
    Cells cells = new Cells(new Random(seed), false);
    cells.live(80);
    cells.settle();
    Cell cell = cells.all.get(0);
    Watermark read = cell.view().watermark();

    Cell rebuilt = new Cell(cells, cell.number);
    cells.nowMillis++;
    rebuilt.rebuild();

    assertThat(readAndNew(rebuilt, read))
        .as("with seed %d", seed)
        .isEqualTo(readAndNew(cell, read));
  }

  private static List<Object> readAndNew(Cell cell, Watermark read) {
    TimelineView view = cell.view();
    return List.of(
        view.countUnread(read),
        view.older(null, read, Integer.MAX_VALUE).stream().map(PostRef::id).toList(),
        view.arrived(read, PassedOver.NOTHING, view.watermark(), null).shown().stream()
            .map(PostRef::id)
            .toList());
  }

  // --- the client ---

  private static final class Walk {
    // False = it was returned for certain for the first time.
    final Map<PostId, Boolean> seen = new HashMap<>();
    // What comes from one who was not followed when a walk towards newer ones went by: it counts as
    // returned.
    final Set<PostId> lost = new HashSet<>();
    private final Cells cells;
    private Watermark base = Watermark.NOTHING;
    private Set<PostId> atBase = Set.of();
    private @Nullable PostId after;
    private PassedOver passed = PassedOver.NOTHING;
    private boolean exact = true;

    private Walk(Cells cells) {
      this.cells = cells;
    }

    /** To the end and towards newer entries, while the cells live on. */
    static Walk through(Cells cells) {
      cells.live(80);
      Walk walk = new Walk(cells);
      walk.begin();
      walk.older();
      walk.newer(6);
      cells.live(20);
      walk.newer(0);
      return walk;
    }

    void begin() {
      Cell cell = cells.one();
      TimelineView view = cell.view();
      base = view.watermark();
      atBase = ids(view);
      List<PostRef> page = view.older(null, null, 1 + cells.random.nextInt(8));
      take(cell, page, ref -> false);
      after = page.size() == view.size() ? null : page.get(page.size() - 1).id();
    }

    private static Set<PostId> ids(TimelineView view) {
      return view.older(null, null, Integer.MAX_VALUE).stream()
          .map(PostRef::id)
          .collect(Collectors.toSet());
    }

    void older() {
      while (after != null) {
        cells.live(6);
        Cell cell = cells.oneThatReaches(base);
        TimelineView view = cell.view();
        PostId from = after;
        List<PostRef> all = view.older(from, base, Integer.MAX_VALUE);
        List<PostRef> page = all.subList(0, Math.min(1 + cells.random.nextInt(8), all.size()));
        take(cell, page, view.perhapsSeen(base, passed, false));
        after = page.size() == all.size() ? null : page.get(page.size() - 1).id();
        passed = view.walked(passed, base, from, after);
        for (PassedOver.Stretch stretch : passed.stretches()) {
          exact &= stretch.rulesAt().size() == 1;
        }
        base = view.pinned(base);
      }
    }

    void newer(int meanwhile) {
      Watermark until = null;
      Set<PostId> atUntil = Set.of();
      List<PostId> owed = List.of();
      PostId last = null;
      do {
        Cell cell = cells.oneThatReaches(until == null ? base : until);
        TimelineView view = cell.view();
        if (until == null) {
          until = view.watermark();
          atUntil = ids(view);
        }
        for (PostId id : atUntil) if (!cell.candidates.contains(id)) lost.add(id);
        TimelineView.Arrived arrived = view.arrived(base, passed, until, last);
        int size = Math.min(1 + cells.random.nextInt(8), arrived.shown().size());
        take(cell, arrived.shown().subList(0, size), view.perhapsSeen(base, passed, true));
        last = arrived.shown().size() > size ? arrived.shown().get(size - 1).id() : null;
        for (PostId hidden : arrived.hidden()) {
          if (last == null || hidden.compareTo(last) < 0) {
            if (owed.size() == 8) {
              exact = false;
              lost.add(owed.get(0));
            }
            owed = PassedOver.remember(owed, hidden);
          }
        }
        until = view.pinned(until);
        cells.live(meanwhile);
      } while (last != null);
      base = until;
      atBase = atUntil;
      passed = new PassedOver(List.of(), owed);
    }

    private void take(Cell in, List<PostRef> page, Predicate<PostRef> perhapsSeen) {
      for (PostRef entry : page) {
        boolean flag = perhapsSeen.test(entry);
        if (cells.inOrder && flag) {
          assertThat(passed.stretches())
              .as("why %s is flagged in %d", entry, in.number)
              .anyMatch(stretch -> stretch.cell() != in.number && stretch.covers(entry.id()));
        }
        Boolean before = seen.get(entry.id());
        if (exact && before != null && !before && atBase.contains(entry.id())) {
          assertThat(flag).as("repeated, so flagged: %s", entry).isTrue();
        }
        seen.merge(entry.id(), flag, (one, other) -> one && other);
      }
    }
  }

  // --- cells ---

  private static final class Cells {
    final Random random;
    final SomeIntents intents;
    final List<Cell> all = new ArrayList<>();
    final boolean skewed;
    final boolean inOrder;
    private final RulesModel decided = new RulesModel(SomeIntents.READER);
    private final Map<PostId, Post> posts = new HashMap<>();
    private final Set<PostId> deleted = new HashSet<>();
    private final int ruleChanges;
    private long nowMillis = START;

    Cells(Random random, boolean inOrder) {
      this.random = random;
      this.inOrder = inOrder;
      this.intents = new SomeIntents(random, 60);
      this.skewed = random.nextInt(3) == 0;
      this.ruleChanges = random.nextInt(8);
      int number = 2 + random.nextInt(2);
      for (int i = 1; i <= number; i++) all.add(new Cell(this, i));
      for (int i = 0; i < 4; i++) one().decide();
    }

    Cell one() {
      return intents.one(all);
    }

    /** Others wait for what they lack, as a read does; who made the cursor never has to. */
    Cell oneThatReaches(Watermark mark) {
      while (true) {
        Cell cell = one();
        if (random.nextInt(3) == 0) cell.readAll(random.nextBoolean());
        if (cell.reaches(mark)) return cell;
      }
    }

    void live(int most) {
      for (int i = random.nextInt(most + 1); i > 0; i--) {
        nowMillis += random.nextInt(3);
        Cell cell = one();
        int what = random.nextInt(40);
        if (what < ruleChanges) cell.decide();
        else if (what < 20) cell.write();
        else cell.readSome();
      }
    }

    void settle() {
      for (Cell cell : all) cell.readAll(true);
    }
  }

  private static final class Cell {
    final int number;
    final HybridClock clock;
    private final Cells cells;
    private final Random random;
    private final LogPartition partition;
    private final List<IntentLine> decisions = new ArrayList<>();
    private final List<PostRef> written = new ArrayList<>();
    // What of the others has been read: by number of the cell.
    private final Map<Integer, Integer> decisionsRead = new HashMap<>();
    private final List<IntentLine> aside = new ArrayList<>();
    private final List<PostRef> lines = new ArrayList<>();
    private Positions positions = Positions.EMPTY;
    private User user = User.EMPTY;
    private Set<PostId> candidates = Set.of();

    Cell(Cells cells, int number) {
      this.cells = cells;
      this.random = cells.random;
      this.number = number;
      this.partition = new LogPartition(number, 7, 0);
      long skew = cells.skewed ? random.nextInt(600_000) - 300_000 : 0;
      this.clock = new HybridClock(() -> Instant.ofEpochMilli(cells.nowMillis + skew));
      for (int i = 1; i <= 3; i++) positions = positions.with(new LogPartition(i, 7, 0), 0);
    }

    // --- what happens here ---

    void decide() {
      IntentLine what = cells.intents.next(0);
      if (cells.decided.exceeds(what, REMEMBERED)) return;
      cells.decided.add(what, 0);
      long at = user.timeOf(what, clock);
      IntentLine line = withRealEnds(what).toBuilder().setAt(at).setOriginCell(number).build();
      decisions.add(line);
      // Somebody else's block is heard of like what other cells have accepted.
      if (line.hasBlockedBy() && !cells.inOrder) aside.add(line);
      else user = user.after(new UserEvent.IntentAccepted(new Payload(line.toByteArray()), 0));
    }

    /** Mutes end within what the test takes; where clocks differ cells disagree when that is. */
    private IntentLine withRealEnds(IntentLine what) {
      IntentLine.Builder line = what.toBuilder();
      if (cells.skewed) {
        if (line.hasMutesChanged()) line.getMutesChangedBuilder().clearUntilMillis();
        if (line.getMuteRuleChanged().hasContent()) {
          line.getMuteRuleChangedBuilder().getContentBuilder().clearUntilMillis();
        }
        return line.build();
      }
      long mute = what.getMutesChanged().getUntilMillis();
      if (mute > 0) line.getMutesChangedBuilder().setUntilMillis(START + mute);
      long rule = what.getMuteRuleChanged().getContent().getUntilMillis();
      if (rule > 0) {
        line.getMuteRuleChangedBuilder().getContentBuilder().setUntilMillis(START + rule);
      }
      return line.build();
    }

    void write() {
      if (random.nextInt(8) == 0 && !written.isEmpty()) {
        PostRef old = cells.intents.one(written);
        if (old.deleted() || !cells.deleted.add(old.id())) return;
        append(old.id(), old.author, clock.nextAfter(old.version), PostRef.DELETED, Facts.NONE);
        return;
      }
      UserId author = cells.intents.one(AUTHORS);
      long at = clock.next();
      // Now and then one that carries an older time.
      long hi = random.nextInt(8) == 0 ? at - HybridClock.ofMillis(random.nextInt(100)) : at;
      PostId id = new PostId(hi, (long) number << 56 | written.size());
      List<String> tags =
          random.nextInt(4) > 0 ? List.of() : List.of(cells.intents.one(SomeIntents.TAGS));
      List<UserId> mentions =
          random.nextInt(4) > 0 ? List.of() : List.of(cells.intents.one(AUTHORS));
      cells.posts.put(
          id, Post.newBuilder().setText(cells.intents.one(TEXTS)).addAllTags(tags).build());
      append(id, author, at, 0, new Facts(tags, "", mentions, false, null, null, null, null));
    }

    private void append(PostId id, UserId author, long version, int flags, Facts facts) {
      PostRef line =
          new PostRef(id.hi(), id.lo(), version, author, partition, written.size(), flags, facts);
      written.add(line);
      readPosts(this, written.size());
    }

    // --- what is heard of ---

    void readSome() {
      Cell other = cells.one();
      int read = Math.toIntExact(positions.next(other.partition));
      readPosts(other, Math.min(other.written.size(), read + random.nextInt(4)));
      if (random.nextInt(3) == 0) readDecisions(other, random.nextInt(3));
      if (!aside.isEmpty() && random.nextInt(4) == 0) {
        hear(List.of(aside.remove(random.nextInt(aside.size()))));
      }
    }

    /**
     * @param asides also what was set aside
     */
    void readAll(boolean asides) {
      for (Cell other : cells.all) {
        readPosts(other, other.written.size());
        readDecisions(other, Integer.MAX_VALUE);
      }
      if (!asides) return;
      hear(List.copyOf(aside));
      aside.clear();
    }

    /** Gets all from the others' posts, and what the last of them knows of decisions. */
    void rebuild() {
      for (Cell other : cells.all) readPosts(other, other.written.size());
      User known = cells.all.get(cells.all.size() - 1).user;
      hear(
          StateLines.of(SomeIntents.READER, known, cells.all.size(), user -> true).stream()
              .flatMap(line -> IntentEffects.ofSaidAgain(line).stream())
              .filter(line -> line.getUserId().equals(SomeIntents.READER.value()))
              .toList());
    }

    private void readPosts(Cell other, int to) {
      lines.addAll(other.written.subList(Math.toIntExact(positions.next(other.partition)), to));
      positions = positions.with(other.partition, to);
    }

    private void readDecisions(Cell other, int most) {
      if (other == this) return;
      int read = decisionsRead.getOrDefault(other.number, 0);
      int to = (int) Math.min((long) read + most, other.decisions.size());
      List<IntentLine> heard = new ArrayList<>(other.decisions.subList(read, to));
      decisionsRead.put(other.number, to);
      for (IntentLine line : List.copyOf(heard)) {
        boolean late = random.nextInt(line.hasBlockedBy() ? 2 : 12) == 0;
        if (late && !cells.inOrder && heard.remove(line)) aside.add(line);
      }
      hear(heard);
    }

    private void hear(List<IntentLine> heard) {
      heard.forEach(line -> clock.observe(line.getAt()));
      for (UserEvent event : user.learned(heard, clock.nextAfter(user.lastAt()))) {
        user = user.after(event);
      }
    }

    // --- what a reader sees ---

    boolean reaches(Watermark mark) {
      return positions.covers(mark.positions()) && view().knowsRulesOf(mark);
    }

    TimelineView view() {
      Rules rules =
          new Rules(
              SomeIntents.READER,
              ResidentTimelines.HOME,
              user.graph(),
              user.filters(),
              cells.nowMillis,
              number);
      Map<PostId, List<String>> met = new HashMap<>();
      cells.posts.forEach((id, post) -> met.put(id, rules.met(post)));
      Timeline timeline = Timeline.of(1000, rules, PostId.MIN, lines, met);
      Set<PostId> now = timeline.candidates().stream().map(PostRef::id).collect(Collectors.toSet());
      candidates = now;
      return timeline.publish(positions);
    }
  }
}
