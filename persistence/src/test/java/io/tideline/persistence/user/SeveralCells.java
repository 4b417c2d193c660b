package io.tideline.persistence.user;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.posts.ErasedAuthors;
import io.tideline.persistence.posts.StoreModel;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.Timeline;
import io.tideline.persistence.user.UserEvent.Erased;
import io.tideline.persistence.user.UserEvent.IntentAccepted;
import io.tideline.persistence.user.UserEvent.PostDeleted;
import io.tideline.persistence.user.UserEvent.PostEdited;
import io.tideline.persistence.user.UserEvent.PostPublished;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ListChanged;
import io.tideline.protocols.log.v1.ListContent;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.log.v1.ReadMarked;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Cells in one thread that share nothing but logs, each with a clock of its own: users decide and
 * publish anywhere; lines are announced late, twice and out of order; links are cut; whoever
 * applies lines goes back to what was committed, or sets one aside for later; owners come back with
 * what they had persisted.
 */
final class SeveralCells {
  private static final int CELLS = 3;
  private static final int PARTITIONS = 2;
  private static final List<UserId> USERS =
      List.of(SomeIntents.READER, SomeIntents.OTHERS.get(0), SomeIntents.OTHERS.get(1));
  private static final long START = 1_763_650_000_000L;
  private static final IntentLine EVERYBODY =
      IntentLine.newBuilder()
          .setFollowsChanged(
              FollowsChanged.newBuilder()
                  .addAllTargetIds(SomeIntents.OTHERS.stream().map(UserId::value).toList())
                  .setActive(true))
          .build();
  private static final Payload NOTHING = new Payload(new byte[0]);

  private final Random random;
  private final SomeIntents intents;
  private final Dice dice;
  private final List<Cell> cells = new ArrayList<>();
  private final List<Supplier<String>> story = new ArrayList<>();
  private final int haste;
  // Much happens to one list of one user.
  private final boolean oneList;
  private long now = START;
  // The first ones are used again.
  private int keys = 1;
  // Known in the end.
  private final List<PostLine> postLines = new ArrayList<>();
  private final Set<String> erased = new HashSet<>();

  SeveralCells(Random random) {
    this.random = random;
    this.intents = new SomeIntents(random, 100);
    this.dice = new Dice(random, 12, 3, 4, 2, 2, 1, 8, 16, 2, 2, 1);
    this.haste = 1 + random.nextInt(4);
    this.oneList = random.nextInt(4) == 0;
    for (int number = 1; number <= CELLS; number++) cells.add(new Cell(number));
    for (Cell cell : cells) cells.forEach(cell::readFrom);
    if (oneList) cells.get(0).owner(SomeIntents.READER).decide(EVERYBODY);
  }

  /** Something happens somewhere. */
  void step() {
    now += random.nextInt(4) == 0 ? random.nextInt(3) : 0;
    Cell cell = intents.one(cells);
    Owner owner = cell.owner(oneList ? SomeIntents.READER : intents.one(USERS));
    switch (dice.roll()) {
      case 0 -> owner.decide(someIntent());
      case 1 -> owner.markRead();
      case 2 -> owner.publish();
      case 3 -> owner.edit();
      case 4 -> owner.delete();
      case 5 -> {
        if (random.nextInt(8) == 0) owner.eraseNow();
      }
      case 6 -> owner.announce();
      case 7 -> cell.reader().read(1 + random.nextInt(5));
      case 8 -> cell.crash();
      case 9 -> cell.reader().cutOrHeal();
      default -> now += random.nextInt(120_000);
    }
  }

  private IntentLine someIntent() {
    IntentLine intent = intents.next(0);
    while (oneList && !isAboutOneList(intent)) intent = intents.next(0);
    return intent.toBuilder().clearOriginCell().build();
  }

  private static boolean isAboutOneList(IntentLine intent) {
    String list = SomeIntents.LISTS.get(0);
    return intent.getListChanged().getListId().equals(list)
        || intent.getListMembersChanged().getListId().equals(list);
  }

  /** Nobody decides any more, and all that was decided becomes known everywhere. */
  void settle() {
    tell(() -> "settle");
    boolean quiet = false;
    for (int rounds = 0; !quiet; rounds++) {
      assertThat(rounds).as("rounds until all is said").isLessThan(20);
      quiet = true;
      for (Cell cell : cells) quiet &= cell.settle();
    }
  }

