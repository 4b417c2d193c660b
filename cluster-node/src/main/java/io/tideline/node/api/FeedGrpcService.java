package io.tideline.node.api;

import static java.util.Objects.requireNonNull;

import io.grpc.Status;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.posts.StoredPost;
import io.tideline.persistence.timeline.ResidentTimeline;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.persistence.user.Payload;
import io.tideline.persistence.user.Rules;
import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.ConsistencyToken;
import io.tideline.protocols.Cursor;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PassedOver;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.v1.DescribeTimelineRequest;
import io.tideline.protocols.v1.DescribeTimelineResponse;
import io.tideline.protocols.v1.ExplainEntryRequest;
import io.tideline.protocols.v1.ExplainEntryResponse;
import io.tideline.protocols.v1.FeedServicePowerApi;
import io.tideline.protocols.v1.FeedStart;
import io.tideline.protocols.v1.FeedView;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.MarkReadResponse;
import io.tideline.protocols.v1.PartitionState;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.UnreadCount;
import io.tideline.protocols.v1.WatchEnd;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Predicate;
import org.apache.pekko.NotUsed;
import org.apache.pekko.grpc.javadsl.Metadata;
import org.apache.pekko.stream.SharedKillSwitch;
import org.apache.pekko.stream.javadsl.Source;
import org.jspecify.annotations.Nullable;

/**
 * Reading home feeds, over gRPC.
 *
 * <p>On the node that owns the user a page is cut from the resident view on the calling thread; any
 * other node passes the call on, once.
 */
public final class FeedGrpcService implements FeedServicePowerApi {
  private static final Duration RETRY_SOON = Duration.ofSeconds(1);
  private static final Executor LATER =
      CompletableFuture.delayedExecutor(20, TimeUnit.MILLISECONDS);

  private final Users users;
  private final Principals principals;
  private final TokenCodec tokens;
  private final ResidentTimelines residents;
  private final PostStore store;
  private final FeedPages pages;
  private final Consistency consistency;
  private final Replication replication;
  private final Forwarding forwarding;
  private final BooleanSupplier fenceOpen;
  private final Predicate<LogPartition> awaits;
  private final FeedWatch watches;
  private final Duration patience;
  private final SharedKillSwitch leaving;

  /**
   * @param patience how long a read waits for what its cursor knows
   * @param leaving shut down when this node begins to leave
   */
  FeedGrpcService(
      Users users,
      Principals principals,
      TokenCodec tokens,
      ResidentTimelines residents,
      PostStore store,
      FeedPages pages,
      Consistency consistency,
      Replication replication,
      Forwarding forwarding,
      BooleanSupplier fenceOpen,
      Predicate<LogPartition> awaits,
      FeedWatch watches,
      Duration patience,
      SharedKillSwitch leaving) {
    this.users = users;
    this.principals = principals;
    this.tokens = tokens;
    this.residents = residents;
    this.store = store;
    this.pages = pages;
    this.consistency = consistency;
    this.replication = replication;
    this.forwarding = forwarding;
    this.fenceOpen = fenceOpen;
    this.awaits = awaits;
    this.watches = watches;
    this.patience = patience;
    this.leaving = leaving;
  }

  @Override
  public CompletionStage<ReadFeedResponse> readFeed(ReadFeedRequest in, Metadata metadata) {
    return readPage(in, metadata).thenApply(page -> page.parse(ReadFeedResponse.parser()));
  }

  /** The same, without a message of what is bytes already. */
  CompletionStage<EncodedAnswer> readPage(ReadFeedRequest in, Metadata metadata) {
    Principal caller = principals.authenticate(metadata);
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    int limit = fields.pageSize("page_size", in.getPageSize(), 20, 100);
    String surface = surface(fields, in.getListId());
    if (in.getView() == FeedView.UNRECOGNIZED) fields.reject("view", "expected FULL or REFS");
    if (in.getStart() == FeedStart.UNRECOGNIZED) {
      fields.reject("start", "expected NEWEST or READ_POSITION");
    }
    fields.check();
    principals.requireUser(caller, user);
    Cursor cursor = cursor(in.getCursor(), user, surface);
    Feed feed = new Feed(user, surface);
    Function<ResidentTimeline, CompletionStage<EncodedAnswer>> read =
        here -> page(here, feed, limit, cursor, in);
    ConsistencyToken token = consistency.read(in.getConsistencyToken());
    ResidentTimeline resident = token == null ? resident(feed) : null;
    if (resident != null) return read.apply(resident);
    Map<String, String> headers = forwarding.headers(metadata);
    return atOwner(feed, metadata, token, read, node -> forwarding.to(node, headers).readFeed(in));
  }

