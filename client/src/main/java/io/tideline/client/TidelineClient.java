package io.tideline.client;

import com.google.protobuf.Message;
import io.grpc.CallCredentials;
import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.tideline.protocols.v1.AddToListRequest;
import io.tideline.protocols.v1.AddToListResponse;
import io.tideline.protocols.v1.BlockRequest;
import io.tideline.protocols.v1.BlockResponse;
import io.tideline.protocols.v1.DeleteListRequest;
import io.tideline.protocols.v1.DeleteListResponse;
import io.tideline.protocols.v1.DeleteMuteRuleRequest;
import io.tideline.protocols.v1.DeleteMuteRuleResponse;
import io.tideline.protocols.v1.DeletePostRequest;
import io.tideline.protocols.v1.DeletePostResponse;
import io.tideline.protocols.v1.DescribeTimelineRequest;
import io.tideline.protocols.v1.DescribeTimelineResponse;
import io.tideline.protocols.v1.EditPostRequest;
import io.tideline.protocols.v1.EditPostResponse;
import io.tideline.protocols.v1.EraseUserRequest;
import io.tideline.protocols.v1.EraseUserResponse;
import io.tideline.protocols.v1.ExplainEntryRequest;
import io.tideline.protocols.v1.ExplainEntryResponse;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowManyResponse;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowResponse;
import io.tideline.protocols.v1.FollowTagRequest;
import io.tideline.protocols.v1.FollowTagResponse;
import io.tideline.protocols.v1.GetFiltersRequest;
import io.tideline.protocols.v1.GetFiltersResponse;
import io.tideline.protocols.v1.GetListsRequest;
import io.tideline.protocols.v1.GetListsResponse;
import io.tideline.protocols.v1.GetPostRequest;
import io.tideline.protocols.v1.GetPostResponse;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.ListFollowedTagsRequest;
import io.tideline.protocols.v1.ListFollowedTagsResponse;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.ListFollowingResponse;
import io.tideline.protocols.v1.ListPostsRequest;
import io.tideline.protocols.v1.ListPostsResponse;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.MarkReadResponse;
import io.tideline.protocols.v1.MuteRequest;
import io.tideline.protocols.v1.MuteResponse;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.PutListRequest;
import io.tideline.protocols.v1.PutListResponse;
import io.tideline.protocols.v1.PutMuteRuleRequest;
import io.tideline.protocols.v1.PutMuteRuleResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.RemoveFromListRequest;
import io.tideline.protocols.v1.RemoveFromListResponse;
import io.tideline.protocols.v1.UnblockRequest;
import io.tideline.protocols.v1.UnblockResponse;
import io.tideline.protocols.v1.UnfollowRequest;
import io.tideline.protocols.v1.UnfollowResponse;
import io.tideline.protocols.v1.UnfollowTagRequest;
import io.tideline.protocols.v1.UnfollowTagResponse;
import io.tideline.protocols.v1.UnmuteRequest;
import io.tideline.protocols.v1.UnmuteResponse;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Calls Tideline: one such object per process, from any thread.
 *
 * <p>Each call goes to the node that owns the user it is about; calls that no node owns go to one
 * in the caller's zone. What fails with {@code UNAVAILABLE} is repeated, elsewhere where that
 * helps; what takes longer than half of the time that is left is begun elsewhere as well, and the
 * first answer counts: as long as the deadline and a budget for all calls together allow. Repeating
 * changes nothing, as the contract of each call says; only {@code MarkRead} with an {@code
 * expected_base} is never repeated. A count in an answer, such as {@code FollowManyResponse.added},
 * may be that of the repetition.
 *
 * <p>A write with more {@code durability} than {@code CELL} takes what other cells take: it is not
 * begun elsewhere meanwhile, and fails with the reason {@code NOT_IN_TWO_CELLS} or {@code
 * NOT_IN_ALL_CELLS} when it is safe in one cell so far. Give it a deadline well beyond what a node
 * waits for that, which is 5 s.
 *
 * <p>Every future fails with an {@link io.grpc.StatusRuntimeException}: the last one that came from
 * a node. Cancelling a future cancels the call. Continuations run on a thread of gRPC, or of the
 * JDK's common pool when a call has failed, unless they say where to run, and should not keep it
 * long.
 */