  private void tell(Supplier<String> what) {
    story.add(what);
  }

  @Override
  public String toString() {
    return story.stream().map(Supplier::get).collect(Collectors.joining("\n"));
  }

  // --- one cell ---

  private final class Cell implements LogPort {
    final int number;
    final long skew = random.nextInt(3) == 0 ? 0 : random.nextInt(600_000) - 300_000;
    final Map<UserId, Owner> owners = new TreeMap<>();
    final List<List<IntentLine>> intentsLog = logs();
    final List<List<PostLine>> postsLog = logs();
    final List<Reader<?>> readers = new ArrayList<>();
    final Map<LogPartition, Reader<PostLine>> postsReaders = new TreeMap<>();
    final Map<PostId, PostRef> posts = new TreeMap<>();
    final StoreModel store = new StoreModel();
    final ErasedAuthors erased = new ErasedAuthors();
    HybridClock clock = startClock();

    Cell(int number) {
      this.number = number;
    }

    private static <T> List<List<T>> logs() {
      return Stream.generate(() -> (List<T>) new ArrayList<T>()).limit(PARTITIONS).toList();
    }

    @Override
    public boolean busy() {
      return false;
    }

    private HybridClock startClock() {
      return new HybridClock(() -> Instant.ofEpochMilli(now + skew));
    }

    void readFrom(Cell other) {
      for (int i = 0; i < PARTITIONS; i++) {
        LogPartition partition = new LogPartition(other.number, 7, i);
        readers.add(new Reader<>(this, other, other.intentsLog.get(i), this::applyIntents));
        Reader<PostLine> posts =
            new Reader<>(this, other, other.postsLog.get(i), lines -> applyPosts(lines, partition));
        postsReaders.put(partition, posts);
        readers.add(posts);
      }
    }

    Owner owner(UserId user) {
      return owners.computeIfAbsent(user, id -> new Owner(this, id));
    }

    Reader<?> reader() {
      return intents.one(readers);
    }

    /** A node is lost: what was not persisted, or not committed, is as before. */
    void crash() {
      tell(() -> number + " crashes");
      clock = startClock();
      owners.values().forEach(Owner::recover);
      readers.forEach(Reader::rewind);
    }

    boolean settle() {
      boolean quiet = true;
      for (Owner owner : List.copyOf(owners.values())) quiet &= owner.announceAll();
      for (Reader<?> reader : readers) quiet &= reader.readAll();
      return quiet;
    }

    @Override
    public CompletionStage<Void> append(PostLine line) {
      postsLog.get(partitionOf(line.getAuthorId())).add(line);
      return CompletableFuture.completedStage(null);
    }

    @Override
    public CompletionStage<Void> append(IntentLine line) {
      intentsLog.get(partitionOf(line.getUserId())).add(line);
      return CompletableFuture.completedStage(null);
    }

    private static int partitionOf(String user) {
      return Math.floorMod(user.hashCode(), PARTITIONS);
    }

    private void applyIntents(List<Numbered<IntentLine>> lines) {
      Map<UserId, List<IntentLine>> byUser = new LinkedHashMap<>();
      for (Numbered<IntentLine> line : lines) {
        for (IntentLine effect : IntentEffects.of(line.line(), number)) {
          byUser
              .computeIfAbsent(new UserId(effect.getUserId()), user -> new ArrayList<>())
              .add(effect);
        }
      }
      byUser.forEach((user, effects) -> owner(user).apply(effects));
    }

    private void applyPosts(List<Numbered<PostLine>> lines, LogPartition partition) {
      List<PostLine> stored = new ArrayList<>();
      for (Numbered<PostLine> numbered : lines) {
        PostLine line = numbered.line();
        UserId author = new UserId(line.getAuthorId());
        if (line.getKind() == PostLineKind.POST_LINE_KIND_ERASED) {
          erased.add(author, line.getVersion());
          posts.values().removeIf(post -> post.author.equals(author));
        } else if (!erased.contains(author)) {
          PostRef ref = PostRef.of(line, author, partition, numbered.offset());
          posts.merge(ref.id(), ref, PostRef::merge);
          store.write(line);
          stored.add(line);
        }
      }
      // All of a batch are stored at once.
      Collections.shuffle(stored, random);
      for (PostLine line : stored) store.linesAfter(line, number).forEach(this::append);
    }

