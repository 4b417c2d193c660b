package io.tideline.persistence.user;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Checkpoint;
import io.tideline.persistence.timeline.FeedWatcher;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimeline;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.Timeline;
import io.tideline.persistence.timeline.TimelineStats;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.persistence.user.UserEvent.EntriesArrived;
import io.tideline.persistence.user.UserEvent.IntentAccepted;
import io.tideline.protocols.Cursor;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.PassedOver;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.log.v1.BlockedBy;
import io.tideline.protocols.log.v1.BlocksChanged;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.MuteRuleChanged;
import io.tideline.protocols.log.v1.MuteRuleContent;
import io.tideline.protocols.log.v1.MutesChanged;
import io.tideline.protocols.log.v1.TagsChanged;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One user in a {@link SimulatedCell}: persists what a user's entity persists, and owns a timeline
 * that wakes, is checkpointed and is lost. What readers could see is checked against the log.
 */
final class SimulatedUser {
  private static final UserId USER = SimulatedCell.AUTHORS.get(0);
  private static final String TEXTS = "what posts say";
  private static final int LONGER_THAN_ANYBODY_WAITS = 420;

  private final Random random;
  private final Dice dice;
  private final SimulatedCell cell;
  private final int capacity;
  private final int inboxCapacity;
  private boolean graphChanges = true;
  private final Deque<Runnable> tasks = new ArrayDeque<>();
  private final List<Runnable> delayed = new ArrayList<>();
  // By author, by tag or TEXTS: what has been asked for and need not be there yet.
  private final Map<Object, Integer> unsettled = new HashMap<>();
  private final List<Runnable> oldViews = new ArrayList<>();
  private final List<String> story = new ArrayList<>();

  private User state = User.EMPTY;
  private long nowMillis = 1;
  private SimulatedCell.Node node;
  private ResidentTimelines residents = new ResidentTimelines();
  private @Nullable LiveTimeline timeline;
  private @Nullable Watcher watcher;
  private @Nullable Watermark watchedTo;
  private final Set<PostId> watched = new HashSet<>();

  SimulatedUser(Random random, SimulatedCell cell) {
    this.random = random;
    this.cell = cell;
    this.dice = new Dice(random, 16, 8, 16, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2);
    this.node = cell.node();
    this.capacity = 1 + random.nextInt(12);
    this.inboxCapacity = random.nextInt(3) == 0 ? 2 : 1000;
    changeFollows(true);
    if (random.nextBoolean()) changeTags(true);
    if (random.nextBoolean()) changeRule();
    this.graphChanges = random.nextBoolean();
  }

  void step() {
    switch (dice.roll()) {
      case 0 -> runTask();
      case 1 -> runDelayed();
      case 2 -> wake();
      case 3 -> changeFollows(true);
      case 4 -> changeFollows(false);
      case 5 -> checkpoint();
      case 6 -> watch();
      case 7 -> remember();
      case 8 -> stop();
      case 9 -> changeFilters();
      case 10 -> changeTags(random.nextBoolean());
      case 11 -> changeRule();
      case 12 -> passTime();
      default -> leave();
    }
    check();
  }

  /** Something of what there is to do, of which somebody is told. */
  void workForWatcher() {
    wake();
    if (watcher == null) watch();
    if (random.nextInt(4) > 0) runTask();
    else runDelayed();
  }

  /** Everything written has arrived, and nothing is left to do. */
  void settle() {
    if (random.nextInt(60) == 0) settleWithoutTexts();
    do {
      doWhatThereIs();
    } while (!tasks.isEmpty() || !delayed.isEmpty() || cell.isStillAnswering());
  }

  /** Nobody can say what posts are about, for longer than anybody waits. */
  private void settleWithoutTexts() {
    tell("settle without texts");
    cell.takeTextsAway(true);
    for (int i = 0; i < LONGER_THAN_ANYBODY_WAITS; i++) doWhatThereIs();
    cell.takeTextsAway(false);
  }

  private void doWhatThereIs() {
    cell.settle();
    wake();
    while (!tasks.isEmpty()) runTask();
    for (int i = delayed.size(); i > 0; i--) runDelayed();
  }

  // --- what a user's entity does ---