  /** One feed of one user. */
  private record Feed(UserId user, String surface) {}

  private static String surface(FieldViolations fields, String list) {
    if (!list.isEmpty()) fields.name("list_id", list);
    return Rules.surfaceOf(list);
  }

  private CompletionStage<EncodedAnswer> page(
      ResidentTimeline here, Feed feed, int limit, @Nullable Cursor cursor, ReadFeedRequest in) {
    boolean fromReadPosition = in.getStart() == FeedStart.FEED_START_READ_POSITION;
    FeedPages.Request request =
        new FeedPages.Request(
            feed.user(),
            feed.surface(),
            limit,
            cursor,
            fromReadPosition ? here.readTo() : null,
            in.getView(),
            in.getGroup());
    TimelineView view = view(here);
    if (cursor == null || reaches(view, cursor)) return pages.page(view, request);
    return reached(feed, cursor, System.nanoTime() + patience.toNanos())
        .thenCompose(reached -> pages.page(reached, request));
  }

  /** Whether the view has everything that the one had which the cursor was cut from. */
  private boolean reaches(TimelineView view, Cursor cursor) {
    Watermark mark = cursor.until() == null ? cursor.base() : cursor.until();
    Positions there = mark.positions();
    Positions here = view.positions();
    return view.knowsRulesOf(mark)
        && here.coversWhatBothKnow(there)
        && (here.knowsAllOf(there)
            || there.partitions().stream()
                .noneMatch(log -> there.next(log) > 0 && !here.knows(log) && awaits.test(log)));
  }

  /** A view that does; a timeline that has just moved here may need a moment. */
  private CompletionStage<TimelineView> reached(Feed feed, Cursor cursor, long deadline) {
    return users
        .ask(
            feed.user(),
            UserReply.Awake.class,
            replyTo -> new UserEntity.Wake(feed.user(), feed.surface(), replyTo))
        .thenCompose(
            awake -> {
              ResidentTimeline here = resident(feed);
              if (here == null) throw moving();
              TimelineView view = view(here);
              if (reaches(view, cursor)) return CompletableFuture.completedStage(view);
              if (System.nanoTime() > deadline) {
                throw StatusMapping.failure(
                    Status.Code.FAILED_PRECONDITION,
                    "CURSOR_AHEAD",
                    "the cursor knows more than this node; try again, or begin anew");
              }
              return CompletableFuture.supplyAsync(() -> feed, LATER)
                  .thenCompose(again -> reached(again, cursor, deadline));
            });
  }

  private @Nullable Cursor cursor(String text, UserId user, String surface) {
    return text.isEmpty() ? null : tokens.decodeCursor(text, user, surface);
  }

  private @Nullable ResidentTimeline resident(Feed feed) {
    if (!fenceOpen.getAsBoolean()) {
      throw StatusMapping.fenced();
    }
    ResidentTimeline resident = residents.get(feed.user(), feed.surface());
    return resident == null || resident.read() == null ? null : resident;
  }

  private static TimelineView view(ResidentTimeline resident) {
    TimelineView view = resident.view();
    if (view == null) throw moving();
    return view;
  }

  private static RuntimeException moving() {
    return StatusMapping.unavailable(
        "MOVING", "the timeline is moving to another node", Map.of(), RETRY_SOON);
  }

  /** Runs the read on this node if it owns the user, else passes it on to the owner. */
  private <T> CompletionStage<T> atOwner(
      Feed feed,
      Metadata metadata,
      @Nullable ConsistencyToken token,
      Function<ResidentTimeline, CompletionStage<T>> here,
      Function<String, CompletionStage<T>> there) {
    String known = forwarding.knownOwner(feed.user(), metadata);
    if (known == null) return askForOwner(feed, metadata, token, here, there);
    // What is known may be old: then the entity is asked, which finds the new owner.
    return there
        .apply(known)
        .exceptionallyCompose(
            failure ->
                mayBeElsewhere(failure)
                    ? askForOwner(feed, metadata, token, here, there)
                    : CompletableFuture.failedStage(failure));
  }

