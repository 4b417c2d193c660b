package io.tideline.persistence.timeline;

import io.tideline.protocols.Cursor;
import io.tideline.protocols.PassedOver;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.v1.Post;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
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
  // Where a repost might be a duplicate of something older, so many posts are read to find out.
  private static final int FURTHEST_LOOK = 2_000;

  private final Arrivals arrivals;
  private final LiveTimeline.Stored stored;
  private final LiveTimeline.Texts texts;
  private final int mostScanned;

  /**
   * @param mostScanned how many posts one look at what came late may read
   */
  public History(
      Arrivals arrivals, LiveTimeline.Stored stored, LiveTimeline.Texts texts, int mostScanned) {
    this.arrivals = arrivals;
    this.stored = stored;
    this.texts = texts;
    this.mostScanned = mostScanned;
  }

  /**
   * Entries of a feed.
   *
   * @param end true when there are none beyond
   */
  public record Page(List<PostRef> entries, boolean end) {}

  /** Thrown when more has come below the floor than may be read at once. */
  public static final class TooFarBack extends RuntimeException {
    private static final long serialVersionUID = 1;

    TooFarBack(int scanned) {
      super("more than " + scanned + " posts lie between the cursor and what is in memory");
    }
  }

  /**
   * At least {@code limit} entries, or all, of a walk towards older ones, newest first.
   *
   * @param olderThan where the walk is, at most just above the view's floor
   */
  public CompletionStage<Page> older(
      TimelineView view, PostId olderThan, Watermark base, int limit) {
    Scan scan = new Scan(view, olderThan, PostId.MIN);
    return older(scan, base, limit);
  }

  private CompletionStage<Page> older(Scan scan, Watermark base, int limit) {
    return scan.further(Math.max(SMALLEST_READ, 2 * limit))
        .thenCompose(
            read -> {
              List<PostRef> page = new ArrayList<>();
              read.forEachOlder(
                  null,
                  read.past(base),
                  (entry, why) -> page.size() < limit && scan.isDecided(entry) && page.add(entry));
              boolean enough = page.size() == limit || scan.ended();
              return enough
                  ? CompletableFuture.completedStage(
                      new Page(page, scan.ended() && page.size() < limit))
                  : older(scan, base, limit);
            });
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
        : allOf(new Scan(view, view.floor().next(), newerThan)).thenApply(find);
  }

  private CompletionStage<TimelineView> allOf(Scan scan) {
    return scan.further(1_000)
        .thenCompose(
            read -> {
              if (scan.ended()) return CompletableFuture.completedStage(read);
              if (scan.refs.size() > mostScanned) throw new TooFarBack(mostScanned);
              return allOf(scan);
            });
  }

  /** A range of the store, and of what is remembered, read from its newer end on. */
  private final class Scan {
    final TimelineView view;
    final List<PostRef> refs = new ArrayList<>();
    // Before anything is read of the store, because a line is forgotten only after it is stored.
    private final List<PostRef> remembered;
    private final List<PostRef> rememberedSoFar = new ArrayList<>();
    private final Map<PostId, List<String>> met = new HashMap<>();
    private final PostId newerThan;
    private PostId readTo;

    Scan(TimelineView view, PostId olderThan, PostId newerThan) {
      this.view = view;
      this.newerThan = newerThan;
      this.readTo = olderThan;
      this.remembered = arrivals.recent(view.rules().sources(), Positions.EMPTY);
    }

    boolean ended() {
      return readTo.compareTo(newerThan) <= 0;
    }

    /** Whether what is read tells that the entry is no duplicate. */
    boolean isDecided(PostRef entry) {
      return entry.facts.original() == null
          || ended()
          || refs.size() > FURTHEST_LOOK
          || entry.id().millis() - readTo.millis() > Timeline.DUPLICATE_MILLIS;
    }

    /** Reads on, and returns all so far. */
    CompletionStage<TimelineView> further(int limit) {
      Eligibility rules = view.rules();
      PostId olderThan = readTo;
      return stored
          .newest(
              rules.sources(),
              readTo,
              newerThan,
              limit,
              ref -> rules.judge(ref, List.of(), rules.now()).present())
          .thenCompose(
              found -> {
                refs.addAll(found.refs());
                readTo = found.cutOff() ? LiveTimeline.oldest(found.refs()) : newerThan;
                List<PostRef> known =
                    remembered.stream()
                        .filter(ref -> ref.erased() || isBetween(floor(), ref.id(), olderThan))
                        .toList();
                rememberedSoFar.addAll(known);
                return readTexts(Stream.concat(found.refs().stream(), known.stream()));
              })
          .thenApply(
              read -> {
                List<PostRef> all = new ArrayList<>(refs);
                all.addAll(rememberedSoFar);
                return Timeline.of(all.size() + 1, rules, floor(), all, met)
                    .publish(view.positions());
              });
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
      return texts.posts(ids).thenAccept(posts -> posts.forEach(this::read));
    }

    private void read(PostId id, Post post) {
      met.put(id, view.rules().met(post));
    }
  }
}
