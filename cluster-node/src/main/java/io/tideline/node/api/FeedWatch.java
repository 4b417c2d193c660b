package io.tideline.node.api;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.persistence.posts.CardCache;
import io.tideline.persistence.timeline.FeedWatcher;
import io.tideline.persistence.timeline.History;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimeline;
import io.tideline.persistence.timeline.Timeline;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.protocols.Cursor;
import io.tideline.protocols.PassedOver;
import io.tideline.protocols.PostId;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.Heartbeat;
import io.tideline.protocols.v1.UnreadCount;
import io.tideline.protocols.v1.WatchEnd;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.BoundedSourceQueue;
import org.apache.pekko.stream.QueueOfferResult;
import org.apache.pekko.stream.javadsl.Source;
import org.jspecify.annotations.Nullable;

/**
 * Streams the changes of a resident timeline to those who watch it.
 *
 * <p>A bounded number of steps waits for a watcher; when there are more, the stream ends behind
 * those with a cursor to resume from.
 */
public final class FeedWatch {
  private static final int STEPS_WAITING = 256;
  private static final int CARDS_AT_ONCE = 100;

  private final TokenCodec tokens;
  private final CardCache cards;
  private final History history;
  private final Duration heartbeat;

  public FeedWatch(TokenCodec tokens, CardCache cards, History history, Duration heartbeat) {
    this.tokens = tokens;
    this.cards = cards;
    this.history = history;
    this.heartbeat = heartbeat;
  }

  /**
   * Changes from now on, or from some moment on; what has come since and left the timeline again is
   * read from the store.
   *
   * @param view of the timeline, with all that the cursor knows
   */
  CompletionStage<Source<WatchFeedResponse, NotUsed>> open(
      ResidentTimeline timeline, TimelineView view, @Nullable Cursor from) {
    if (from == null || !view.newBeyond(from.base(), from.passed())) {
      return CompletableFuture.completedStage(live(timeline, from));
    }
    Cursor reached =
        Cursor.newer(timeline.user(), timeline.surface(), view.watermark(), PassedOver.NOTHING);
    WatchFeedResponse caughtUp = heartbeat().toBuilder().setCursor(tokens.encode(reached)).build();
    return history
        .arrivedSince(view, from)
        .exceptionally(
            failure -> {
              throw FeedPages.tooFarBack(failure);
            })
        .thenApply(
            missed ->
                Source.from(missed)
                    .grouped(CARDS_AT_ONCE)
                    .mapAsync(1, some -> added(some, view))
                    .mapConcat(responses -> responses)
                    .concat(Source.single(caughtUp))
                    .concatLazy(live(timeline, reached)));
  }

  private CompletionStage<List<WatchFeedResponse>> added(List<PostRef> posts, TimelineView view) {
    return responses(
        posts.stream().map(post -> new FeedWatcher.Change(Timeline.Event.ADDED, post)).toList(),
        view);
  }

  private CompletionStage<List<WatchFeedResponse>> responses(
      List<FeedWatcher.Change> changes, TimelineView after) {
    List<PostId> wanted =
        changes.stream()
            .filter(change -> change.what() != Timeline.Event.REMOVED)
            .map(change -> change.post().id())
            .toList();
    return cards
        .fetch(wanted)
        .thenApply(
            found ->
                changes.stream()
                    .map(change -> response(change, after, found.get(change.post().id())))
                    .toList());
  }

  private Source<WatchFeedResponse, NotUsed> live(
      ResidentTimeline timeline, @Nullable Cursor from) {
    return Source.lazySource(() -> stream(timeline, from))
        .mapMaterializedValue(ignored -> NotUsed.getInstance());
  }

  private Source<WatchFeedResponse, NotUsed> stream(
      ResidentTimeline timeline, @Nullable Cursor from) {
    Watcher watcher = new Watcher(timeline.user(), timeline.surface(), from);
    return Source.<Step>queue(STEPS_WAITING)
        .mapMaterializedValue(
            queue -> {
              watcher.queue = queue;
              timeline.watch(watcher);
              return NotUsed.getInstance();
            })
        .watchTermination(
            (ignored, ended) -> {
              ended.whenComplete((done, failure) -> watcher.gone = true);
              return ignored;
            })
        .mapConcat(Step::parts)
        .mapAsync(1, step -> responses(watcher, step))
        .mapConcat(responses -> responses)
        .concatLazy(Source.lazySingle(() -> end(watcher)))
        .keepAlive(heartbeat, FeedWatch::heartbeat);
  }

