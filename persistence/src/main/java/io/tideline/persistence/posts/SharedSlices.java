package io.tideline.persistence.posts;

import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.tideline.persistence.timeline.Arrivals;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;

/**
 * What has been read of authors' newest posts, for all timelines of a node that wake: of an author
 * whom many follow it is read once, also when they wake at the same moment, and they share its
 * references.
 *
 * <p>A slice is what the store had, together with what was remembered of the log just before. With
 * what is remembered of the log later it says as much as the store does then, as long as nothing
 * was forgotten that has come since. That is so for who reads the log's lines first and the slice
 * second, as a timeline does ({@link Arrivals#recent(UserId, Positions)}).
 */
public final class SharedSlices {
  private static final int REFERENCES_OF_AN_EMPTY_ONE = 4;

  /** As {@link PostStore#newestOfEach}. */
  @FunctionalInterface
  interface Reader {
    CompletionStage<Map<UserId, List<PostRef>>> newestOfEach(
        Collection<UserId> some, PostId olderThan, PostId newerThan, int limit);
  }

  /**
   * All posts of an author above some id.
   *
   * @param refs newest first; the one at {@code above}, too, where there is one
   * @param since every line below it is in the slice
   */
  private record Slice(List<PostRef> refs, PostId above, Positions since) {
    static Slice of(
        List<PostRef> stored, List<PostRef> lines, PostId newerThan, int limit, Positions since) {
      PostId above = stored.size() < limit ? newerThan : stored.get(limit - 1).id();
      Map<PostId, PostRef> refs = new TreeMap<>(Comparator.reverseOrder());
      for (PostRef ref : stored) refs.put(ref.id(), ref);
      for (PostRef line : lines) {
        PostId id = line.id();
        // Of what the store was not asked for this would be a part only.
        boolean whole = id.compareTo(newerThan) > 0 && id.compareTo(above) >= 0;
        if (whole) refs.merge(id, line, PostRef::merge);
      }
      return new Slice(List.copyOf(refs.values()), above, since);
    }

    boolean tells(PostId newerThan, int limit) {
      return above.compareTo(newerThan) <= 0
          || (refs.size() >= limit && refs.get(limit - 1).id().compareTo(newerThan) > 0);
    }

    List<PostRef> newest(PostId newerThan, int limit) {
      int count = 0;
      while (count < Math.min(limit, refs.size())
          && refs.get(count).id().compareTo(newerThan) > 0) {
        count++;
      }
      return refs.subList(0, count);
    }
  }

  private final Reader reader;
  private final ErasedAuthors erased;
  private final Arrivals arrivals;
  private final AsyncCache<UserId, Slice> slices;
  private final LongAdder asked = new LongAdder();
  private final LongAdder read = new LongAdder();

  /**
   * @param maxReferences how many references are kept
   */
  public SharedSlices(PostStore store, Arrivals arrivals, int maxReferences) {
    this(store::newestOfEach, store.erased(), arrivals, maxReferences);
  }

  SharedSlices(Reader reader, ErasedAuthors erased, Arrivals arrivals, int maxReferences) {
    this.reader = reader;
    this.erased = erased;
    this.arrivals = arrivals;
    this.slices =
        Caffeine.newBuilder()
            .maximumWeight(maxReferences)
            .weigher((UserId author, Slice slice) -> weight(slice))
            .buildAsync();
    erased.tell(slices.synchronous()::invalidate);
  }

  private static int weight(Slice slice) {
    return REFERENCES_OF_AN_EMPTY_ONE + slice.refs().size();
  }

  /** How many authors something is kept of. */
  public long authors() {
    return slices.synchronous().estimatedSize();
  }

  /** How much of what was asked for did not have to be read, from 0 to 1. */
  public double hitRate() {
    long all = asked.sum();
    return all == 0 ? 0 : 1 - (double) read.sum() / all;
  }

  /** As {@link PostStore#newestOfEach}. */
  CompletionStage<Map<UserId, List<PostRef>>> newestOfEach(
      Collection<UserId> some, PostId olderThan, PostId newerThan, int limit) {
    if (!olderThan.equals(PostId.MAX)) {
      return reader.newestOfEach(some, olderThan, newerThan, limit);
    }
    Map<UserId, CompletableFuture<Slice>> all = new LinkedHashMap<>();
    Set<UserId> missing = new LinkedHashSet<>();
    for (UserId author : some) {
      if (erased.contains(author)) continue;
      CompletableFuture<Slice> slice = slices.getIfPresent(author);
      if (slice == null || isKnownNotToTell(slice, newerThan, limit)) missing.add(author);
      else all.put(author, slice);
    }
    if (!missing.isEmpty()) all.putAll(read(missing, newerThan, limit));
    asked.add(all.size());
    read.add(missing.size());
    return CompletableFuture.allOf(all.values().toArray(CompletableFuture[]::new))
        .thenCompose(done -> told(all, missing, newerThan, limit));
  }

  private boolean isKnownNotToTell(CompletableFuture<Slice> slice, PostId newerThan, int limit) {
    if (!slice.isDone()) return false;
    return slice.isCompletedExceptionally() || !tells(slice.getNow(null), newerThan, limit);
  }

  private boolean tells(Slice slice, PostId newerThan, int limit) {
    return slice.tells(newerThan, limit) && arrivals.remembersSince(slice.since());
  }

  private Map<UserId, CompletableFuture<Slice>> read(
      Set<UserId> authors, PostId newerThan, int limit) {
    Positions since = arrivals.applied();
    Map<UserId, List<PostRef>> lines = new LinkedHashMap<>();
    for (UserId author : authors) lines.put(author, arrivals.recent(author, Positions.EMPTY));
    CompletableFuture<Map<UserId, List<PostRef>>> rows =
        reader.newestOfEach(authors, PostId.MAX, newerThan, limit).toCompletableFuture();
    Map<UserId, CompletableFuture<Slice>> read = new LinkedHashMap<>();
    lines.forEach(
        (author, known) -> {
          CompletableFuture<Slice> slice =
              rows.thenApply(
                  all ->
                      Slice.of(
                          all.getOrDefault(author, List.of()), known, newerThan, limit, since));
          slices.put(author, slice);
          read.put(author, slice);
        });
    return read;
  }

  /**
   * What another one was reading may say too little, or be too old by now.
   *
   * @param own of whom this has read itself
   */
  private CompletionStage<Map<UserId, List<PostRef>>> told(
      Map<UserId, CompletableFuture<Slice>> all, Set<UserId> own, PostId newerThan, int limit) {
    Map<UserId, List<PostRef>> newest = new HashMap<>();
    List<UserId> lacking = new ArrayList<>();
    all.forEach(
        (author, known) -> {
          Slice slice = known.getNow(null);
          boolean tells = own.contains(author) || tells(slice, newerThan, limit);
          if (tells) newest.put(author, slice.newest(newerThan, limit));
          else lacking.add(author);
        });
    if (lacking.isEmpty()) return CompletableFuture.completedStage(newest);
    read.add(lacking.size());
    return reader
        .newestOfEach(lacking, PostId.MAX, newerThan, limit)
        .thenApply(
            rest -> {
              newest.putAll(rest);
              return newest;
            });
  }
}