  /** Not so when a node has waited already for what a token asks for: it is the owner. */
  private static boolean mayBeElsewhere(Throwable failure) {
    return Status.fromThrowable(failure).getCode() == Status.Code.UNAVAILABLE
        && !StatusMapping.reasonOf(failure).equals(Consistency.LAGGING);
  }

  private <T> CompletionStage<T> askForOwner(
      Feed feed,
      Metadata metadata,
      @Nullable ConsistencyToken token,
      Function<ResidentTimeline, CompletionStage<T>> here,
      Function<String, CompletionStage<T>> there) {
    return consistency
        .applied(token)
        .thenCompose(
            applied ->
                users.ask(
                    feed.user(),
                    UserReply.Awake.class,
                    replyTo -> new UserEntity.Wake(feed.user(), feed.surface(), replyTo)))
        .thenCompose(
            awake -> {
              if (!forwarding.isHere(awake.node())) {
                forwarding.requireFirstHop(metadata, awake.node());
                return there.apply(awake.node());
              }
              ResidentTimeline resident = resident(feed);
              if (resident != null) return here.apply(resident);
              throw moving();
            });
  }

  @Override
  public Source<WatchFeedResponse, NotUsed> watchFeed(WatchFeedRequest in, Metadata metadata) {
    Principal caller = principals.authenticate(metadata);
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    Feed feed = new Feed(user, surface(fields, in.getListId()));
    fields.check();
    principals.requireUser(caller, user);
    Cursor cursor = cursor(in.getCursor(), user, feed.surface());
    Map<String, String> headers = forwarding.headers(metadata);
    CompletionStage<Source<WatchFeedResponse, NotUsed>> opened =
        this.<Source<WatchFeedResponse, NotUsed>>atOwner(
            feed,
            metadata,
            null,
            here -> watch(here, feed, cursor),
            node ->
                CompletableFuture.completedStage(
                    untilLeaving(in.getCursor(), forwarding.to(node, headers).watchFeed(in))));
    return Source.completionStageSource(opened)
        .mapMaterializedValue(ignored -> NotUsed.getInstance());
  }

  /** What the cursor knows and this node does not would be left out for good. */
  private CompletionStage<Source<WatchFeedResponse, NotUsed>> watch(
      ResidentTimeline here, Feed feed, @Nullable Cursor cursor) {
    TimelineView view = view(here);
    if (cursor == null || reaches(view, cursor)) return watches.open(here, view, cursor);
    return reached(feed, cursor, System.nanoTime() + patience.toNanos())
        .thenCompose(
            reached -> {
              ResidentTimeline now = resident(feed);
              if (now == null) throw moving();
              return watches.open(now, reached, cursor);
            });
  }

  /** A watch that passes through this node ends when the node leaves; the timeline stays. */
  private Source<WatchFeedResponse, NotUsed> untilLeaving(
      String cursor, Source<WatchFeedResponse, NotUsed> changes) {
    AtomicReference<String> reached = new AtomicReference<>(cursor);
    return changes
        .map(
            change -> {
              if (!change.getCursor().isEmpty()) reached.set(change.getCursor());
              return change;
            })
        .via(leaving.flow())
        .concatLazy(Source.lazySingle(() -> leavingEnd(requireNonNull(reached.get()))))
        .takeWhile(change -> !change.hasEnd(), true);
  }

  private static WatchFeedResponse leavingEnd(String cursor) {
    return WatchFeedResponse.newBuilder()
        .setEnd(WatchEnd.newBuilder().setReason("the node is leaving"))
        .setCursor(cursor)
        .build();
  }

  @Override
  public CompletionStage<MarkReadResponse> markRead(MarkReadRequest in, Metadata metadata) {
    Principal caller = principals.authenticate(metadata);
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    String surface = surface(fields, in.getListId());
    if (in.getPostId().isEmpty() == in.getCursor().isEmpty()) {
      fields.reject("post_id", "expected either post_id or cursor");
    }
    PostId post = in.getPostId().isEmpty() ? null : fields.postId("post_id", in.getPostId());
    String expected = in.getExpectedBase();
    if (!expected.isEmpty() && !expected.equals("NONE")) fields.postId("expected_base", expected);
    fields.check();
    principals.requireUser(caller, user);
    Cursor cursor = cursor(in.getCursor(), user, surface);
    replication.require(in.getDurability());
    return users
        .write(
            user,
            replyTo ->
                new UserEntity.MarkRead(
                    user,
                    surface,
                    post,
                    cursor == null ? null : cursor.base(),
                    expected.isEmpty() ? null : expected,
                    replyTo))
        .thenApply(
            written ->
                MarkReadResponse.newBuilder()
                    .setReadPostId(text(written.post()))
                    .setConsistencyToken(users.tokenOf(user, written))
                    .build())
        .thenCompose(answer -> replication.once(in.getDurability(), user, false, answer));
  }