public final class TidelineClient implements AutoCloseable {
  /** How often a call was tried before, for interceptors. */
  public static final CallOptions.Key<Integer> PREVIOUS_ATTEMPTS =
      CallOptions.Key.createWithDefault("tideline-previous-attempts", 0);

  private static final Duration DEADLINE = Duration.ofSeconds(10);

  private final Cells cells;
  private final CallOptions options;
  private final Duration deadline;

  private TidelineClient(Cells cells, CallOptions options, Duration deadline) {
    this.cells = cells;
    this.options = options;
    this.deadline = deadline;
  }

  public static Builder builder() {
    return new Builder();
  }

  /** The same client with another deadline for its calls, all repetitions included. */
  public TidelineClient withDeadline(Duration deadline) {
    return new TidelineClient(cells, options, positive(deadline));
  }

  /** The same client with another bearer token for its calls, asked for at each of them. */
  public TidelineClient withToken(Supplier<String> token) {
    return new TidelineClient(cells, options.withCallCredentials(new BearerToken(token)), deadline);
  }

  /** {@code PostService.Publish}. */
  public CompletableFuture<PublishResponse> publish(PublishRequest request) {
    return call(Rpc.PUBLISH, request);
  }

  /** {@code PostService.EditPost}. */
  public CompletableFuture<EditPostResponse> editPost(EditPostRequest request) {
    return call(Rpc.EDIT_POST, request);
  }

  /** {@code PostService.DeletePost}. */
  public CompletableFuture<DeletePostResponse> deletePost(DeletePostRequest request) {
    return call(Rpc.DELETE_POST, request);
  }

  /** {@code PostService.GetPost}. */
  public CompletableFuture<GetPostResponse> getPost(GetPostRequest request) {
    return call(Rpc.GET_POST, request);
  }

  /** {@code PostService.ListPosts}. */
  public CompletableFuture<ListPostsResponse> listPosts(ListPostsRequest request) {
    return call(Rpc.LIST_POSTS, request);
  }

  /** {@code GraphService.Follow}. */
  public CompletableFuture<FollowResponse> follow(FollowRequest request) {
    return call(Rpc.FOLLOW, request);
  }

  /** {@code GraphService.Unfollow}. */
  public CompletableFuture<UnfollowResponse> unfollow(UnfollowRequest request) {
    return call(Rpc.UNFOLLOW, request);
  }

  /** {@code GraphService.FollowMany}. */
  public CompletableFuture<FollowManyResponse> followMany(FollowManyRequest request) {
    return call(Rpc.FOLLOW_MANY, request);
  }

  /** {@code GraphService.ListFollowing}. */
  public CompletableFuture<ListFollowingResponse> listFollowing(ListFollowingRequest request) {
    return call(Rpc.LIST_FOLLOWING, request);
  }

  /** {@code GraphService.FollowTag}. */
  public CompletableFuture<FollowTagResponse> followTag(FollowTagRequest request) {
    return call(Rpc.FOLLOW_TAG, request);
  }

  /** {@code GraphService.UnfollowTag}. */
  public CompletableFuture<UnfollowTagResponse> unfollowTag(UnfollowTagRequest request) {
    return call(Rpc.UNFOLLOW_TAG, request);
  }

  /** {@code GraphService.ListFollowedTags}. */
  public CompletableFuture<ListFollowedTagsResponse> listFollowedTags(
      ListFollowedTagsRequest request) {
    return call(Rpc.LIST_FOLLOWED_TAGS, request);
  }

  /** {@code GraphService.PutList}. */
  public CompletableFuture<PutListResponse> putList(PutListRequest request) {
    return call(Rpc.PUT_LIST, request);
  }

  /** {@code GraphService.DeleteList}. */
  public CompletableFuture<DeleteListResponse> deleteList(DeleteListRequest request) {
    return call(Rpc.DELETE_LIST, request);
  }

  /** {@code GraphService.AddToList}. */
  public CompletableFuture<AddToListResponse> addToList(AddToListRequest request) {
    return call(Rpc.ADD_TO_LIST, request);
  }

  /** {@code GraphService.RemoveFromList}. */
  public CompletableFuture<RemoveFromListResponse> removeFromList(RemoveFromListRequest request) {
    return call(Rpc.REMOVE_FROM_LIST, request);
  }

