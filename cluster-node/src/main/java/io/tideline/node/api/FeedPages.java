package io.tideline.node.api;

import io.grpc.Status;
import io.tideline.persistence.posts.CardCache;
import io.tideline.persistence.timeline.History;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.persistence.timeline.Verdict;
import io.tideline.protocols.Cursor;
import io.tideline.protocols.PassedOver;
import io.tideline.protocols.PostId;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.EntryReason;
import io.tideline.protocols.v1.EntryWarning;
import io.tideline.protocols.v1.FeedView;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Cuts pages from the view of a timeline, and from the store where the view ends. */
final class FeedPages {

  private final TokenCodec tokens;
  private final CardCache cards;
  private final History history;
  private final CellReaches reaches;

  FeedPages(TokenCodec tokens, CardCache cards, History history, CellReaches reaches) {
    this.tokens = tokens;
    this.cards = cards;
    this.history = history;
    this.reaches = reaches;
  }

  /**
   * What a page is asked for.
   *
   * @param start what has been read, when the page is to begin there; else {@code null}
   */
  record Request(
      UserId user,
      String surface,
      int limit,
      @Nullable Cursor cursor,
      @Nullable Watermark start,
      FeedView view,
      boolean group) {}

  CompletionStage<EncodedAnswer> page(TimelineView view, Request request) {
    Cursor cursor = request.cursor();
    return cursor != null && cursor.direction() == Cursor.Direction.NEWER
        ? newer(view, request, cursor)
        : older(view, request);
  }

  // --- towards older entries ---

  /**
   * A walk towards older entries.
   *
   * @param after where it is; {@code null} = at its beginning
   * @param base what it is pinned to; {@code null} = now
   */
  private record Walk(@Nullable PostId after, @Nullable Watermark base, PassedOver passed) {}

  private static Walk walk(Request request) {
    Cursor cursor = request.cursor();
    if (cursor != null) return new Walk(cursor.after(), cursor.base(), cursor.passed());
    Watermark start = request.start();
    return start == null || start.newest().equals(PostId.MIN)
        ? new Walk(null, null, PassedOver.NOTHING)
        : new Walk(start.newest().next(), start, PassedOver.NOTHING);
  }

  private CompletionStage<EncodedAnswer> older(TimelineView view, Request request) {
    Walk walk = walk(request);
    Watermark pinnedTo = walk.base();
    TimelineView.Past then = pinnedTo == null ? null : view.past(pinnedTo);
    Rows rows = new Rows(request.limit(), request.group());
    view.forEachOlder(walk.after(), then, rows::add);
    if (rows.full() || !view.cutOff()) {
      return answerOlder(view, request, walk, then, rows, rows.full() ? rows.last() : null);
    }
    PostId floor = view.floor().next();
    PostId olderThan =
        walk.after() != null && walk.after().compareTo(floor) < 0 ? walk.after() : floor;
    Watermark base = pinnedTo == null ? view.watermark() : pinnedTo;
    return history
        .older(view, olderThan, base, rows.wanted(), rows::add)
        .thenCompose(
            below -> {
              PostId last = below.equals(PostId.MIN) ? null : below;
              return answerOlder(view, request, walk, then, rows, rows.full() ? rows.last() : last);
            });
  }

  /**
   * @param last where the next page goes on; {@code null} at the end. Below the last row, or where
   *     as much has been read as may be
   */
  private CompletionStage<EncodedAnswer> answerOlder(
      TimelineView view,
      Request request,
      Walk walk,
      TimelineView.@Nullable Past then,
      Rows rows,
      @Nullable PostId last) {
    Watermark base = then == null ? view.watermark() : then.pinned();
    PassedOver passed = view.walked(walk.passed(), then, walk.after(), last);
    ReadFeedResponse.Builder answer =
        ReadFeedResponse.newBuilder()
            .setEndOfFeed(last == null)
            .setNewerCursorBytes(
                tokens.encodeToBytes(
                    Cursor.newer(request.user(), request.surface(), base, passed)));
    if (last != null) {
      answer.setNextCursorBytes(
          tokens.encodeToBytes(
              new Cursor(
                  request.user(),
                  request.surface(),
                  Cursor.Direction.OLDER,
                  last,
                  base,
                  null,
                  passed,
                  List.of())));
    }
    if (then != null) {
      answer
          .setGap(view.countNewSince(then, passed))
          .setGapAtLeast(view.newBeyond(base, passed))
          .setLogChanged(!base.positions().knowsAllOf(view.positions()));
    }
    return withCards(
        answer, new Shown(view, view.perhapsSeen(then, walk.passed(), false)), rows, request);
  }