  void wake() {
    if (timeline != null) return;
    tell("wake");
    LiveTimeline.Surroundings around =
        new LiveTimeline.Surroundings(
            node,
            cell::newest,
            node,
            residents,
            new TimelineStats(nanos -> {}, nanos -> {}),
            ids -> {},
            capacity,
            inboxCapacity);
    LiveTimeline[] self = new LiveTimeline[1];
    self[0] =
        new LiveTimeline(
            USER,
            ResidentTimelines.HOME,
            around,
            new Owner(),
            () -> tasks.add(() -> self[0].drain()),
            () -> true,
            rules());
    timeline = self[0];
    timeline.wake(state.checkpoint());
    Set<Object> sources = new HashSet<>(state.graph().followees());
    sources.addAll(state.graph().followedTags());
    sources.add(TEXTS);
    settles(sources);
  }

  private Rules rules() {
    return new Rules(USER, ResidentTimelines.HOME, state.graph(), state.filters(), nowMillis, 1);
  }

  private final class Owner implements LiveTimeline.Owner {
    @Override
    public void execute(Runnable task) {
      tasks.add(task);
    }

    @Override
    public void executeIn(Duration delay, Runnable task) {
      delayed.add(task);
    }
  }

  private void changeFollows(boolean active) {
    if (!graphChanges) return;
    List<UserId> some =
        SimulatedCell.AUTHORS.stream().filter(author -> random.nextInt(3) == 0).toList();
    List<UserId> changed =
        some.stream().filter(author -> state.graph().follows(author) != active).toList();
    if (changed.isEmpty()) return;
    tell((active ? "follow " : "unfollow ") + changed);
    decide(
        IntentLine.newBuilder()
            .setFollowsChanged(
                FollowsChanged.newBuilder()
                    .addAllTargetIds(changed.stream().map(UserId::value).toList())
                    .setActive(active)));
    if (timeline == null) return;
    timeline.changed(rules());
    if (active) settles(Set.copyOf(changed));
  }

  /** Hides an author, or no longer; nobody hides what the user writes itself. */
  private void changeFilters() {
    if (!graphChanges) return;
    UserId author = SimulatedCell.AUTHORS.get(random.nextInt(SimulatedCell.AUTHORS.size()));
    boolean active = random.nextBoolean();
    String id = author.value();
    tell((active ? "hide " : "show ") + author);
    IntentLine.Builder intent = IntentLine.newBuilder();
    switch (random.nextInt(3)) {
      case 0 ->
          intent.setMutesChanged(
              MutesChanged.newBuilder()
                  .addTargetIds(id)
                  .setActive(active)
                  .setUntilMillis(someEnd()));
      case 1 ->
          intent.setBlocksChanged(BlocksChanged.newBuilder().addTargetIds(id).setActive(active));
      default -> intent.setBlockedBy(BlockedBy.newBuilder().setBlockerId(id).setActive(active));
    }
    decide(intent);
    if (timeline != null) timeline.changed(rules());
  }

  private long someEnd() {
    return random.nextBoolean() ? 0 : nowMillis + random.nextInt(10);
  }

  private void changeTags(boolean active) {
    if (!graphChanges) return;
    String tag = SimulatedCell.TAGS.get(random.nextInt(SimulatedCell.TAGS.size()));
    if (state.graph().followedTags().contains(tag) == active) return;
    tell((active ? "follow #" : "unfollow #") + tag);
    decide(
        IntentLine.newBuilder()
            .setTagsChanged(TagsChanged.newBuilder().addTags(tag).setActive(active)));
    if (timeline == null) return;
    timeline.changed(rules());
    if (active) settles(Set.of(tag));
  }