  /** {@code GraphService.GetLists}. */
  public CompletableFuture<GetListsResponse> getLists(GetListsRequest request) {
    return call(Rpc.GET_LISTS, request);
  }

  /** {@code FilterService.Mute}. */
  public CompletableFuture<MuteResponse> mute(MuteRequest request) {
    return call(Rpc.MUTE, request);
  }

  /** {@code FilterService.Unmute}. */
  public CompletableFuture<UnmuteResponse> unmute(UnmuteRequest request) {
    return call(Rpc.UNMUTE, request);
  }

  /** {@code FilterService.Block}. */
  public CompletableFuture<BlockResponse> block(BlockRequest request) {
    return call(Rpc.BLOCK, request);
  }

  /** {@code FilterService.Unblock}. */
  public CompletableFuture<UnblockResponse> unblock(UnblockRequest request) {
    return call(Rpc.UNBLOCK, request);
  }

  /** {@code FilterService.PutMuteRule}. */
  public CompletableFuture<PutMuteRuleResponse> putMuteRule(PutMuteRuleRequest request) {
    return call(Rpc.PUT_MUTE_RULE, request);
  }

  /** {@code FilterService.DeleteMuteRule}. */
  public CompletableFuture<DeleteMuteRuleResponse> deleteMuteRule(DeleteMuteRuleRequest request) {
    return call(Rpc.DELETE_MUTE_RULE, request);
  }

  /** {@code FilterService.GetFilters}. */
  public CompletableFuture<GetFiltersResponse> getFilters(GetFiltersRequest request) {
    return call(Rpc.GET_FILTERS, request);
  }

  /** {@code FeedService.ReadFeed}. */
  public CompletableFuture<ReadFeedResponse> readFeed(ReadFeedRequest request) {
    return call(Rpc.READ_FEED, request);
  }

  /** {@code FeedService.MarkRead}. */
  public CompletableFuture<MarkReadResponse> markRead(MarkReadRequest request) {
    return call(Rpc.MARK_READ, request);
  }

  /** {@code FeedService.GetReadState}. */
  public CompletableFuture<GetReadStateResponse> getReadState(GetReadStateRequest request) {
    return call(Rpc.GET_READ_STATE, request);
  }

  /** {@code FeedService.ExplainEntry}. */
  public CompletableFuture<ExplainEntryResponse> explainEntry(ExplainEntryRequest request) {
    return call(Rpc.EXPLAIN_ENTRY, request);
  }

  /** {@code FeedService.DescribeTimeline}. */
  public CompletableFuture<DescribeTimelineResponse> describeTimeline(
      DescribeTimelineRequest request) {
    return call(Rpc.DESCRIBE_TIMELINE, request);
  }

  /** {@code UserService.EraseUser}. */
  public CompletableFuture<EraseUserResponse> eraseUser(EraseUserRequest request) {
    return call(Rpc.ERASE_USER, request);
  }

  /**
   * {@code FeedService.WatchFeed}, for as long as it is wanted: a stream that ends is opened again,
   * at whatever node has the user then, behind the last cursor that came. Changes after that cursor
   * come twice. Until a first cursor has come there is none to resume from: to miss nothing, start
   * with the {@code newer_cursor} of a page.
   *
   * @param observer is told each message, one at a time, and may take its time: the stream waits.
   *     It fails only with what cannot pass, such as a bad cursor, and completes when the watch is
   *     closed.
   */
  public FeedWatch watchFeed(WatchFeedRequest request, StreamObserver<WatchFeedResponse> observer) {
    return FeedWatch.open(cells, options, request, observer);
  }

  private <Q extends Message, R extends Message> CompletableFuture<R> call(
      Rpc<Q, R> rpc, Q request) {
    return UnaryCall.start(cells, rpc, request, options, deadline);
  }

  /** Ends all calls and connections, also of clients derived from this one or that it is of. */
  @Override
  public void close() {
    cells.close();
  }

  /** For tests that wait until it knows. */
  Cells cells() {
    return cells;
  }

  private static Duration positive(Duration deadline) {
    if (deadline.isNegative() || deadline.isZero()) {
      throw new IllegalArgumentException("a deadline is positive, but this is " + deadline);
    }
    return deadline;
  }