  @Override
  public CompletionStage<GetReadStateResponse> getReadState(
      GetReadStateRequest in, Metadata metadata) {
    Principal caller = principals.authenticate(metadata);
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    Feed feed = new Feed(user, surface(fields, in.getListId()));
    fields.check();
    principals.requireUser(caller, user);
    ConsistencyToken token = consistency.read(in.getConsistencyToken());
    Map<String, String> headers = forwarding.headers(metadata);
    return atOwner(
        feed,
        metadata,
        token,
        here -> CompletableFuture.completedStage(readState(here)),
        node -> forwarding.to(node, headers).getReadState(in));
  }

  private static GetReadStateResponse readState(ResidentTimeline here) {
    Watermark read = here.readTo();
    UnreadCount unread = unread(view(here), read);
    return GetReadStateResponse.newBuilder()
        .setReadPostId(text(read.newest()))
        .setUnreadCount(unread.getCount())
        .setAtLeast(unread.getAtLeast())
        .build();
  }

  private static boolean mayBeUnreadBeyond(TimelineView view, Watermark read) {
    return read.newest().compareTo(view.floor()) < 0 || read.rulesAt() < view.rules().at();
  }

  static UnreadCount unread(TimelineView view, Watermark read) {
    return UnreadCount.newBuilder()
        .setCount(view.countUnread(read))
        .setAtLeast(view.newBeyond(read, PassedOver.NOTHING) && mayBeUnreadBeyond(view, read))
        .build();
  }

  @Override
  public CompletionStage<ExplainEntryResponse> explainEntry(
      ExplainEntryRequest in, Metadata metadata) {
    Principal caller = principals.authenticate(metadata);
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    PostId post = fields.postId("post_id", in.getPostId());
    String surface = surface(fields, in.getListId());
    fields.check();
    principals.requireUser(caller, user);
    return store
        .find(post)
        .thenCompose(found -> explain(user, surface, post, found))
        .thenApply(explained -> Sentences.explain(user, post, explained));
  }

  private CompletionStage<UserReply.Explained> explain(
      UserId user, String surface, PostId post, Optional<StoredPost> found) {
    Payload line =
        found.map(StoredPost::line).map(stored -> new Payload(stored.toByteArray())).orElse(null);
    long deletedAt = found.filter(StoredPost::deleted).map(StoredPost::version).orElse(0L);
    return users.ask(
        user,
        UserReply.Explained.class,
        replyTo -> new UserEntity.Explain(user, surface, post, line, deletedAt, replyTo));
  }

  @Override
  public CompletionStage<DescribeTimelineResponse> describeTimeline(
      DescribeTimelineRequest in, Metadata metadata) {
    principals.requireRole(principals.authenticate(metadata), Principal.SERVICE);
    UserId user = Fields.userId("user_id", in.getUserId());
    return users
        .ask(user, UserReply.Described.class, replyTo -> new UserEntity.Describe(user, replyTo))
        .thenApply(FeedGrpcService::described);
  }

  private static DescribeTimelineResponse described(UserReply.Described is) {
    DescribeTimelineResponse.Builder answer =
        DescribeTimelineResponse.newBuilder()
            .setNode(is.node())
            .setEntries(is.entries())
            .setDuplicates(is.duplicates())
            .setFloorPostId(text(is.floor()))
            .setFollows(is.follows())
            .setFollowedTags(is.tags())
            .setWatchers(is.watchers())
            .setLastActivation(is.cold() ? "cold" : "warm")
            .setLastActivationMicros(is.activationMicros());
    for (LogPartition partition : is.applied().merge(is.timeline()).partitions()) {
      answer.addPartitions(
          PartitionState.newBuilder()
              .setPartition(partition.toString())
              .setCheckpointOffset(is.checkpoint().next(partition))
              .setTimelineOffset(is.timeline().next(partition))
              .setNodeOffset(is.applied().next(partition)));
    }
    return answer.build();
  }

  private static String text(@Nullable PostId id) {
    return id == null || id.equals(PostId.MIN) ? "" : id.toString();
  }
}
