package io.tideline.persistence.posts;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Interner;
import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.v1.Post;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/** Cards ready to be sent, within a bound of bytes, with {@link PostStore} behind them. */
public final class CardCache implements LiveTimeline.Texts {
  private static final byte[] NOTHING = {};
  private static final int LATE_EDITS = 100_000;
  private static final Duration LATE_FOR = Duration.ofMinutes(10);

  /**
   * A post as it is sent.
   *
   * @param bytes a {@code tideline.v1.Card}, not to be changed; none when the post is deleted
   */
  @SuppressWarnings("ArrayRecordComponent") // Compared by content, and copied by nobody.
  public record Card(UserId author, byte[] bytes, long version) {
    public boolean deleted() {
      return bytes.length == 0;
    }

    /** Deleted beats live, the later version beats the earlier. */
    Card or(Card other) {
      if (deleted() != other.deleted()) {
        return deleted() ? this : other;
      }
      return other.version > version ? other : this;
    }

    Card gone() {
      return new Card(author, NOTHING, version);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Card card
          && author.equals(card.author)
          && version == card.version
          && Arrays.equals(bytes, card.bytes);
    }

    @Override
    public int hashCode() {
      return Objects.hash(author, version, Arrays.hashCode(bytes));
    }
  }

  private final PostStore store;
  private final CardTable cards;
  private final Interner<UserId> authors = Interner.newWeakInterner();

  /** Of posts that late lines have edited while no card was at hand: what the store shall have. */
  private final Cache<PostId, Long> lateEdits =
      Caffeine.newBuilder().maximumSize(LATE_EDITS).expireAfterWrite(LATE_FOR).build();

  /** Misses being read: whoever wants one of these waits for the read that is under way. */
  private final ConcurrentMap<PostId, CompletableFuture<@Nullable Card>> reads =
      new ConcurrentHashMap<>();

  public CardCache(PostStore store, long maximumBytes) {
    this.store = store;
    this.cards = new CardTable(maximumBytes);
  }

  /** The card if it is at hand; a deleted post's says so. */
  public @Nullable Card getIfPresent(PostId id) {
    return cards.get(id);
  }

  /**
   * The cards of all these posts as bytes, in their order, none of a deleted one; {@code null} when
   * one is not at hand.
   */
  public byte @Nullable [][] getAllPresent(List<PostRef> posts) {
    return cards.getAll(posts);
  }

  /** Takes over what a line of the posts log says, unless something later is known. */
  public void put(PostLine line) {
    UserId author = authors.intern(new UserId(line.getAuthorId()));
    if (line.getKind() == PostLineKind.POST_LINE_KIND_ERASED) {
      cards.removeIf(card -> card.author().equals(author));
      return;
    }
    boolean deleted = line.getKind() == PostLineKind.POST_LINE_KIND_DELETED;
    put(
        PostId.fromBytes(line.getPostId()),
        new Card(author, deleted ? NOTHING : encode(line.getPost()), line.getVersion()));
  }

  /**
   * The same of a line that comes so late that what another cell has said of its post since may
   * have been forgotten here: without anything at hand to compare it with, the store is asked when
   * somebody wants the card. What it says may be older than the line for a while, and is not kept.
   */
  public void putLate(PostLine line) {
    // Before the look at what is at hand, as whoever reads the store puts first and looks here
    // second.
    if (line.getKind() == PostLineKind.POST_LINE_KIND_EDITED) {
      lateEdits.asMap().merge(PostId.fromBytes(line.getPostId()), line.getVersion(), Math::max);
    }
    boolean live =
        line.getKind() == PostLineKind.POST_LINE_KIND_PUBLISHED
            || line.getKind() == PostLineKind.POST_LINE_KIND_EDITED;
    if (!live || cards.peek(PostId.fromBytes(line.getPostId())) != null) {
      put(line);
    }
  }

  private Card put(PostId id, Card card) {
    if (isErased(card)) return card.gone();
    Card known = cards.merge(id, card);
    // Asked again: whoever erases an author says so first and empties the cache second.
    if (!isErased(known)) return known;
    cards.removeIf(this::isErased);
    return known.gone();
  }

  private boolean isErased(Card card) {
    return !card.deleted() && store.erased().contains(card.author());
  }