  /** What a client is told once. */
  public static final class Builder {
    private static final Pattern ADDRESS =
        Pattern.compile("(?:\\[[0-9A-Fa-f:.]+]|[^\\s:/\\[\\]]+):([0-9]{1,5})");

    private final List<List<String>> cells = new ArrayList<>();
    private final List<ClientInterceptor> interceptors = new ArrayList<>();
    private ChannelCredentials credentials = InsecureChannelCredentials.create();
    private CallOptions options = CallOptions.DEFAULT;
    private Duration deadline = DEADLINE;
    private String zone = "";
    private @Nullable Canary canary;
    private LongSupplier nanoTime = System::nanoTime;
    private Duration tick = Duration.ofSeconds(1);

    private Builder() {}

    /**
     * A cell, by addresses ({@code host:port}) of some of its nodes; the others are found. Needed
     * at least once. The cell named first gets the calls; those named later are for when it is away
     * or over its capacity, and must have the same data.
     */
    public Builder cell(String... seeds) {
      if (seeds.length == 0) {
        throw new IllegalArgumentException("a cell needs the address of at least one node");
      }
      for (String seed : seeds) {
        if (!isAddress(seed)) {
          throw new IllegalArgumentException(
              "an address is host:port, and credentials() says whether TLS is used, but this is \""
                  + seed
                  + "\"");
        }
      }
      cells.add(Arrays.asList(seeds.clone()));
      return this;
    }

    private static boolean isAddress(String seed) {
      Matcher parts = ADDRESS.matcher(seed);
      return parts.matches() && Integer.parseInt(parts.group(1)) <= 65_535;
    }

    /** The availability zone that the caller is in: calls that no node owns stay there. */
    public Builder zone(String zone) {
      this.zone = zone;
      return this;
    }

    /** Transport security; plain text when this is not said. */
    public Builder credentials(ChannelCredentials credentials) {
      this.credentials = credentials;
      return this;
    }

    /**
     * The bearer token of all calls, asked for at each of them. Where nodes want tokens one is
     * needed here, whatever {@link #withToken} says later: watching the topology is a call too.
     */
    public Builder token(Supplier<String> token) {
      options = options.withCallCredentials(new BearerToken(token));
      return this;
    }

    /** How long calls may take, all repetitions included; 10 s when this is not said. */
    public Builder deadline(Duration deadline) {
      this.deadline = positive(deadline);
      return this;
    }

    /** Sees each attempt of each call, for metrics, traces and headers. */
    public Builder interceptor(ClientInterceptor interceptor) {
      interceptors.add(interceptor);
      return this;
    }

    /**
     * Sends the calls of some users, always the same ones, to nodes of a version while there are
     * such. The node answers what it can, and passes on to the owner what the owner has: so it is
     * the edge that is tried, and the owner's part only for the users that the node owns.
     *
     * @param share of the users, 0 to 1
     */
    public Builder canary(String version, double share) {
      canary = new Canary(version, share);
      return this;
    }

    /** For tests that let time pass. */
    Builder time(LongSupplier nanoTime, Duration tick) {
      this.nanoTime = nanoTime;
      this.tick = tick;
      return this;
    }

    /** Connects in the background; calls wait until it is known whom to call. */
    public TidelineClient build() {
      if (cells.isEmpty()) throw new IllegalStateException("a client needs at least one cell");
      Channels channels = new Channels(credentials, interceptors);
      return new TidelineClient(
          new Cells(cells, channels, options, zone, canary, nanoTime, tick), options, deadline);
    }
  }

  /** Puts the token into the metadata key {@code authorization}. */
  private static final class BearerToken extends CallCredentials {
    private static final Metadata.Key<String> AUTHORIZATION =
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private final Supplier<String> token;

    BearerToken(Supplier<String> token) {
      this.token = token;
    }

    @Override
    public void applyRequestMetadata(
        RequestInfo request, Executor executor, MetadataApplier headers) {
      try {
        Metadata metadata = new Metadata();
        metadata.put(AUTHORIZATION, "Bearer " + token.get());
        headers.apply(metadata);
      } catch (RuntimeException e) {
        headers.fail(Status.UNAUTHENTICATED.withDescription("there is no token").withCause(e));
      }
    }
  }
}
