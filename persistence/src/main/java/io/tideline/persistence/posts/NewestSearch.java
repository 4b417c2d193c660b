package io.tideline.persistence.posts;

import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.Sources;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * One search for the newest posts of many authors and tags together.
 *
 * <p>It reads a short slice of each source first, of several authors in one request. As soon as
 * {@code limit} live posts that are wanted are known, the oldest of the best ones is a bound:
 * nothing below it can be in the result. Only sources whose slice ended above the bound are read
 * on, and only down to it; the bound rises as they are. It rises as well when four times as many
 * live posts are known, wanted or not, so that who wants almost nothing does not read everything.
 *
 * <p>A slice of a tag only says which posts had it once; each of them is looked up by itself,
 * unless its author is a source.
 */
final class NewestSearch {
  private static final int SMALLEST_SLICE = 16;
  private static final int SLICE_GROWTH = 4;
  private static final int KEPT_PER_WANTED = 4;
  private static final int ROWS_TOGETHER = 1_024;
  private static final int READS_IN_FLIGHT = 32;

  private final PostStore store;
  private final SharedSlices.Reader slices;
  private final Sources sources;
  private final PostId newerThan;
  private final int limit;
  private final Predicate<PostRef> wanted;
  private final InFlight<Supplier<CompletionStage<?>>> reads;
  private final List<PostRef> found = new ArrayList<>();
  private final Set<PostId> lookedUp = new HashSet<>();
  private final PriorityQueue<PostId> best = new PriorityQueue<>();
  private final PriorityQueue<PostId> live = new PriorityQueue<>();
  private PostId bound;
  private boolean cutOff;

  /**
   * @param slices reads the first slices of authors
   */
  NewestSearch(
      PostStore store,
      SharedSlices.Reader slices,
      Sources sources,
      PostId newerThan,
      int limit,
      Predicate<PostRef> wanted) {
    if (limit < 1) {
      throw new IllegalArgumentException("limit is " + limit + ", expected at least 1");
    }
    this.store = store;
    this.slices = slices;
    this.sources = sources;
    this.newerThan = newerThan;
    this.limit = limit;
    this.wanted = wanted;
    this.bound = newerThan;
    this.reads = new InFlight<>(READS_IN_FLIGHT, Supplier::get);
  }

  CompletionStage<Newest> olderThan(PostId olderThan) {
    int fairShare = limit / Math.max(1, sources.authors().size() + sources.tags().size());
    int size = Math.min(limit, Math.max(SMALLEST_SLICE, 2 * fairShare));
    List<Supplier<CompletionStage<?>>> first = new ArrayList<>();
    int together = Math.max(1, Math.min(PostStore.MOST_TOGETHER, ROWS_TOGETHER / size));
    store
        .together(sources.authors(), together)
        .forEach(some -> first.add(() -> readAuthors(some, olderThan, size)));
    sources.tags().forEach(tag -> first.add(() -> readTag(tag, olderThan, size)));
    return reads.start(first).thenApply(done -> result());
  }

  private CompletionStage<?> readAuthors(List<UserId> some, PostId olderThan, int size) {
    PostId end = endOfSlice();
    return olderThan.compareTo(end) <= 0
        ? CompletableFuture.completedStage(null)
        : slices
            .newestOfEach(some, olderThan, end, size)
            .thenAccept(each -> each.forEach((author, refs) -> take(author, refs, size)));
  }

  private CompletionStage<?> readAuthor(UserId author, PostId olderThan, int size) {
    PostId end = endOfSlice();
    return olderThan.compareTo(end) <= 0
        ? CompletableFuture.completedStage(null)
        : store.newestOf(author, olderThan, end, size).thenAccept(refs -> take(author, refs, size));
  }

  private void take(UserId author, List<PostRef> refs, int size) {
    refs.forEach(this::add);
    if (refs.size() < size) return;
    PostId last = refs.get(size - 1).id();
    reads.add(() -> readAuthor(author, last, larger(size)));
  }

  private CompletionStage<?> readTag(String tag, PostId olderThan, int size) {
    PostId end = endOfSlice();
    return olderThan.compareTo(end) <= 0
        ? CompletableFuture.completedStage(null)
        : store
            .newestTagged(tag, olderThan, end, size)
            .thenAccept(
                posts -> {
                  posts.forEach(post -> reads.add(() -> lookUp(post)));
                  if (posts.size() == size) {
                    PostId last = posts.get(size - 1).id();
                    reads.add(() -> readTag(tag, last, larger(size)));
                  }
                });
  }

  private int larger(int size) {
    return Math.min(limit, size * SLICE_GROWTH);
  }

  private CompletionStage<?> lookUp(PostStore.Tagged post) {
    UserId author = post.author();
    return author != null && isToBeLookedUp(author, post.id())
        ? store.ref(author, post.id()).thenAccept(ref -> ref.ifPresent(this::add))
        : CompletableFuture.completedStage(null);
  }

  /** The bound; when it lies above the range's end, what the source has below it stays unread. */
  private synchronized PostId endOfSlice() {
    cutOff |= bound.compareTo(newerThan) > 0;
    return bound;
  }

  private synchronized boolean isToBeLookedUp(UserId author, PostId post) {
    if (sources.authors().contains(author) || !lookedUp.add(post)) {
      return false;
    }
    boolean below = post.compareTo(bound) <= 0;
    cutOff |= below;
    return !below;
  }

  private synchronized void add(PostRef ref) {
    PostId id = ref.id();
    if (id.compareTo(bound) <= 0) {
      cutOff = true;
      return;
    }
    found.add(ref);
    // Deleted, or an edit has taken the tag away: told to whoever has an older line of it.
    if (ref.deleted() || !sources.contain(ref)) {
      return;
    }
    raiseBound(live, KEPT_PER_WANTED * limit, id);
    if (wanted.test(ref)) {
      raiseBound(best, limit, id);
    }
  }

  private void raiseBound(PriorityQueue<PostId> newest, int most, PostId id) {
    newest.add(id);
    if (newest.size() > most) {
      newest.remove();
      cutOff = true;
    }
    if (newest.size() == most && newest.element().compareTo(bound) > 0) {
      bound = newest.element();
    }
  }

  private synchronized Newest result() {
    List<PostRef> refs =
        found.stream()
            .filter(ref -> ref.id().compareTo(bound) >= 0)
            .sorted(Comparator.comparing(PostRef::id).reversed())
            .toList();
    // What was found before the bound rose above it is left out as well.
    return new Newest(refs, cutOff || refs.size() < found.size());
  }
}
