package io.tideline.persistence.user;

import static java.util.Objects.requireNonNull;

import io.tideline.persistence.timeline.Arrivals;
import io.tideline.persistence.timeline.Facts;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.Sources;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.Post;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A cell in one thread: authors who write a log, a store that follows it, and nodes that apply it;
 * each does the smallest step that others could come between, in random order.
 */
final class SimulatedCell {
  static final List<UserId> AUTHORS =
      IntStream.range(0, 6).mapToObj(i -> new UserId("author" + i)).toList();
  private static final List<LogPartition> PARTITIONS =
      List.of(new LogPartition(1, 7, 0), new LogPartition(1, 7, 1));

  static final List<String> TAGS = List.of("moon", "tide");
  static final List<String> TEXTS = List.of("calm", "high tide", "storm", "storm tide");

  private static final int LONGEST_LOG = 50;

  final List<Node> nodes = new ArrayList<>();
  private final Random random;
  private final Map<LogPartition, List<PostRef>> log = new HashMap<>();
  private final Map<LogPartition, Integer> stored = new HashMap<>();
  private final Map<PostId, PostRef> rows = new HashMap<>();
  // All posts that ever had the tag.
  private final Map<String, Set<PostId>> rowsByTag = new HashMap<>();
  private final List<Search> searches = new ArrayList<>();
  private final List<Runnable> readings = new ArrayList<>();
  private final Dice dice;
  private final int haste;
  private long now = 1000;
  private boolean storeFails;
  private boolean textsAway;
  private boolean finished;

  SimulatedCell(Random random, int nodes) {
    this.random = random;
    this.dice = new Dice(random, 2, 4, 2, 2, 4, 16);
    this.haste = 1 + random.nextInt(8);
    for (LogPartition partition : PARTITIONS) {
      log.put(partition, new ArrayList<>());
      stored.put(partition, 0);
    }
    for (int i = 0; i < nodes; i++) this.nodes.add(new Node());
  }

  /** Something happens somewhere. */
  void step() {
    switch (dice.roll()) {
      case 0 -> write();
      case 1 -> store();
      case 2 -> answer();
      case 3 -> node().evict();
      case 4 -> node().publish();
      default -> node().advance();
    }
  }

  /** Nobody writes any more, and everything written becomes known everywhere. */
  void settle() {
    finished = true;
    for (LogPartition partition : PARTITIONS) {
      while (storedTo(partition) < lines(partition).size()) store(partition);
    }
    nodes.forEach(Node::catchUp);
    storeFails = false;
    while (!searches.isEmpty() || !readings.isEmpty()) answer();
  }

  /** Whether nobody can read what posts say. */
  void takeTextsAway(boolean away) {
    textsAway = away;
  }

  boolean isStillAnswering() {
    return !searches.isEmpty() || !readings.isEmpty();
  }

  /** What the post says in this version. */
  static String textOf(PostRef post) {
    return TEXTS.get((int) ((post.idHi / 10 * 2 + post.version / 10) % TEXTS.size()));
  }

  /** Whether a post that is in a feed because of its tags may have come without them. */
  boolean tagsHaveChanged(PostRef post) {
    Stream<List<String>> tags =
        linesOf(post).filter(line -> !line.deleted()).map(line -> line.facts.tags());
    return tags.distinct().count() > 1;
  }

  /** What somebody who knows this version may know as well, whatever is claimed. */
  Stream<PostRef> laterVersions(PostRef post) {
    return linesOf(post).filter(line -> line.version > post.version);
  }

  private Stream<PostRef> linesOf(PostRef post) {
    return lines(post.partition).stream().filter(line -> line.id().equals(post.id()));
  }

  /** A node is lost with everything it remembers, and another one takes its place. */
  void replaceNode() {
    nodes.set(random.nextInt(nodes.size()), new Node());
  }

  Node node() {
    return nodes.get(random.nextInt(nodes.size()));
  }

  /** What the lines say of each post, as far as they are wanted. */
  Map<PostId, PostRef> posts(BiPredicate<LogPartition, Long> wanted) {
    Map<PostId, PostRef> posts = new HashMap<>();
    for (List<PostRef> lines : log.values()) {
      for (PostRef line : lines) {
        if (wanted.test(line.partition, line.offset)) {
          posts.merge(line.id(), line, SimulatedCell::fold);
        }
      }
    }
    return posts;
  }

  @Override
  public String toString() {
    return log.toString();
  }

  private static PostRef fold(PostRef known, PostRef line) {
    PostRef later = line.version > known.version ? line : known;
    int flags = known.deleted() || line.deleted() ? PostRef.DELETED : later.flags;
    return new PostRef(
        known.idHi,
        known.idLo,
        later.version,
        known.author,
        known.partition,
        Math.min(known.offset, line.offset),
        flags,
        later.facts);
  }