    Positions positions() {
      Positions positions = Positions.EMPTY;
      for (Map.Entry<LogPartition, Reader<PostLine>> posts : postsReaders.entrySet()) {
        positions = positions.with(posts.getKey(), posts.getValue().next);
      }
      return positions;
    }
  }

  // --- a log, as one cell reads it ---

  private record Numbered<L>(long offset, L line) {}

  private final class Reader<L> {
    final Cell to;
    final Cell from;
    final List<L> log;
    final Consumer<List<Numbered<L>>> apply;
    final List<Numbered<L>> aside = new ArrayList<>();
    int next;
    int committed;
    boolean cut;

    Reader(Cell to, Cell from, List<L> log, Consumer<List<Numbered<L>>> apply) {
      this.to = to;
      this.from = from;
      this.log = log;
      this.apply = apply;
    }

    void cutOrHeal() {
      cut = to != from && !cut;
    }

    void read(int most) {
      if (cut) return;
      List<Numbered<L>> batch = new ArrayList<>();
      while (batch.size() < most && next < log.size()) {
        Numbered<L> line = new Numbered<>(next, log.get(next));
        next++;
        if (random.nextInt(16) == 0) aside.add(line);
        else batch.add(line);
      }
      if (!aside.isEmpty() && random.nextInt(4) == 0) {
        batch.add(aside.remove(random.nextInt(aside.size())));
      }
      if (batch.isEmpty()) return;
      tell(() -> to.number + " applies " + batch.size() + " lines of " + from.number);
      apply.accept(batch);
      if (random.nextInt(haste) == 0) committed = next;
      // As after a rebalance, or when a copy of the log was resumed from older stamps.
      if (random.nextInt(16) == 0) next = random.nextInt(next + 1);
    }

    void rewind() {
      next = committed;
    }

    boolean readAll() {
      cut = false;
      boolean quiet = next == log.size() && aside.isEmpty();
      List<Numbered<L>> batch = new ArrayList<>(aside);
      aside.clear();
      for (; next < log.size(); next++) batch.add(new Numbered<>(next, log.get(next)));
      apply.accept(batch);
      return quiet;
    }
  }

  // --- a user in one cell ---

  /** What the entity does with the same rules, but for waiting. */
  private final class Owner {
    final Cell cell;
    final UserId user;
    final List<UserEvent> journal = new ArrayList<>();
    final TreeSet<Integer> unannounced = new TreeSet<>();
    User state = User.EMPTY;

    Owner(Cell cell, UserId user) {
      this.cell = cell;
      this.user = user;
    }

    void decide(IntentLine asked) {
      if (asked.hasBlockedBy() || state.erasure() != null) return;
      IntentLine what = decision(asked).line();
      if (what == null) return;
      IntentLine line = lines().intent(what, state.timeOf(what, cell.clock));
      tell(() -> at(line.getAt()) + " decides " + String.valueOf(what).replaceAll("\\s+", " "));
      persist(new IntentAccepted(payload(line.toByteArray()), announcedTo()));
      assertThat(decision(asked).line()).as("still to do").isNull();
      if (what.hasListChanged() && !what.getListChanged().hasContent()) {
        assertThat(membersOfNew(what.getListChanged().getListId())).as("in a new list").isEmpty();
      }
    }

    /** Who would be in the list if it were made again right now. */
    private List<UserId> membersOfNew(String list) {
      IntentLine made =
          IntentLine.newBuilder()
              .setListChanged(
                  ListChanged.newBuilder()
                      .setListId(list)
                      .setContent(ListContent.getDefaultInstance()))
              .build();
      IntentLine line = lines().intent(made, state.timeOf(made, cell.clock));
      User then = state.after(new IntentAccepted(payload(line.toByteArray()), 0));
      return then.graph().members(list);
    }

    private Intents.Decision decision(IntentLine asked) {
      return new Intents(user, state, 100, 0).decide(asked);
    }

