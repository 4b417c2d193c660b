package io.tideline.persistence.posts;

import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * One search for the newest posts of many authors together.
 *
 * <p>It reads a short slice of each author first. As soon as {@code limit} live posts are known,
 * the oldest of the best ones is a bound: nothing below it can be in the result. Only authors whose
 * slice ended above the bound are read on, and only down to it; the bound rises as they are.
 */
final class NewestSearch {
  private static final int SMALLEST_SLICE = 16;
  private static final int SLICE_GROWTH = 4;

  /** What is read of one author in one query: {@code size} posts older than {@code olderThan}. */
  private record Slice(UserId author, PostId olderThan, int size) {}

  private final PostStore store;
  private final int limit;
  private final PostId floor;
  private final InFlight<Slice> reads;
  private final List<PostRef> found = new ArrayList<>();
  private final PriorityQueue<PostId> best = new PriorityQueue<>();
  private PostId bound;
  private boolean cutOff;

  NewestSearch(PostStore store, int readsInFlight, int limit, PostId floor) {
    if (limit < 1) {
      throw new IllegalArgumentException("limit is " + limit + ", expected at least 1");
    }
    this.store = store;
    this.limit = limit;
    this.floor = floor;
    this.bound = floor;
    this.reads = new InFlight<>(readsInFlight, this::read);
  }

  CompletionStage<Newest> among(Set<UserId> authors) {
    int fairShare = limit / Math.max(1, authors.size());
    int size = Math.min(limit, Math.max(SMALLEST_SLICE, 2 * fairShare));
    List<Slice> first =
        authors.stream().map(author -> new Slice(author, PostId.MAX, size)).toList();
    return reads.start(first).thenApply(done -> result());
  }

  private CompletionStage<?> read(Slice slice) {
    PostId newerThan = newerThan();
    return slice.olderThan().compareTo(newerThan) <= 0
        ? CompletableFuture.completedStage(null)
        : store
            .newestOf(slice.author(), slice.olderThan(), newerThan, slice.size())
            .thenAccept(refs -> add(slice, refs));
  }

  /** The bound; when it lies above the floor, what the author has below it stays unread. */
  private synchronized PostId newerThan() {
    cutOff |= bound.compareTo(floor) > 0;
    return bound;
  }

  private synchronized void add(Slice slice, List<PostRef> refs) {
    refs.forEach(this::add);
    if (refs.size() == slice.size()) {
      PostId last = refs.get(refs.size() - 1).id();
      reads.add(new Slice(slice.author(), last, Math.min(limit, slice.size() * SLICE_GROWTH)));
    }
  }

  private void add(PostRef ref) {
    PostId id = ref.id();
    if (id.compareTo(bound) <= 0) {
      cutOff = true;
      return;
    }
    found.add(ref);
    if (ref.deleted()) {
      return;
    }
    best.add(id);
    if (best.size() > limit) {
      best.remove();
      cutOff = true;
    }
    if (best.size() == limit) {
      bound = best.element();
    }
  }

  private synchronized Newest result() {
    List<PostRef> refs =
        found.stream()
            .filter(ref -> ref.id().compareTo(bound) >= 0)
            .sorted(Comparator.comparing(PostRef::id).reversed())
            .toList();
    return new Newest(refs, cutOff);
  }
}