  // --- towards newer entries ---

  private CompletionStage<EncodedAnswer> newer(TimelineView view, Request request, Cursor cursor) {
    Watermark until = cursor.until() == null ? view.watermark() : cursor.until();
    PostId after = cursor.after();
    if (!view.newBeyond(cursor.base(), cursor.passed())
        || (after != null && after.compareTo(view.floor()) >= 0)) {
      return answerNewer(view, request, cursor, until, TimelineView.Arrived.NOTHING);
    }
    return history
        .arrived(view, cursor.base(), cursor.passed(), until, after)
        .exceptionally(
            failure -> {
              throw tooFarBack(failure);
            })
        .thenCompose(below -> answerNewer(view, request, cursor, until, below));
  }

  /** Says so when that is why the store was not read. */
  static RuntimeException tooFarBack(Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    if (cause instanceof History.TooFarBack far) {
      return StatusMapping.failure(
          Status.Code.FAILED_PRECONDITION,
          "CURSOR_TOO_OLD",
          far.getMessage() + "; begin with the newest page",
          Map.of());
    }
    return failure instanceof RuntimeException known ? known : new CompletionException(failure);
  }

  private CompletionStage<EncodedAnswer> answerNewer(
      TimelineView view,
      Request request,
      Cursor cursor,
      Watermark until,
      TimelineView.Arrived below) {
    TimelineView.Arrived here = view.arrived(cursor.base(), cursor.passed(), until, cursor.after());
    List<PostRef> found = new ArrayList<>(below.shown());
    found.addAll(here.shown());
    Rows rows = new Rows(request.limit(), request.group());
    int returned = 0;
    while (returned < found.size()) {
      PostRef entry = found.get(returned);
      if (!rows.add(entry, view.verdict(entry))) break;
      returned++;
    }
    PostId last = returned < found.size() ? rows.last() : null;
    List<PostId> owed = cursor.owed();
    List<PostId> hidden = new ArrayList<>(below.hidden());
    hidden.addAll(here.hidden());
    for (PostId post : hidden) {
      if (last == null || post.compareTo(last) < 0) owed = PassedOver.remember(owed, post);
    }
    PassedOver rest = new PassedOver(List.of(), owed);
    Watermark pinned = view.pinned(until);
    Cursor next =
        last == null
            ? Cursor.newer(request.user(), request.surface(), pinned, rest)
            : new Cursor(
                request.user(),
                request.surface(),
                Cursor.Direction.NEWER,
                last,
                cursor.base(),
                pinned,
                cursor.passed(),
                owed);
    return withCards(
        ReadFeedResponse.newBuilder()
            .setNewerCursorBytes(tokens.encodeToBytes(next))
            .setGap(found.size() - returned + view.countNewSince(until, rest))
            .setLogChanged(!cursor.base().positions().knowsAllOf(view.positions())),
        new Shown(view, view.perhapsSeen(cursor.base(), cursor.passed(), true)),
        rows,
        request);
  }

  // --- cards ---

  /**
   * What the entries of a page are described by.
   *
   * @param perhapsSeen which of them may have been returned before
   */
  private record Shown(TimelineView view, Predicate<PostRef> perhapsSeen) {}

