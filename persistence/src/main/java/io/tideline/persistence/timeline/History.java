package io.tideline.persistence.timeline;

import io.tideline.protocols.Cursor;
import io.tideline.protocols.PassedOver;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.v1.Post;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What lies below the floor of a timeline, by the rules of the timeline's view: read from the
 * store, and from what is remembered of the log, because the store may not have yet what the view
 * knows. As long as posts exist, there is a next page.
 */
public final class History {
  private static final int SMALLEST_READ = 64;
  // After each read all so far is looked at again: reads double, up to here, so that this stays
  // about as much work as reading is.
  private static final int LARGEST_READ = 2_000;
  // Where a repost might be a duplicate of something older, so many posts are read to find out.
  private static final int FURTHEST_LOOK = 2_000;

  private final Arrivals arrivals;
  private final LiveTimeline.Stored stored;
  private final LiveTimeline.Texts texts;
  private final Executor executor;
  private final int mostScanned;
  private final int furthestLook;

  /**
   * @param executor looks at what has been read, which the store's threads have no time for
   * @param mostScanned how many posts one page of older entries, or one look at what came late, may
   *     read
   */
  public History(
      Arrivals arrivals,
      LiveTimeline.Stored stored,
      LiveTimeline.Texts texts,
      Executor executor,
      int mostScanned) {
    this.arrivals = arrivals;
    this.stored = stored;
    this.texts = texts;
    this.executor = executor;
    this.mostScanned = mostScanned;
    // Less than a page may read, so that every page gets on.
    this.furthestLook = Math.min(FURTHEST_LOOK, mostScanned / 2);
  }

  /** Thrown when more has come below the floor than may be read at once. */
  public static final class TooFarBack extends RuntimeException {
    private static final long serialVersionUID = 1;

    TooFarBack(int scanned) {
      super("more than " + scanned + " posts lie between the cursor and what is in memory");
    }
  }

  /**
   * Offers the entries of a walk towards older ones, newest first, until the taker refuses one, or
   * there are no more, or as many posts have been read as may be.
   *
   * @param olderThan where the walk is, at most just above the view's floor
   * @param wanted how many the taker is likely to take
   * @return below it the walk goes on; {@link PostId#MIN} at the end
   */
  public CompletionStage<PostId> older(
      TimelineView view, PostId olderThan, Watermark base, int wanted, TimelineView.Taker taker) {
    Scan scan = new Scan(view, olderThan, PostId.MIN, Math.max(SMALLEST_READ, 2 * wanted));
    return new Walk(scan, olderThan, base, taker).goOn();
  }

  private final class Walk {
    private final Scan scan;
    private final Watermark base;
    private final TimelineView.Taker taker;
    private PostId below;
    private boolean refused;

    Walk(Scan scan, PostId below, Watermark base, TimelineView.Taker taker) {
      this.scan = scan;
      this.below = below;
      this.base = base;
      this.taker = taker;
    }

    CompletionStage<PostId> goOn() {
      return scan.further()
          .thenComposeAsync(
              further -> {
                offerAll(scan.soFar());
                return refused || scan.ended() || scan.isLong()
                    ? CompletableFuture.completedStage(below)
                    : goOn();
              },
              executor);
    }

    private void offerAll(TimelineView read) {
      PostId before = below;
      below = scan.readTo;
      read.forEachOlder(before, read.past(base), this::offer);
    }

    private boolean offer(PostRef entry, Verdict why) {
      boolean decided = scan.isDecided(entry);
      refused = decided && !taker.take(entry, why);
      if (decided && !refused) return true;
      below = entry.id().next();
      return false;
    }
  }

  /**
   * What came between two moments and lies below the view's floor.
   *
   * @param after only what is newer; {@code null} = whatever
   */
  public CompletionStage<TimelineView.Arrived> arrived(
      TimelineView view,
      Watermark base,
      PassedOver passed,
      Watermark until,
      @Nullable PostId after) {
    PostId lowest = TimelineView.lowest(base, passed);
    if (after != null && after.compareTo(lowest) > 0) lowest = after;
    return belowFloor(
        view,
        lowest,
        TimelineView.Arrived.NOTHING,
        read -> read.arrived(base, passed, until, after));
  }

  /** Everything that a walk has not returned yet, also if it is under way; oldest first. */
  public CompletionStage<List<PostRef>> arrivedSince(TimelineView view, Cursor cursor) {
    PostId lowest = TimelineView.lowest(cursor.base(), cursor.passed());
    return belowFloor(view, lowest, List.<PostRef>of(), read -> read.arrivedSince(cursor))
        .thenApply(
            below -> Stream.concat(below.stream(), view.arrivedSince(cursor).stream()).toList());
  }

  /** What is found in all between an id and the view's floor. */
  private <T> CompletionStage<T> belowFloor(
      TimelineView view, PostId newerThan, T nothing, Function<TimelineView, T> find) {
    return newerThan.compareTo(view.floor()) >= 0
        ? CompletableFuture.completedStage(nothing)
        : allOf(new Scan(view, view.floor().next(), newerThan, 1_000)).thenApply(find);
  }