    void markRead() {
      if (state.erasure() != null || cell.posts.isEmpty()) return;
      PostId newest = intents.one(List.copyOf(cell.posts.keySet()));
      String surface = random.nextBoolean() ? ResidentTimelines.HOME : Rules.surfaceOf("close");
      Watermark read =
          new Watermark(cell.positions(), state.graph().changedAt(), PostId.MIN, newest);
      if (!state.readState().movedBy(surface, read)) return;
      IntentLine line =
          lines()
              .intent(
                  IntentLine.newBuilder()
                      .setReadMarked(
                          ReadMarked.newBuilder().setSurface(surface).setWatermark(read.toProto()))
                      .build(),
                  cell.clock.nextAfter(state.lastAt()));
      tell(() -> at(line.getAt()) + " has read " + surface + " to " + newest);
      persist(new IntentAccepted(payload(line.toByteArray()), announcedTo()));
    }

    void publish() {
      if (state.erasure() != null) return;
      long at = state.timeOfPost(cell.clock);
      String key = "key" + (random.nextInt(3) == 0 ? random.nextInt(2) : ++keys);
      if (state.posting().under(key, at) != null) return;
      PostId id = PostId.of(at, cell.number, user, key);
      PostLine line = lines().published(id, at, NOTHING, someFacts());
      tell(() -> at(at) + " publishes " + id);
      persist(new PostPublished(id, key, 0, at, payload(line.toByteArray()), announcedTo()));
    }

    void edit() {
      PostRef post = someOwn();
      if (post == null) return;
      long at = state.timeOfEdit(post.version, cell.number, cell.clock);
      PostLine line = lines().edited(post.id(), at, NOTHING, someFacts());
      tell(() -> at(at) + " edits " + post.id());
      persist(new PostEdited(post.id(), at, payload(line.toByteArray()), announcedTo()));
    }

    void delete() {
      PostRef post = someOwn();
      if (post == null) return;
      long at = cell.clock.nextAfter(Math.max(state.lastAt(), post.version));
      PostLine line = lines().deleted(post.id(), at);
      tell(() -> at(at) + " deletes " + post.id());
      persist(new PostDeleted(post.id(), at, payload(line.toByteArray()), announcedTo()));
    }

    private @Nullable PostRef someOwn() {
      if (state.erasure() != null) return null;
      List<PostRef> own =
          cell.posts.values().stream()
              .filter(post -> post.author.equals(user) && !post.deleted())
              .toList();
      return own.isEmpty() ? null : intents.one(own);
    }

    void eraseNow() {
      if (state.erasure() == null) erase(cell.clock.nextAfter(state.lastAt()));
    }

    private void erase(long at) {
      tell(() -> at(at) + " is erased");
      int before = journal.size();
      unannounced.clear();
      persist(new Erased(at, payload(lines().erased(at).toByteArray()), before));
    }

    void apply(List<IntentLine> lines) {
      for (IntentLine line : lines) {
        cell.clock.observe(line.getAt());
        if (line.hasUserErased() && state.erasure() == null) {
          erase(line.getAt());
          return;
        }
      }
      for (UserEvent event : state.learned(lines, cell.clock.nextAfter(state.lastAt()))) {
        journal.add(event);
        state = state.after(event);
      }
    }

    private void persist(UserEvent event) {
      journal.add(event);
      state = state.after(event);
      unannounced.add(journal.size());
    }

    private long announcedTo() {
      return unannounced.isEmpty() ? journal.size() : unannounced.first() - 1;
    }

    /** The log takes a line, and perhaps nobody hears of that. */
    void announce() {
      if (unannounced.isEmpty()) return;
      int event = random.nextInt(4) == 0 ? unannounced.last() : unannounced.first();
      Lines.append(cell, journal.get(event - 1));
      if (random.nextInt(4) > 0) unannounced.remove(event);
    }

    boolean announceAll() {
      boolean quiet = unannounced.isEmpty();
      for (int event : unannounced) Lines.append(cell, journal.get(event - 1));
      unannounced.clear();
      return quiet;
    }

    /** What comes before the end of a user is deleted. */
    void recover() {
      state = User.EMPTY;
      int from = journal.size();
      while (from > 0 && !(journal.get(from - 1) instanceof Erased)) from--;
      for (UserEvent event : journal.subList(Math.max(0, from - 1), journal.size())) {
        state = state.after(event);
      }
      unannounced.clear();
      for (int i = (int) state.announcedTo() + 1; i <= journal.size(); i++) unannounced.add(i);
    }