  private void changeRule() {
    if (!graphChanges) return;
    MuteRuleChanged.Builder change =
        MuteRuleChanged.newBuilder().setRuleId("r" + random.nextInt(3));
    if (random.nextInt(3) > 0) {
      MuteRuleContent.Builder content =
          MuteRuleContent.newBuilder()
              .setName("rule " + nowMillis)
              .setWarn(random.nextInt(3) == 0)
              .setUntilMillis(someEnd());
      List<String> phrases = SomeIntents.PHRASES;
      if (random.nextInt(3) == 0) {
        content.setTag(SimulatedCell.TAGS.get(random.nextInt(SimulatedCell.TAGS.size())));
      } else {
        content.setWords(phrases.get(random.nextInt(phrases.size())));
      }
      change.setContent(content);
    }
    tell("rule " + change.toString().replaceAll("\\s+", " "));
    boolean settled = timeline != null && timeline.settled();
    decide(IntentLine.newBuilder().setMuteRuleChanged(change));
    if (timeline == null) return;
    timeline.changed(rules());
    // Readers wait for a timeline that has nothing else to do.
    if (!settled) settles(Set.of(TEXTS));
  }

  /** Mutes and rules end; the entity has set itself a timer. */
  private void passTime() {
    if (!graphChanges) return;
    nowMillis += random.nextInt(5);
    tell("it is " + nowMillis);
    if (timeline != null) timeline.changed(rules());
  }

  private void decide(IntentLine.Builder intent) {
    long at = HybridClock.ofMillis(++nowMillis);
    persist(new IntentAccepted(new Payload(intent.setAt(at).build().toByteArray()), 0));
  }

  private void settles(Set<? extends Object> sources) {
    Set<Object> waking = new HashSet<>(sources);
    waking.forEach(source -> unsettled.merge(source, 1, Integer::sum));
    LiveTimeline now = requireNonNull(timeline);
    now.whenSettled(
        () -> waking.forEach(source -> unsettled.merge(source, -1, Integer::sum)),
        reason -> assertThat(timeline).isNotSameAs(now));
  }

  /** The entity writes what it has, and lives on. */
  private void checkpoint() {
    Checkpoint now = timeline == null ? null : timeline.checkpoint();
    if (now == null) return;
    tell("checkpoint " + now.positions());
    PostId newest = PostId.MIN;
    for (PostRef entry : now.entries()) {
      assertThat(entry.id()).isGreaterThan(newest);
      newest = entry.id();
    }
    checkContents(
        now.entries().stream()
            .filter(entry -> entry.id().compareTo(now.floor()) > 0)
            .filter(this::eligible)
            .toList(),
        now.positions(),
        now.floor());
    persist(new EntriesArrived(new Payload(state.checkpointed().differenceTo(now))));
    assertThat(state.checkpointed()).isEqualTo(now);
    requireNonNull(state.checkpoint()).hold(now);
  }

  private void stop() {
    if (timeline == null) return;
    checkpoint();
    leave();
  }

  /** The timeline is gone, perhaps with its node; the next one may be elsewhere. */
  void leave() {
    if (timeline == null) return;
    tell("leave");
    LiveTimeline gone = timeline;
    timeline = null;
    gone.stop("leaves");
    unsettled.clear();
    residents = new ResidentTimelines();
    if (random.nextInt(3) == 0) cell.replaceNode();
    node = cell.node();
  }

  void forgetCheckpoint() {
    state =
        new User(
            state.graph(),
            state.filters(),
            state.readState(),
            state.posting(),
            null,
            0,
            state.lastAt(),
            0,
            state.erasure());
  }

  private void persist(UserEvent event) {
    state = state.after(event);
  }

  private void runTask() {
    Runnable task = tasks.poll();
    if (task != null) task.run();
  }

  private void runDelayed() {
    if (!delayed.isEmpty()) delayed.remove(random.nextInt(delayed.size())).run();
  }

  // --- what readers see ---

  private @Nullable TimelineView view() {
    ResidentTimeline resident = residents.get(USER, ResidentTimelines.HOME);
    return resident == null ? null : resident.read();
  }

  private void check() {
    TimelineView view = view();
    if (view != null) checkContents(entries(view), view.positions(), view.floor());
  }

  private static List<PostRef> entries(TimelineView view) {
    return IntStream.range(0, view.size()).mapToObj(i -> view.newest(view.size() - 1 - i)).toList();
  }