  /**
   * The cards of these posts, from the store where they are not at hand; posts that the store has
   * never heard of are absent. All misses are one batch, and a post is read once at a time.
   */
  public CompletionStage<Map<PostId, Card>> fetch(Collection<PostId> ids) {
    Map<PostId, Card> found = new HashMap<>();
    Map<PostId, CompletableFuture<@Nullable Card>> awaited = new HashMap<>();
    List<PostId> misses = new ArrayList<>();
    for (PostId id : ids) {
      if (found.containsKey(id) || awaited.containsKey(id)) continue;
      Card card = cards.get(id);
      if (card != null) found.put(id, card);
      else awaited.put(id, readUnderWay(id, misses));
    }
    if (awaited.isEmpty()) {
      return CompletableFuture.completedStage(found);
    }
    read(misses);
    return CompletableFuture.allOf(awaited.values().toArray(CompletableFuture<?>[]::new))
        .thenApply(
            done -> {
              awaited.forEach((id, read) -> addTo(found, id, read.getNow(null)));
              return found;
            });
  }

  @Override
  public @Nullable Post postIfPresent(PostId id) {
    Card card = cards.peek(id);
    return card == null || card.deleted() ? null : post(card);
  }

  @Override
  public CompletionStage<Map<PostId, Post>> posts(Collection<PostId> ids) {
    return fetch(ids)
        .thenApply(
            found -> {
              Map<PostId, Post> posts = new HashMap<>();
              found.forEach((id, card) -> posts.put(id, post(card)));
              return posts;
            });
  }

  /** What the card shows; an empty post when it is deleted. */
  private static Post post(Card card) {
    try {
      return io.tideline.protocols.v1.Card.parseFrom(card.bytes()).getPost();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the cache holds a card that is none", e);
    }
  }

  private CompletableFuture<@Nullable Card> readUnderWay(PostId id, List<PostId> misses) {
    CompletableFuture<@Nullable Card> read = new CompletableFuture<>();
    CompletableFuture<@Nullable Card> other = reads.putIfAbsent(id, read);
    if (other != null) {
      return other;
    }
    // A read that was under way at the look-up may have ended since.
    Card meanwhile = cards.peek(id);
    if (meanwhile == null) {
      misses.add(id);
    } else {
      reads.remove(id, read);
      read.complete(meanwhile);
    }
    return read;
  }

  private void read(List<PostId> misses) {
    if (!misses.isEmpty()) {
      store.findAll(misses).whenComplete((posts, failure) -> complete(misses, posts, failure));
    }
  }

  private void complete(
      List<PostId> misses, @Nullable Map<PostId, StoredPost> posts, @Nullable Throwable failure) {
    for (PostId id : misses) {
      StoredPost post = posts == null ? null : posts.get(id);
      // Into the cache before it stops being under way: otherwise it would be read twice.
      Card card = post == null ? cards.peek(id) : putRead(id, card(post));
      CompletableFuture<@Nullable Card> read = reads.remove(id);
      if (read != null) {
        if (failure == null) {
          read.complete(card);
        } else {
          read.completeExceptionally(failure);
        }
      }
    }
  }

  private Card putRead(PostId id, Card read) {
    if (isOutdated(id, read)) return isErased(read) ? read.gone() : read;
    Card card = put(id, read);
    // Asked again, as the line may have come in between.
    if (isOutdated(id, card)) cards.remove(id);
    return card;
  }

  private boolean isOutdated(PostId id, Card card) {
    Long expected = card.deleted() ? null : lateEdits.getIfPresent(id);
    return expected != null && card.version() < expected;
  }

  private static void addTo(Map<PostId, Card> found, PostId id, @Nullable Card card) {
    if (card != null) {
      found.put(id, card);
    }
  }

  private static Card card(StoredPost post) {
    PostLine line = post.line();
    return line == null
        ? new Card(post.author(), NOTHING, post.version())
        : new Card(post.author(), encode(line.getPost()), post.version());
  }

  /** A card is the post with a field number and a length in front. */
  private static byte[] encode(ByteString post) {
    int field = io.tideline.protocols.v1.Card.POST_FIELD_NUMBER;
    byte[] card = new byte[CodedOutputStream.computeBytesSize(field, post)];
    try {
      CodedOutputStream.newInstance(card).writeBytes(field, post);
    } catch (IOException e) {
      throw new UncheckedIOException("the array has the size that was computed", e);
    }
    return card;
  }

  /** Bytes held, as the bound counts them. */
  public long bytes() {
    return cards.bytes();
  }

  public long size() {
    return cards.size();
  }

  /**
   * Of all look-ups since the start, the part that found a card at hand; 1 when there were none.
   */
  public double hitRate() {
    return cards.hitRate();
  }

  public long evictions() {
    return cards.evictions();
  }
}