  private List<PostRef> lines(LogPartition partition) {
    return requireNonNull(log.get(partition));
  }

  private int storedTo(LogPartition partition) {
    return requireNonNull(stored.get(partition));
  }

  private LogPartition anyPartition() {
    return PARTITIONS.get(random.nextInt(PARTITIONS.size()));
  }

  // --- authors ---

  private void write() {
    UserId author = AUTHORS.get(random.nextInt(AUTHORS.size()));
    List<PostRef> lines = lines(partitionOf(author));
    if (finished || lines.size() == LONGEST_LOG) return;
    List<PostRef> own = lines.stream().filter(line -> line.author.equals(author)).toList();
    int what = random.nextInt(10);
    now += 10;
    if (own.isEmpty() || what < 5) {
      append(author, now, now, 0, someTags());
    } else if (what == 5) {
      long past = 1000L + random.nextInt((int) (now - 1000));
      long id = past - past % 10 + 1;
      Optional<PostRef> before = own.stream().filter(line -> line.idHi == id).findFirst();
      // Importing twice changes nothing.
      if (before.isEmpty()) append(author, id, past, 0, someTags());
      else if (!deletionForgotten(before.get())) again(before.get());
    } else {
      PostRef old = own.get(random.nextInt(own.size()));
      if (deletionForgotten(old)) return;
      if (what == 6) again(old);
      else if (what < 8) append(author, old.idHi, now, PostRef.EDITED, someTags());
      else append(author, old.idHi, now, PostRef.DELETED, Facts.NONE);
    }
  }

  private Facts someTags() {
    List<String> tags = TAGS.stream().filter(tag -> random.nextInt(4) == 0).toList();
    if (tags.isEmpty()) return Facts.NONE;
    return new Facts(tags, "", List.of(), false, null, null, null, null);
  }

  /** True when a node would not know any more that a line comes too late. */
  private boolean deletionForgotten(PostRef post) {
    return nodes.stream()
        .map(node -> node.lane(post.partition))
        .anyMatch(lane -> deletedBelow(lane.floor, post));
  }

  private boolean mayForgetBelow(long floor, LogPartition partition) {
    return lines(partition).stream()
        .noneMatch(line -> line.offset >= floor && deletedBelow(floor, line));
  }

  private boolean deletedBelow(long offset, PostRef post) {
    return lines(post.partition).stream()
        .anyMatch(line -> line.offset < offset && line.deleted() && line.id().equals(post.id()));
  }

  /**
   * Announces a line again; and then what came after it, where a timeline may not remember that a
   * later version has lost the tag because of which it would be there.
   */
  private void again(PostRef old) {
    List<PostRef> later = tagsHaveChanged(old) ? laterVersions(old).toList() : List.of();
    append(old.author, old.idHi, old.version, old.flags, old.facts);
    for (PostRef line : later) append(line.author, line.idHi, line.version, line.flags, line.facts);
  }

  private void append(UserId author, long id, long version, int flags, Facts facts) {
    LogPartition partition = partitionOf(author);
    List<PostRef> lines = lines(partition);
    long lo = AUTHORS.indexOf(author);
    lines.add(new PostRef(id, lo, version, author, partition, lines.size(), flags, facts));
  }

  private static LogPartition partitionOf(UserId author) {
    return PARTITIONS.get(AUTHORS.indexOf(author) % PARTITIONS.size());
  }

  // --- the store ---

  private void store() {
    store(anyPartition());
  }

  private void store(LogPartition partition) {
    int next = storedTo(partition);
    if (next == lines(partition).size()) return;
    PostRef line = lines(partition).get(next);
    rows.merge(line.id(), line, SimulatedCell::fold);
    for (String tag : line.facts.tags()) {
      rowsByTag.computeIfAbsent(tag, key -> new HashSet<>()).add(line.id());
    }
    stored.put(partition, next + 1);
  }

  /** As the store does: reads author by author, not all at one moment. */
  CompletionStage<Newest> newest(
      Sources sources, PostId olderThan, PostId newerThan, int limit, Predicate<PostRef> wanted) {
    Search search = new Search(sources, limit, newerThan, wanted);
    searches.add(search);
    return search.answer;
  }

  private void answer() {
    if (!readings.isEmpty() && (searches.isEmpty() || random.nextBoolean())) {
      readings.remove(random.nextInt(readings.size())).run();
      return;
    }
    if (searches.isEmpty()) return;
    Search search = searches.get(random.nextInt(searches.size()));
    Runnable read = search.toRead.poll();
    if (read != null) {
      read.run();
      return;
    }
    searches.remove(search);
    if (storeFails) search.answer.completeExceptionally(new IllegalStateException("simulated"));
    else search.answer.complete(search.found());
    storeFails = random.nextInt(10) == 0;
  }

