package io.tideline.client;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.Descriptors;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.protobuf.ProtoUtils;
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
import io.tideline.protocols.v1.Durability;
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
import io.tideline.protocols.v1.WatchTopologyRequest;
import io.tideline.protocols.v1.WatchTopologyResponse;
import org.jspecify.annotations.Nullable;

/** One call of the public API, read from the compiled protos, and whom it is about. */
final class Rpc<Q extends Message, R extends Message> {
  static final Rpc<PublishRequest, PublishResponse> PUBLISH =
      atOwner(
          "author_id", PublishRequest.getDefaultInstance(), PublishResponse.getDefaultInstance());
  static final Rpc<EditPostRequest, EditPostResponse> EDIT_POST =
      atOwner(
          "author_id", EditPostRequest.getDefaultInstance(), EditPostResponse.getDefaultInstance());
  static final Rpc<DeletePostRequest, DeletePostResponse> DELETE_POST =
      atOwner(
          "author_id",
          DeletePostRequest.getDefaultInstance(),
          DeletePostResponse.getDefaultInstance());
  static final Rpc<GetPostRequest, GetPostResponse> GET_POST =
      anywhere(
          "post_id", GetPostRequest.getDefaultInstance(), GetPostResponse.getDefaultInstance());
  static final Rpc<ListPostsRequest, ListPostsResponse> LIST_POSTS =
      anywhere(
          "author_id",
          ListPostsRequest.getDefaultInstance(),
          ListPostsResponse.getDefaultInstance());
  static final Rpc<FollowRequest, FollowResponse> FOLLOW =
      atOwner("user_id", FollowRequest.getDefaultInstance(), FollowResponse.getDefaultInstance());
  static final Rpc<UnfollowRequest, UnfollowResponse> UNFOLLOW =
      atOwner(
          "user_id", UnfollowRequest.getDefaultInstance(), UnfollowResponse.getDefaultInstance());
  static final Rpc<FollowManyRequest, FollowManyResponse> FOLLOW_MANY =
      atOwner(
          "user_id",
          FollowManyRequest.getDefaultInstance(),
          FollowManyResponse.getDefaultInstance());
  static final Rpc<ListFollowingRequest, ListFollowingResponse> LIST_FOLLOWING =
      atOwner(
          "user_id",
          ListFollowingRequest.getDefaultInstance(),
          ListFollowingResponse.getDefaultInstance());
  static final Rpc<FollowTagRequest, FollowTagResponse> FOLLOW_TAG =
      atOwner(
          "user_id", FollowTagRequest.getDefaultInstance(), FollowTagResponse.getDefaultInstance());
  static final Rpc<UnfollowTagRequest, UnfollowTagResponse> UNFOLLOW_TAG =
      atOwner(
          "user_id",
          UnfollowTagRequest.getDefaultInstance(),
          UnfollowTagResponse.getDefaultInstance());
  static final Rpc<ListFollowedTagsRequest, ListFollowedTagsResponse> LIST_FOLLOWED_TAGS =
      atOwner(
          "user_id",
          ListFollowedTagsRequest.getDefaultInstance(),
          ListFollowedTagsResponse.getDefaultInstance());
  static final Rpc<PutListRequest, PutListResponse> PUT_LIST =
      atOwner("user_id", PutListRequest.getDefaultInstance(), PutListResponse.getDefaultInstance());
  static final Rpc<DeleteListRequest, DeleteListResponse> DELETE_LIST =
      atOwner(
          "user_id",
          DeleteListRequest.getDefaultInstance(),
          DeleteListResponse.getDefaultInstance());
  static final Rpc<AddToListRequest, AddToListResponse> ADD_TO_LIST =
      atOwner(
          "user_id", AddToListRequest.getDefaultInstance(), AddToListResponse.getDefaultInstance());
  static final Rpc<RemoveFromListRequest, RemoveFromListResponse> REMOVE_FROM_LIST =
      atOwner(
          "user_id",
          RemoveFromListRequest.getDefaultInstance(),
          RemoveFromListResponse.getDefaultInstance());
  static final Rpc<GetListsRequest, GetListsResponse> GET_LISTS =
      atOwner(
          "user_id", GetListsRequest.getDefaultInstance(), GetListsResponse.getDefaultInstance());
  static final Rpc<MuteRequest, MuteResponse> MUTE =
      atOwner("user_id", MuteRequest.getDefaultInstance(), MuteResponse.getDefaultInstance());
  static final Rpc<UnmuteRequest, UnmuteResponse> UNMUTE =
      atOwner("user_id", UnmuteRequest.getDefaultInstance(), UnmuteResponse.getDefaultInstance());
  static final Rpc<BlockRequest, BlockResponse> BLOCK =
      atOwner("user_id", BlockRequest.getDefaultInstance(), BlockResponse.getDefaultInstance());
  static final Rpc<UnblockRequest, UnblockResponse> UNBLOCK =
      atOwner("user_id", UnblockRequest.getDefaultInstance(), UnblockResponse.getDefaultInstance());
  static final Rpc<PutMuteRuleRequest, PutMuteRuleResponse> PUT_MUTE_RULE =
      atOwner(
          "user_id",
          PutMuteRuleRequest.getDefaultInstance(),
          PutMuteRuleResponse.getDefaultInstance());
  static final Rpc<DeleteMuteRuleRequest, DeleteMuteRuleResponse> DELETE_MUTE_RULE =
      atOwner(
          "user_id",
          DeleteMuteRuleRequest.getDefaultInstance(),
          DeleteMuteRuleResponse.getDefaultInstance());
  static final Rpc<GetFiltersRequest, GetFiltersResponse> GET_FILTERS =
      atOwner(
          "user_id",
          GetFiltersRequest.getDefaultInstance(),
          GetFiltersResponse.getDefaultInstance());
  static final Rpc<ReadFeedRequest, ReadFeedResponse> READ_FEED =
      atOwner(
          "user_id", ReadFeedRequest.getDefaultInstance(), ReadFeedResponse.getDefaultInstance());
  static final Rpc<MarkReadRequest, MarkReadResponse> MARK_READ =
      atOwner(
          "user_id", MarkReadRequest.getDefaultInstance(), MarkReadResponse.getDefaultInstance());
  static final Rpc<GetReadStateRequest, GetReadStateResponse> GET_READ_STATE =
      atOwner(
          "user_id",
          GetReadStateRequest.getDefaultInstance(),
          GetReadStateResponse.getDefaultInstance());
  static final Rpc<ExplainEntryRequest, ExplainEntryResponse> EXPLAIN_ENTRY =
      atOwner(
          "user_id",
          ExplainEntryRequest.getDefaultInstance(),
          ExplainEntryResponse.getDefaultInstance());
  static final Rpc<DescribeTimelineRequest, DescribeTimelineResponse> DESCRIBE_TIMELINE =
      atOwner(
          "user_id",
          DescribeTimelineRequest.getDefaultInstance(),
          DescribeTimelineResponse.getDefaultInstance());
  static final Rpc<EraseUserRequest, EraseUserResponse> ERASE_USER =
      atOwner(
          "user_id", EraseUserRequest.getDefaultInstance(), EraseUserResponse.getDefaultInstance());
  static final Rpc<WatchFeedRequest, WatchFeedResponse> WATCH_FEED =
      atOwner(
          "user_id", WatchFeedRequest.getDefaultInstance(), WatchFeedResponse.getDefaultInstance());
  static final Rpc<WatchTopologyRequest, WatchTopologyResponse> WATCH_TOPOLOGY =
      anywhere(
          null,
          WatchTopologyRequest.getDefaultInstance(),
          WatchTopologyResponse.getDefaultInstance());