  /**
   * Changes that belong together, and what the timeline is behind them.
   *
   * @param unread the number of unread entries, when that is new
   * @param whole false when more of what belongs together follows
   */
  private record Step(
      List<FeedWatcher.Change> changes,
      TimelineView after,
      @Nullable UnreadCount unread,
      boolean whole) {
    /** The same bit by bit: for who does not read, no more is made ready than a few cards. */
    List<Step> parts() {
      List<Step> parts = new ArrayList<>(1);
      int from = 0;
      for (; changes.size() - from > CARDS_AT_ONCE; from += CARDS_AT_ONCE) {
        parts.add(new Step(changes.subList(from, from + CARDS_AT_ONCE), after, null, false));
      }
      parts.add(new Step(changes.subList(from, changes.size()), after, unread, true));
      return parts;
    }
  }

  private static final class Watcher implements FeedWatcher {
    private final UserId user;
    private final String surface;
    private final @Nullable Cursor from;
    private volatile @Nullable BoundedSourceQueue<Step> queue;
    private volatile @Nullable Cursor sent;
    private volatile String endReason = "the watcher was too slow";
    private volatile boolean gone;
    private Watermark read = Watermark.NOTHING;
    private @Nullable UnreadCount unread;

    Watcher(UserId user, String surface, @Nullable Cursor from) {
      this.user = user;
      this.surface = surface;
      this.from = from;
      this.sent = from;
    }

    @Override
    public @Nullable Cursor resumesFrom() {
      return from;
    }

    @Override
    public boolean offer(List<Change> changes, TimelineView after) {
      BoundedSourceQueue<Step> open = queue;
      if (gone || open == null) return false;
      QueueOfferResult result = open.offer(new Step(changes, after, newUnread(after), true));
      if (result.isEnqueued()) return true;
      if (result == QueueOfferResult.dropped()) open.complete();
      return false;
    }

    @Override
    public void readTo(Watermark mark, TimelineView now) {
      boolean atFirst = unread == null;
      read = mark;
      // At first the changes that were missed follow.
      if (!atFirst && !offer(List.of(), now)) gone = true;
    }

    private @Nullable UnreadCount newUnread(TimelineView view) {
      UnreadCount now = FeedGrpcService.unread(view, read);
      if (now.equals(unread)) return null;
      unread = now;
      return now;
    }

    @Override
    public boolean gone() {
      return gone;
    }

    @Override
    public void close(String reason) {
      endReason = reason;
      BoundedSourceQueue<Step> open = queue;
      if (open != null && !gone) open.complete();
    }
  }

  private CompletionStage<List<WatchFeedResponse>> responses(Watcher watcher, Step step) {
    return responses(step.changes(), step.after())
        .thenApply(changes -> withCursor(changes, watcher, step));
  }

  private List<WatchFeedResponse> withCursor(
      List<WatchFeedResponse> changes, Watcher watcher, Step step) {
    if (!step.whole()) return changes;
    List<WatchFeedResponse> responses = new ArrayList<>(changes);
    if (step.unread() != null) {
      responses.add(WatchFeedResponse.newBuilder().setUnread(step.unread()).build());
    }
    if (responses.isEmpty()) responses.add(heartbeat());
    int last = responses.size() - 1;
    Cursor reached =
        Cursor.newer(watcher.user, watcher.surface, step.after().watermark(), PassedOver.NOTHING);
    responses.set(last, responses.get(last).toBuilder().setCursor(tokens.encode(reached)).build());
    watcher.sent = reached;
    return responses;
  }

  private static WatchFeedResponse response(
      FeedWatcher.Change change, TimelineView after, CardCache.@Nullable Card card) {
    PostRef post = change.post();
    WatchFeedResponse.Builder response = WatchFeedResponse.newBuilder();
    if (change.what() == Timeline.Event.REMOVED || (card != null && card.deleted())) {
      return response.setRemovedPostId(post.id().toString()).build();
    }
    response.setReason(FeedPages.reason(after.verdict(post))).addAllWarnings(after.warnings(post));
    // The store trails the log by a moment; the reference at least is known.
    Card shown =
        card == null || card.version() < post.version ? FeedPages.reference(post) : decode(card);
    return change.what() == Timeline.Event.CHANGED
        ? response.setChanged(shown).build()
        : response.setAdded(shown).build();
  }

  private static Card decode(CardCache.Card card) {
    try {
      return Card.parseFrom(card.bytes());
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the cache holds a card that is none", e);
    }
  }

  private WatchFeedResponse end(Watcher watcher) {
    WatchFeedResponse.Builder end =
        WatchFeedResponse.newBuilder().setEnd(WatchEnd.newBuilder().setReason(watcher.endReason));
    Cursor sent = watcher.sent;
    if (sent != null) end.setCursor(tokens.encode(sent));
    return end.build();
  }

  private static WatchFeedResponse heartbeat() {
    return WatchFeedResponse.newBuilder().setHeartbeat(Heartbeat.getDefaultInstance()).build();
  }
}