  private CompletionStage<EncodedAnswer> withCards(
      ReadFeedResponse.Builder answer, Shown page, Rows rows, Request request) {
    answer.addAllCells(reaches.now());
    if (request.view() == FeedView.FEED_VIEW_REFS) {
      List<PostRef> shown = rows.heads();
      for (int i = 0; i < shown.size(); i++) {
        answer.addCards(reference(shown.get(i)));
        describe(answer, page, rows, i, i);
      }
      rows.describe(answer, i -> i);
      return CompletableFuture.completedFuture(EncodedAnswer.of(answer.build()));
    }
    return withCards(answer, page, rows);
  }

  private CompletionStage<EncodedAnswer> withCards(
      ReadFeedResponse.Builder answer, Shown page, Rows rows) {
    byte[][] found = cards.getAllPresent(rows.heads());
    return found == null ? fetch(answer, page, rows) : assemble(answer, page, rows, found);
  }

  private CompletionStage<EncodedAnswer> fetch(
      ReadFeedResponse.Builder answer, Shown page, Rows rows) {
    List<PostRef> heads = rows.heads();
    return cards
        .fetch(heads.stream().map(PostRef::id).toList())
        .thenCompose(
            found ->
                assemble(
                    answer,
                    page,
                    rows,
                    heads.stream()
                        .map(head -> bytes(head, found.get(head.id())))
                        .toArray(byte[][]::new)));
  }

  /** Of a post that the store does not have yet the reference: the cursor says it was returned. */
  static byte[] bytes(PostRef post, CardCache.@Nullable Card card) {
    return card == null ? reference(post).toByteArray() : card.bytes();
  }

  /** Adds cards as the bytes they already are. What was deleted a moment ago is left out. */
  private CompletionStage<EncodedAnswer> assemble(
      ReadFeedResponse.Builder answer, Shown page, Rows rows, byte[][] found) {
    if (rows.leaveOutHeads(i -> found[i].length == 0, page.view()::verdict)) {
      return withCards(answer, page, rows);
    }
    List<byte[]> encoded = new ArrayList<>(found.length);
    int[] places = new int[found.length];
    for (int i = 0; i < found.length; i++) {
      boolean there = found[i].length > 0;
      places[i] = there ? encoded.size() : -1;
      if (!there) continue;
      describe(answer, page, rows, i, encoded.size());
      encoded.add(found[i]);
    }
    rows.describe(answer, i -> places[i]);
    return CompletableFuture.completedFuture(
        EncodedAnswer.of(answer.build(), ReadFeedResponse.CARDS_FIELD_NUMBER, encoded));
  }

  /**
   * Says of a row why it is there, and what else there is to say of it.
   *
   * @param card the index of its card in the answer
   */
  private static void describe(
      ReadFeedResponse.Builder answer, Shown page, Rows rows, int row, int card) {
    answer.addReasons(reason(rows.verdict(row)));
    if (rows.has(row, page.perhapsSeen())) answer.addPerhapsSeen(card);
    List<String> warnings = page.view().warnings(rows.heads().get(row));
    if (!warnings.isEmpty()) {
      answer.addWarnings(EntryWarning.newBuilder().setCard(card).addAllRules(warnings));
    }
  }

  static EntryReason reason(Verdict verdict) {
    return switch (verdict) {
      case OWN -> EntryReason.ENTRY_REASON_OWN;
      case FOLLOW -> EntryReason.ENTRY_REASON_FOLLOW;
      case REPOST -> EntryReason.ENTRY_REASON_REPOST;
      case MENTION -> EntryReason.ENTRY_REASON_MENTION;
      case TAG -> EntryReason.ENTRY_REASON_TAG;
      default -> EntryReason.ENTRY_REASON_UNSPECIFIED;
    };
  }

  static Card reference(PostRef ref) {
    return Card.newBuilder()
        .setPost(
            Post.newBuilder()
                .setPostId(ref.id().toString())
                .setAuthorId(ref.author.value())
                .setVersion(ref.version))
        .build();
  }
}