  private final MethodDescriptor<Q, R> descriptor;
  private final @Nullable FieldDescriptor key;
  private final boolean owned;

  private Rpc(MethodDescriptor<Q, R> descriptor, @Nullable FieldDescriptor key, boolean owned) {
    this.descriptor = descriptor;
    this.key = key;
    this.owned = owned;
  }

  /** A call about a user, which the node that has the user answers best. */
  private static <Q extends Message, R extends Message> Rpc<Q, R> atOwner(
      String user, Q request, R response) {
    return new Rpc<>(method(request, response), field(user, request), true);
  }

  /** A call that every node answers as well as any other; the field tells callers apart. */
  private static <Q extends Message, R extends Message> Rpc<Q, R> anywhere(
      @Nullable String key, Q request, R response) {
    return new Rpc<>(method(request, response), key == null ? null : field(key, request), false);
  }

  MethodDescriptor<Q, R> descriptor() {
    return descriptor;
  }

  /** Whether one node has what the call is about. */
  boolean owned() {
    return owned;
  }

  /** The user, or what else a request is about. */
  String key(Q request) {
    return key == null ? "" : (String) request.getField(key);
  }

  /**
   * Whether the same request may be made again although it may have been carried out. All may, as
   * their contracts say, but for a mark that depends on the position that it changes.
   */
  boolean repeatable(Q request) {
    return !(request instanceof MarkReadRequest mark) || mark.getExpectedBase().isEmpty();
  }

  /** Whether a slow answer is what was asked for: that of a write which waits for other cells. */
  boolean waitsForOtherCells(Q request) {
    FieldDescriptor durability = request.getDescriptorForType().findFieldByName("durability");
    return durability != null
        && ((EnumValueDescriptor) request.getField(durability)).getNumber()
            > Durability.DURABILITY_CELL_VALUE;
  }

  private static FieldDescriptor field(String name, Message request) {
    return requireNonNull(request.getDescriptorForType().findFieldByName(name), name);
  }

  /** The method that takes such a request. */
  private static <Q extends Message, R extends Message> MethodDescriptor<Q, R> method(
      Q request, R response) {
    Descriptors.MethodDescriptor method =
        request.getDescriptorForType().getFile().getServices().stream()
            .flatMap(service -> service.getMethods().stream())
            .filter(candidate -> candidate.getInputType().equals(request.getDescriptorForType()))
            .findFirst()
            .orElseThrow();
    return MethodDescriptor.<Q, R>newBuilder()
        .setType(method.isServerStreaming() ? MethodType.SERVER_STREAMING : MethodType.UNARY)
        .setFullMethodName(
            MethodDescriptor.generateFullMethodName(
                method.getService().getFullName(), method.getName()))
        .setRequestMarshaller(ProtoUtils.marshaller(request))
        .setResponseMarshaller(ProtoUtils.marshaller(response))
        .build();
  }
}