  private final class Search {
    final Deque<Runnable> toRead = new ArrayDeque<>();
    final Sources sources;
    final int limit;
    final PostId floor;
    final Predicate<PostRef> wanted;
    final CompletableFuture<Newest> answer = new CompletableFuture<>();
    private final List<PostRef> refs = new ArrayList<>();

    Search(Sources sources, int limit, PostId floor, Predicate<PostRef> wanted) {
      this.sources = sources;
      this.wanted = wanted;
      this.limit = limit;
      this.floor = floor;
      sources.authors().forEach(author -> toRead.add(() -> read(author)));
      sources.tags().forEach(tag -> toRead.add(() -> read(tag)));
    }

    private void read(UserId author) {
      rows.values().stream()
          .filter(row -> row.author.equals(author) && row.id().compareTo(floor) > 0)
          .forEach(refs::add);
    }

    /** What has had the tag is looked up by and by. */
    private void read(String tag) {
      for (PostId id : rowsByTag.getOrDefault(tag, Set.of())) {
        if (id.compareTo(floor) > 0) toRead.add(() -> lookUp(id));
      }
    }

    private void lookUp(PostId id) {
      PostRef row = requireNonNull(rows.get(id));
      if (sources.authors().contains(row.author)) return;
      if (refs.stream().anyMatch(known -> known.id().equals(id))) return;
      refs.add(row);
    }

    Newest found() {
      refs.sort(Comparator.comparing(PostRef::id).reversed());
      PostId bound = bound();
      if (bound == null) return new Newest(refs, false);
      return new Newest(refs.stream().filter(ref -> ref.id().compareTo(bound) >= 0).toList(), true);
    }

    /** Where enough was found; {@code null} = that is everything. */
    private @Nullable PostId bound() {
      List<PostRef> live =
          refs.stream().filter(ref -> !ref.deleted() && sources.contain(ref)).toList();
      int found = 0;
      for (int i = 0; i < live.size(); i++) {
        if (wanted.test(live.get(i))) found++;
        if (found < limit && i + 1 < 4 * limit) continue;
        boolean last = i + 1 == live.size();
        return last && random.nextBoolean() ? null : live.get(i).id();
      }
      return null;
    }
  }

  // --- nodes ---

  /** One node: its window over the log, and who is told. */
  final class Node implements Arrivals, LiveTimeline.Texts {
    private final Map<LogPartition, Lane> lanes = new HashMap<>();
    private final Map<UserId, Set<Inbox>> interest = new HashMap<>();
    private final Map<String, Set<Inbox>> interestInTags = new HashMap<>();
    private final Map<PostId, PostRef> cards = new LinkedHashMap<>();
    private Positions applied = Positions.EMPTY;
    private boolean interrupted;
    // The thread that reads the log is with a timeline, and does nothing else.
    private boolean delivers;

    Node() {
      for (LogPartition partition : PARTITIONS) {
        int start = random.nextInt(storedTo(partition) + 1);
        while (!mayForgetBelow(start, partition)) start--;
        lanes.put(partition, new Lane(partition, start));
      }
      publish();
    }

    private Lane lane(LogPartition partition) {
      return requireNonNull(lanes.get(partition));
    }

    void advance() {
      if (!delivers) lane(anyPartition()).advance();
    }

    void evict() {
      if (!delivers) lane(anyPartition()).evict();
      // What is said of a line is kept a while.
      if (cards.size() > 20) cards.remove(cards.keySet().iterator().next());
    }

    void publish() {
      if (delivers) return;
      for (Lane lane : lanes.values()) applied = applied.with(lane.partition, lane.applied);
    }

    void catchUp() {
      for (Lane lane : lanes.values()) {
        while (lane.applied < lines(lane.partition).size()) lane.advance();
      }
      publish();
    }

    /** Other threads get a turn. */
    private void meanwhile() {
      if (interrupted) return;
      interrupted = true;
      while (random.nextInt(10) < haste) step();
      interrupted = false;
    }

    @Override
    public Positions applied() {
      meanwhile();
      return applied;
    }

    @Override
    public Positions stored() {
      Positions all = Positions.EMPTY;
      for (LogPartition partition : PARTITIONS) all = all.with(partition, storedTo(partition));
      return all;
    }

    @Override
    public void register(UserId author, Inbox inbox) {
      meanwhile();
      interest.computeIfAbsent(author, key -> new LinkedHashSet<>()).add(inbox);
    }

    @Override
    public void unregister(UserId author, Inbox inbox) {
      interest.getOrDefault(author, new HashSet<>()).remove(inbox);
    }