  private CompletionStage<TimelineView> allOf(Scan scan) {
    return scan.further()
        .thenComposeAsync(
            further -> {
              if (scan.ended()) return CompletableFuture.completedStage(scan.soFar());
              if (scan.isLong()) throw new TooFarBack(mostScanned);
              return allOf(scan);
            },
            executor);
  }

  /** A range of the store, and of what is remembered, read from its newer end on. */
  private final class Scan {
    final TimelineView view;
    final List<PostRef> refs = new ArrayList<>();
    private final List<PostRef> remembered = new ArrayList<>();
    private boolean recalled;
    private final List<PostRef> rememberedSoFar = new ArrayList<>();
    // By author of what a tag has brought.
    private final Map<UserId, List<PostRef>> rememberedByTag = new HashMap<>();
    private final Map<PostId, List<String>> met = new HashMap<>();
    private final PostId olderThan;
    private final PostId newerThan;
    private PostId readTo;
    private int limit;

    /**
     * @param limit of the first read
     */
    Scan(TimelineView view, PostId olderThan, PostId newerThan, int limit) {
      this.view = view;
      this.limit = limit;
      this.olderThan = olderThan;
      this.newerThan = newerThan;
      this.readTo = olderThan;
    }

    boolean ended() {
      return readTo.compareTo(newerThan) <= 0;
    }

    boolean isLong() {
      return refs.size() > mostScanned;
    }

    /** Whether what is read tells that the entry is no duplicate. */
    boolean isDecided(PostRef entry) {
      return entry.facts.original() == null
          || ended()
          || entry.id().millis() - readTo.millis() > Timeline.DUPLICATE_MILLIS
          || isFarAbove(entry);
    }

    private boolean isFarAbove(PostRef entry) {
      int far = refs.size() - 1 - furthestLook;
      return far >= 0 && PostRef.BY_ID.compare(entry, refs.get(far)) >= 0;
    }

    /** Reads on. */
    CompletionStage<Void> further() {
      if (recalled) return readFurther();
      recalled = true;
      // Before anything is read of the store, because a line is forgotten only after it is stored.
      return CompletableFuture.runAsync(this::recall, executor).thenCompose(done -> readFurther());
    }

    private void recall() {
      for (PostRef line : arrivals.recent(view.rules().sources(), Positions.EMPTY)) {
        if (line.erased() || isBetween(newerThan, line.id(), olderThan)) remembered.add(line);
      }
    }

    private CompletionStage<Void> readFurther() {
      Eligibility rules = view.rules();
      PostId before = readTo;
      int read = limit;
      limit = Math.min(2 * limit, LARGEST_READ);
      return stored
          .newest(
              rules.sources(),
              before,
              newerThan,
              read,
              ref -> rules.judge(ref, List.of(), rules.now()).present())
          .thenComposeAsync(
              found -> {
                refs.addAll(found.refs());
                readTo = found.cutOff() ? LiveTimeline.oldest(found.refs()) : newerThan;
                List<PostRef> known = saidOfTagged(found.refs());
                for (PostRef ref : remembered) {
                  if (ref.erased() || isBetween(floor(), ref.id(), before)) known.add(ref);
                }
                rememberedSoFar.addAll(known);
                return readTexts(Stream.concat(found.refs().stream(), known.stream()));
              },
              executor);
    }

    /**
     * Of posts that a tag has brought from the store, only their authors tell what they are now.
     */
    private List<PostRef> saidOfTagged(List<PostRef> found) {
      List<PostRef> said = new ArrayList<>();
      Sources sources = view.rules().sources();
      if (sources.tags().isEmpty()) return said;
      Set<PostId> posts = new HashSet<>();
      Set<UserId> authors = new HashSet<>();
      for (PostRef ref : found) {
        if (sources.authors().contains(ref.author)) continue;
        posts.add(ref.id());
        authors.add(ref.author);
      }
      for (UserId author : authors) {
        List<PostRef> lines =
            rememberedByTag.computeIfAbsent(
                author, unheard -> arrivals.recent(unheard, Positions.EMPTY));
        for (PostRef line : lines) {
          if (line.erased() || posts.contains(line.id())) said.add(line);
        }
      }
      return said;
    }

    /** What there is in all that has been read. */
    TimelineView soFar() {
      List<PostRef> all = new ArrayList<>(refs);
      all.addAll(rememberedSoFar);
      return Timeline.of(all.size() + 1, view.rules(), floor(), all, met).publish(view.positions());
    }

    /** Everything above it has been read. */
    private PostId floor() {
      return ended() ? newerThan : LiveTimeline.below(readTo);
    }

    private static boolean isBetween(PostId older, PostId id, PostId newer) {
      return id.compareTo(older) > 0 && id.compareTo(newer) < 0;
    }

    private CompletionStage<Void> readTexts(Stream<PostRef> found) {
      Eligibility rules = view.rules();
      if (!rules.readsTexts()) return CompletableFuture.completedStage(null);
      List<PostId> ids = found.filter(ref -> !ref.deleted()).map(PostRef::id).distinct().toList();
      return texts.posts(ids).thenAcceptAsync(posts -> posts.forEach(this::read), executor);
    }

    private void read(PostId id, Post post) {
      met.put(id, view.rules().met(post));
    }
  }
}