  private void checkContents(List<PostRef> entries, Positions positions, PostId floor) {
    Map<PostId, PostRef> truth = cell.posts((partition, offset) -> true);
    Map<PostId, PostRef> claimed = cell.posts(positions::contains);
    assertThat(entries).as(this::story).hasSizeLessThanOrEqualTo(capacity);
    Map<PostId, PostRef> shown = new HashMap<>();
    PostId last = floor;
    for (PostRef entry : entries) {
      shown.put(entry.id(), entry);
      assertThat(entry.id()).as("order, %s", this).isGreaterThan(last);
      last = entry.id();
      assertThat(comesIn(entry)).as("%s is eligible, %s", entry, this).isTrue();
      if (isSettled(TEXTS)) {
        assertThat(saysWhatIsHidden(entry)).as("%s is hidden, %s", entry, this).isFalse();
      }
      if (settled(entry)) {
        // Who hears of a post when it gets a tag does not know when it came without.
        if (!cell.tagsHaveChanged(entry)) {
          assertThat(entry.offset)
              .as("%s, %s", entry, this)
              .isEqualTo(requireNonNull(truth.get(entry.id())).offset);
        }
        assertThat(positions.contains(entry.partition, entry.offset))
            .as("%s shown, but only %s claimed, %s", entry, positions, this)
            .isTrue();
      }
    }
    claimed.forEach(
        (id, post) -> {
          if (!eligible(post) || !settled(post) || id.compareTo(floor) <= 0) return;
          PostRef entry = shown.get(id);
          if (post.deleted()) {
            assertThat(entry).as("deleted, claimed %s, %s", positions, this).isNull();
          } else if (cell.laterVersions(post).allMatch(this::isShownIfKnown)) {
            assertThat(entry)
                .as("%s, claimed %s, %s", post, positions, this)
                .isNotNull()
                .matches(known -> known.version >= post.version);
          }
        });
  }

  private boolean isShownIfKnown(PostRef version) {
    return !version.deleted() && eligible(version);
  }

  private boolean eligible(PostRef post) {
    return comesIn(post) && !saysWhatIsHidden(post);
  }

  private boolean comesIn(PostRef post) {
    if (post.author.equals(USER)) return true;
    return !hides(post.author) && sourcesOf(post).findAny().isPresent();
  }

  private Stream<Object> sourcesOf(PostRef post) {
    return Stream.concat(
        state.graph().followees().stream().filter(post.author::equals),
        state.graph().followedTags().stream().filter(post.facts.tags()::contains));
  }

  private boolean hides(UserId author) {
    Filters filters = state.filters();
    Register<Long> mute = filters.mutes().get(author);
    return (mute != null && mute.value() != null && isInForce(mute.value()))
        || filters.blockedUsers().contains(author)
        || filters.blockedBy(author, Graph.NOW);
  }

  private boolean isInForce(long untilMillis) {
    return untilMillis == 0 || nowMillis < untilMillis;
  }

  private boolean saysWhatIsHidden(PostRef post) {
    return !post.author.equals(USER) && rulesMet(post).anyMatch(rule -> !rule.warn());
  }

  private List<String> warnings(PostRef post) {
    return rulesMet(post).filter(MuteRule::warn).map(MuteRule::name).sorted().toList();
  }

  private Stream<MuteRule> rulesMet(PostRef post) {
    String text = " " + SimulatedCell.textOf(post) + " ";
    return state.filters().rules().values().stream()
        .map(Register::value)
        .filter(Objects::nonNull)
        .filter(rule -> isInForce(rule.untilMillis()))
        .filter(
            rule ->
                rule.tag().isEmpty()
                    ? text.contains(" " + rule.words() + " ")
                    : post.facts.tags().contains(rule.tag()));
  }

  /** Whether the feed must have it as the log has it. */
  private boolean settled(PostRef post) {
    return post.author.equals(USER) || sourcesOf(post).anyMatch(this::isSettled);
  }

  private boolean isSettled(Object source) {
    return unsettled.getOrDefault(source, 0) == 0;
  }