    private Lines lines() {
      return new Lines(user, cell.number, 1, state);
    }

    private String at(long at) {
      return "%d+%04x: %s in %d"
          .formatted(HybridClock.millisOf(at), at & 0xFFFF, user, cell.number);
    }
  }

  private Payload someFacts() {
    PostFacts.Builder facts =
        PostFacts.newBuilder().setLanguage(intents.one(SomeIntents.LANGUAGES));
    if (random.nextBoolean()) facts.addTags(intents.one(SomeIntents.TAGS));
    return payload(facts.build().toByteArray());
  }

  private static Payload payload(byte[] bytes) {
    return new Payload(bytes);
  }

  // --- what must be so in the end ---

  void check() {
    for (Cell cell : cells) {
      cell.postsLog.forEach(postLines::addAll);
    }
    for (PostLine line : postLines) {
      if (line.getKind() == PostLineKind.POST_LINE_KIND_ERASED) erased.add(line.getAuthorId());
    }
    Map<PostId, String> posts = expectedPosts();
    for (Cell cell : cells) {
      assertThat(HybridClock.millisOf(cell.clock.next()))
          .as("the clock of %d", cell.number)
          .isLessThanOrEqualTo(now + cell.skew + 60_000);
      assertThat(posts(cell)).as("posts in %d", cell.number).isEqualTo(posts);
    }
    Set<UserId> users = new TreeSet<>();
    cells.forEach(cell -> users.addAll(cell.owners.keySet()));
    List<IntentLine> accepted = accepted();
    users.forEach(user -> check(user, accepted));
    checkSaidAgain(users);
  }

  /** One cell says again what it knows: one that has lost all has it then, others knew it. */
  private void checkSaidAgain(Set<UserId> users) {
    Cell from = cells.get(0);
    Cell wiped = new Cell(CELLS);
    List<IntentLine> said = new ArrayList<>();
    for (UserId user : users) {
      said.addAll(StateLines.of(user, from.owner(user).state, from.number, from.erased::contains));
    }
    Collections.shuffle(said, random);
    for (IntentLine line : said) {
      for (IntentLine effect : IntentEffects.ofSaidAgain(line)) {
        UserId user = new UserId(effect.getUserId());
        wiped.owner(user).apply(List.of(effect));
        User known = cells.get(1).owner(user).state;
        assertThat(known.learned(List.of(effect), Long.MAX_VALUE)).as("news of %s", user).isEmpty();
      }
    }
    for (UserId user : users) {
      assertThat(decisions(wiped.owner(user).state))
          .as("%s where all was lost", user)
          .isEqualTo(decisions(from.owner(user).state));
    }
  }

  private void check(UserId user, List<IntentLine> accepted) {
    Map<String, Object> decisions = expected(user, accepted);
    Cell first = cells.get(0);
    for (Cell cell : cells) {
      User state = cell.owner(user).state;
      assertThat(decisions(state)).as("%s in %d", user, cell.number).isEqualTo(decisions);
      if (cell == first) continue;
      assertThat(history(state))
          .as("what %s has decided before, in %d", user, cell.number)
          .isEqualTo(history(first.owner(user).state));
      assertThat(state.readState()).isEqualTo(first.owner(user).state.readState());
      assertThat(home(cell, user)).as("feed in %d", cell.number).isEqualTo(home(first, user));
    }
  }

  private List<PostId> home(Cell cell, UserId user) {
    User state = cell.owner(user).state;
    Rules rules = new Rules(user, ResidentTimelines.HOME, state.graph(), state.filters(), START, 1);
    return Timeline.of(100, rules, PostId.MIN, cell.posts.values(), Map.of()).entries().stream()
        .map(PostRef::id)
        .toList();
  }

  private static Map<PostId, String> posts(Cell cell) {
    Map<PostId, String> posts = new TreeMap<>();
    cell.posts.forEach(
        (id, post) ->
            posts.put(id, post.deleted() ? "deleted" : post.version + " " + post.facts.language()));
    return posts;
  }