    @Override
    public boolean reachesBack(Positions from) {
      meanwhile();
      return lanes.values().stream()
          .allMatch(lane -> from.knows(lane.partition) && from.next(lane.partition) >= lane.floor);
    }

    @Override
    public List<PostRef> recent(UserId author, Positions after) {
      meanwhile();
      return lane(partitionOf(author)).window.stream()
          .filter(ref -> ref.author.equals(author) && ref.offset >= after.next(ref.partition))
          .toList();
    }

    @Override
    public PostRef remembered(PostRef ref) {
      return lane(partitionOf(ref.author)).window.stream()
          .filter(ref::equals)
          .findAny()
          .orElse(ref);
    }

    @Override
    public void registerTag(String tag, Inbox inbox) {
      meanwhile();
      interestInTags.computeIfAbsent(tag, key -> new LinkedHashSet<>()).add(inbox);
    }

    @Override
    public void unregisterTag(String tag, Inbox inbox) {
      interestInTags.getOrDefault(tag, new HashSet<>()).remove(inbox);
    }

    @Override
    public List<PostRef> recentWithTag(String tag, Positions after) {
      meanwhile();
      return lanes.values().stream()
          .flatMap(lane -> lane.window.stream())
          .filter(ref -> ref.facts.tags().contains(tag))
          .filter(ref -> ref.offset >= after.next(ref.partition))
          .toList();
    }

    private Set<Inbox> interestedIn(PostRef line) {
      Set<Inbox> inboxes = new LinkedHashSet<>(interest.getOrDefault(line.author, Set.of()));
      for (String tag : line.facts.tags()) {
        inboxes.addAll(interestInTags.getOrDefault(tag, Set.of()));
      }
      return inboxes;
    }

    @Override
    public @Nullable Post postIfPresent(PostId id) {
      meanwhile();
      PostRef card = cards.get(id);
      return card == null || card.deleted() ? null : post(card);
    }

    @Override
    public CompletionStage<Map<PostId, Post>> posts(Collection<PostId> ids) {
      CompletableFuture<Map<PostId, Post>> answer = new CompletableFuture<>();
      readings.add(() -> answer(ids, answer));
      return answer;
    }

    private void answer(Collection<PostId> ids, CompletableFuture<Map<PostId, Post>> answer) {
      if (textsAway || (!finished && random.nextInt(10) == 0)) {
        answer.completeExceptionally(new IllegalStateException("simulated"));
        return;
      }
      Map<PostId, Post> found = new HashMap<>();
      for (PostId id : ids) {
        PostRef row = rows.get(id);
        PostRef card = cards.getOrDefault(id, row);
        // The cache is spared a late line that is older than what it has forgotten.
        if (card != null && row != null) card = fold(card, row);
        if (card != null) found.put(id, post(card));
      }
      answer.complete(found);
    }

    private static Post post(PostRef card) {
      if (card.deleted()) return Post.getDefaultInstance();
      return Post.newBuilder()
          .setText(textOf(card))
          .setVersion(card.version)
          .addAllTags(card.facts.tags())
          .build();
    }

    private final class Lane {
      final LogPartition partition;
      final Deque<PostRef> window = new ArrayDeque<>();
      long floor;
      long applied;
      private @Nullable PostRef delivering;
      private final Deque<Inbox> inboxes = new ArrayDeque<>();

      Lane(LogPartition partition, long start) {
        this.partition = partition;
        this.floor = start;
        this.applied = start;
      }

      void advance() {
        if (delivering != null) {
          Inbox inbox = inboxes.poll();
          delivers = true;
          if (inbox == null) delivered();
          else if (delivering.offset % 2 == 0) inbox.deliver(delivering);
          else inbox.offer(delivering);
          delivers = false;
        } else if (applied < lines(partition).size()) {
          PostRef line = lines(partition).get((int) applied);
          delivering = line;
          if (window.stream().anyMatch(known -> tellsAsMuch(known, line))) return;
          window.add(line);
          cards.merge(line.id(), line, SimulatedCell::fold);
          inboxes.addAll(interestedIn(line));
        }
      }

      private void delivered() {
        delivering = null;
        applied++;
      }

      void evict() {
        PostRef oldest = window.peek();
        if (oldest == null || oldest.offset >= storedTo(partition)) return;
        if (oldest.offset >= Node.this.applied.next(partition)) return;
        if (!mayForgetBelow(oldest.offset + 1, partition)) return;
        floor = oldest.offset + 1;
        window.remove();
      }
    }
  }

  private static boolean tellsAsMuch(PostRef known, PostRef line) {
    return known.id().equals(line.id())
        && (known.deleted() || (!line.deleted() && known.version >= line.version));
  }
}