  /**
   * The view is what the log says: everything above the floor, and as much as there is room for.
   */
  void checkComplete() {
    TimelineView view = requireNonNull(view(), this::story);
    assertThat(unsettled.values()).as("settled, %s", this).allMatch(n -> n == 0);
    List<PostId> expected =
        cell.posts((partition, offset) -> true).values().stream()
            .filter(post -> !post.deleted() && eligible(post))
            .map(PostRef::id)
            .filter(id -> id.compareTo(view.floor()) > 0)
            .sorted(Comparator.reverseOrder())
            .toList();
    assertThat(view.older(null, null, capacity))
        .as(this::story)
        .extracting(PostRef::id)
        .isEqualTo(expected);
    for (PostRef entry : view.older(null, null, capacity)) {
      assertThat(view.warnings(entry)).as(this::story).hasSameElementsAs(warnings(entry));
    }
    boolean hidesNothing = state.filters().hideNobody() && state.filters().rules().isEmpty();
    // Who hides almost everything may get less.
    if (view.cutOff() && hidesNothing) {
      assertThat(view.size()).as(this::story).isGreaterThanOrEqualTo(capacity / 2);
    }
    check();
    oldViews.forEach(Runnable::run);
    // An edit may change what a rule says of a post, or by which tag it comes.
    boolean plain = state.filters().rules().isEmpty() && state.graph().followedTags().isEmpty();
    if (watcher != null && !graphChanges && plain) {
      assertThat(watched).as(this::story).containsAll(expected);
      TimelineView began = watcher.began;
      if (began != null) assertThat(watched).as(this::story).containsAll(arrivedSince(began));
    }
  }

  /** Also what came below the floor that there was by then. */
  private List<PostId> arrivedSince(TimelineView began) {
    return cell.posts((partition, offset) -> true).values().stream()
        .filter(post -> !post.deleted() && eligible(post))
        .filter(post -> post.id().compareTo(began.floor()) > 0)
        .filter(post -> !began.positions().contains(post.partition, post.offset))
        .map(PostRef::id)
        .toList();
  }

  private void remember() {
    TimelineView view = view();
    if (view == null) return;
    List<PostRef> then = entries(view);
    oldViews.add(() -> assertThat(entries(view)).as(this::story).isEqualTo(then));
  }

  /** A watcher that comes and goes, and resumes where it left off. */
  private void watch() {
    TimelineView view = view();
    ResidentTimeline resident = residents.get(USER, ResidentTimelines.HOME);
    if (view == null || resident == null) return;
    if (watcher != null) watcher.gone = true;
    if (watchedTo == null) {
      watchedTo = view.watermark();
      entries(view).forEach(entry -> watched.add(entry.id()));
    }
    tell("watch from " + watchedTo);
    watcher = new Watcher(watchedTo);
    resident.watch(watcher);
  }

  /** Whether the node can tell that a line says a post again. */
  private boolean isRemembered(PostId id) {
    PostRef first = requireNonNull(cell.posts((partition, offset) -> true).get(id));
    return node.recent(first.author, Positions.EMPTY).stream()
        .anyMatch(line -> line.id().equals(id) && line.offset == first.offset);
  }

  private final class Watcher implements FeedWatcher {
    private final Watermark from;
    private final Set<PostId> told = new HashSet<>();
    @Nullable TimelineView began;
    boolean gone;

    Watcher(Watermark from) {
      this.from = from;
    }

    @Override
    public Cursor resumesFrom() {
      return Cursor.newer(SomeIntents.READER, ResidentTimelines.HOME, from, PassedOver.NOTHING);
    }

    @Override
    public boolean offer(List<Change> changes, TimelineView after) {
      if (gone) return false;
      for (Change change : changes) {
        PostId id = change.post().id();
        if (change.what() == Timeline.Event.ADDED) {
          boolean first = told.add(id) || !isRemembered(id);
          assertThat(first).as("%s is told once, %s", id, SimulatedUser.this).isTrue();
          watched.add(id);
        } else if (change.what() == Timeline.Event.REMOVED) {
          told.remove(id);
        }
      }
      if (began == null) began = after;
      watchedTo = after.watermark();
      return true;
    }

    @Override
    public void readTo(Watermark read, TimelineView now) {}

    @Override
    public boolean gone() {
      return gone;
    }

    @Override
    public void close(String reason) {
      gone = true;
      watcher = null;
    }
  }

  private void tell(String what) {
    story.add(what);
  }

  private String story() {
    return toString();
  }

  @Override
  public String toString() {
    return "capacity %d, inbox %d: %s; log %s".formatted(capacity, inboxCapacity, story, cell);
  }
}