  /** Of the posts under one key the first, with all that was said of any of them. */
  private Map<PostId, String> expectedPosts() {
    Map<PostId, String> posts = new TreeMap<>();
    for (UserId author : USERS) {
      if (erased.contains(author.value())) continue;
      Map<Long, List<PostLine>> byKey =
          postLines.stream()
              // What an author has written is counted.
              .filter(line -> line.getAuthorId().equals(author.value()) && line.getSequence() > 0)
              .collect(Collectors.groupingBy(line -> idOf(line).keyBits()));
      byKey.values().forEach(lines -> posts.putAll(expectedPosts(lines)));
    }
    return posts;
  }

  private static Map<PostId, String> expectedPosts(List<PostLine> lines) {
    Map<PostId, String> posts = new TreeMap<>();
    lines.forEach(line -> posts.put(idOf(line), "deleted"));
    PostId first = Collections.min(posts.keySet());
    if (lines.stream().noneMatch(l -> l.getKind() == PostLineKind.POST_LINE_KIND_DELETED)) {
      lines.stream()
          .filter(
              line ->
                  line.getKind() == PostLineKind.POST_LINE_KIND_EDITED || idOf(line).equals(first))
          .max(Comparator.comparingLong(PostLine::getVersion))
          .ifPresent(
              line -> posts.put(first, line.getVersion() + " " + line.getFacts().getLanguage()));
    }
    return posts;
  }

  private static PostId idOf(PostLine line) {
    return PostId.fromBytes(line.getPostId());
  }

  /** What was accepted anywhere; of users that are erased what has become known. */
  private List<IntentLine> accepted() {
    Set<IntentLine> lines = new LinkedHashSet<>();
    for (Cell cell : cells) {
      for (Owner owner : cell.owners.values()) {
        if (erased.contains(owner.user.value())) continue;
        for (UserEvent event : owner.journal) {
          if (event instanceof IntentAccepted e) lines.add(User.line(e.line()));
        }
      }
      for (List<IntentLine> log : cell.intentsLog) {
        for (IntentLine line : log) if (erased.contains(line.getUserId())) lines.add(line);
      }
    }
    return lines.stream()
        .sorted(
            Comparator.comparingLong(IntentLine::getAt).thenComparingInt(IntentLine::getOriginCell))
        .toList();
  }

  private Map<String, Object> expected(UserId user, List<IntentLine> accepted) {
    OneCell model = new OneCell();
    if (erased.contains(user.value())) return model.decisions(true);
    for (IntentLine line : accepted) {
      if (line.getUserId().equals(user.value())) model.decide(line);
      if (line.getBlocksChanged().getTargetIdsList().contains(user.value())) {
        change(model.blockedBy, List.of(line.getUserId()), on(line.getBlocksChanged().getActive()));
      }
    }
    return model.decisions(false);
  }

  /** The decisions of one user, one after the other in the order of their times. */
  private static final class OneCell {
    final Map<String, Object> follows = new TreeMap<>();
    final Map<String, Object> tags = new TreeMap<>();
    final Map<String, Object> mutes = new TreeMap<>();
    final Map<String, Object> blocks = new TreeMap<>();
    final Map<String, Object> blockedBy = new TreeMap<>();
    final Map<String, Object> rules = new TreeMap<>();
    final Map<String, Object> lists = new TreeMap<>();
    final Map<String, Object> members = new TreeMap<>();
    final Map<String, PostId> read = new TreeMap<>();

    void decide(IntentLine line) {
      switch (line.getIntentCase()) {
        case FOLLOWS_CHANGED -> {
          var what = line.getFollowsChanged();
          Follow follow = new Follow(!what.getWithoutReposts(), what.getLanguagesList());
          change(follows, what.getTargetIdsList(), what.getActive() ? follow : null);
        }
        case TAGS_CHANGED ->
            change(
                tags, line.getTagsChanged().getTagsList(), on(line.getTagsChanged().getActive()));
        case MUTES_CHANGED -> {
          var what = line.getMutesChanged();
          change(mutes, what.getTargetIdsList(), what.getActive() ? what.getUntilMillis() : null);
        }
        case BLOCKS_CHANGED ->
            change(
                blocks,
                line.getBlocksChanged().getTargetIdsList(),
                on(line.getBlocksChanged().getActive()));
        case MUTE_RULE_CHANGED -> {
          var what = line.getMuteRuleChanged();
          MuteRule rule = what.hasContent() ? MuteRule.of(what.getContent()) : null;
          change(rules, List.of(what.getRuleId()), rule);
        }
        case LIST_CHANGED -> {
          var what = line.getListChanged();
          UserList list =
              what.hasContent()
                  ? new UserList(what.getContent().getName(), what.getContent().getExclusive())
                  : null;
          change(lists, List.of(what.getListId()), list);
          if (list == null) members.keySet().removeIf(key -> key.startsWith(what.getListId()));
        }
        case LIST_MEMBERS_CHANGED -> {
          var what = line.getListMembersChanged();
          change(
              members,
              what.getTargetIdsList().stream().map(user -> what.getListId() + " " + user).toList(),
              on(what.getActive()));
        }
        case READ_MARKED -> {
          var what = line.getReadMarked();
          PostId newest = Watermark.fromProto(what.getWatermark()).newest();
          read.merge(what.getSurface(), newest, (one, other) -> later(one, other));
        }
        default -> throw new AssertionError(line);
      }
    }

    private static PostId later(PostId one, PostId other) {
      return one.compareTo(other) > 0 ? one : other;
    }

    Map<String, Object> decisions(boolean erased) {
      members.keySet().removeIf(key -> !lists.containsKey(key.substring(0, key.indexOf(' '))));
      return decided(
          erased, follows, tags, mutes, blocks, blockedBy, rules, lists, members.keySet(), read);
    }
  }

  private static @Nullable Object on(boolean active) {
    return active ? true : null;
  }

  private static void change(Map<String, Object> all, List<String> keys, @Nullable Object value) {
    for (String key : keys) {
      if (value == null) all.remove(key);
      else all.put(key, value);
    }
  }

  private static Map<String, Object> decisions(User user) {
    Graph graph = user.graph();
    Filters filters = user.filters();
    Set<String> members = new TreeSet<>();
    for (String list : graph.listIds()) {
      graph.members(list).forEach(member -> members.add(list + " " + member));
    }
    Map<String, PostId> read = new TreeMap<>();
    user.readState().marks().forEach((surface, mark) -> read.put(surface, mark.newest()));
    return decided(
        user.erasure() != null,
        values(graph.follows()),
        values(graph.tags()),
        values(filters.mutes()),
        values(filters.blocks()),
        values(filters.blockedBy()),
        values(filters.rules()),
        values(graph.lists()),
        members,
        read);
  }

  private static Map<String, Object> decided(
      boolean erased,
      Object follows,
      Object tags,
      Object mutes,
      Object blocks,
      Object blockedBy,
      Object rules,
      Object lists,
      Object members,
      Object read) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("erased", erased);
    all.put("follows", follows);
    all.put("tags", tags);
    all.put("mutes", mutes);
    all.put("blocks", blocks);
    all.put("blocked by", blockedBy);
    all.put("rules", rules);
    all.put("lists", lists);
    all.put("members", members);
    all.put("read", read);
    return all;
  }

  private static <K, V> Map<String, Object> values(Map<K, Register<V>> registers) {
    Map<String, Object> values = new TreeMap<>();
    registers.forEach(
        (key, register) -> {
          if (register.value() != null) {
            values.put(String.valueOf(key), requireNonNull(register.value()));
          }
        });
    return values;
  }

  /** Everything but when it was seen, which each cell knows for itself. */
  private static Map<String, Object> history(User user) {
    Map<String, Object> all = new TreeMap<>();
    all.put("follows", history(user.graph().follows()));
    all.put("tags", history(user.graph().tags()));
    all.put("lists", history(user.graph().lists()));
    user.graph().members().forEach((list, members) -> all.put("in " + list, history(members)));
    all.put("mutes", history(user.filters().mutes()));
    all.put("blocks", history(user.filters().blocks()));
    all.put("blocked by", history(user.filters().blockedBy()));
    all.put("rules", history(user.filters().rules()));
    return all;
  }

  private static <K, V> Map<K, List<?>> history(Map<K, Register<V>> registers) {
    return registers.entrySet().stream()
        .collect(
            Collectors.toMap(
                Map.Entry::getKey,
                entry ->
                    entry.getValue().latestFirst().stream()
                        .map(
                            change ->
                                new Register.Change<>(
                                    change.at(), change.cell(), 0, change.value()))
                        .toList()));
  }
}
