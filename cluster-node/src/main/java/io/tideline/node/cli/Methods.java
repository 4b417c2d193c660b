package io.tideline.node.cli;

import com.google.protobuf.Descriptors;
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
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.GetTopologyResponse;
import io.tideline.protocols.v1.ListFollowedTagsRequest;
import io.tideline.protocols.v1.ListFollowedTagsResponse;
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

/** The calls of the public API that the command line makes, read from the compiled protos. */
final class Methods {
  static final MethodDescriptor<PublishRequest, PublishResponse> PUBLISH =
      method(PublishRequest.getDefaultInstance(), PublishResponse.getDefaultInstance());
  static final MethodDescriptor<DeletePostRequest, DeletePostResponse> DELETE_POST =
      method(DeletePostRequest.getDefaultInstance(), DeletePostResponse.getDefaultInstance());
  static final MethodDescriptor<FollowRequest, FollowResponse> FOLLOW =
      method(FollowRequest.getDefaultInstance(), FollowResponse.getDefaultInstance());
  static final MethodDescriptor<UnfollowRequest, UnfollowResponse> UNFOLLOW =
      method(UnfollowRequest.getDefaultInstance(), UnfollowResponse.getDefaultInstance());
  static final MethodDescriptor<FollowManyRequest, FollowManyResponse> FOLLOW_MANY =
      method(FollowManyRequest.getDefaultInstance(), FollowManyResponse.getDefaultInstance());
  static final MethodDescriptor<FollowTagRequest, FollowTagResponse> FOLLOW_TAG =
      method(FollowTagRequest.getDefaultInstance(), FollowTagResponse.getDefaultInstance());
  static final MethodDescriptor<UnfollowTagRequest, UnfollowTagResponse> UNFOLLOW_TAG =
      method(UnfollowTagRequest.getDefaultInstance(), UnfollowTagResponse.getDefaultInstance());
  static final MethodDescriptor<ListFollowedTagsRequest, ListFollowedTagsResponse>
      LIST_FOLLOWED_TAGS =
          method(
              ListFollowedTagsRequest.getDefaultInstance(),
              ListFollowedTagsResponse.getDefaultInstance());
  static final MethodDescriptor<PutListRequest, PutListResponse> PUT_LIST =
      method(PutListRequest.getDefaultInstance(), PutListResponse.getDefaultInstance());
  static final MethodDescriptor<DeleteListRequest, DeleteListResponse> DELETE_LIST =
      method(DeleteListRequest.getDefaultInstance(), DeleteListResponse.getDefaultInstance());
  static final MethodDescriptor<AddToListRequest, AddToListResponse> ADD_TO_LIST =
      method(AddToListRequest.getDefaultInstance(), AddToListResponse.getDefaultInstance());
  static final MethodDescriptor<RemoveFromListRequest, RemoveFromListResponse> REMOVE_FROM_LIST =
      method(
          RemoveFromListRequest.getDefaultInstance(), RemoveFromListResponse.getDefaultInstance());
  static final MethodDescriptor<GetListsRequest, GetListsResponse> GET_LISTS =
      method(GetListsRequest.getDefaultInstance(), GetListsResponse.getDefaultInstance());
  static final MethodDescriptor<MuteRequest, MuteResponse> MUTE =
      method(MuteRequest.getDefaultInstance(), MuteResponse.getDefaultInstance());
  static final MethodDescriptor<UnmuteRequest, UnmuteResponse> UNMUTE =
      method(UnmuteRequest.getDefaultInstance(), UnmuteResponse.getDefaultInstance());
  static final MethodDescriptor<BlockRequest, BlockResponse> BLOCK =
      method(BlockRequest.getDefaultInstance(), BlockResponse.getDefaultInstance());
  static final MethodDescriptor<UnblockRequest, UnblockResponse> UNBLOCK =
      method(UnblockRequest.getDefaultInstance(), UnblockResponse.getDefaultInstance());
  static final MethodDescriptor<PutMuteRuleRequest, PutMuteRuleResponse> PUT_MUTE_RULE =
      method(PutMuteRuleRequest.getDefaultInstance(), PutMuteRuleResponse.getDefaultInstance());
  static final MethodDescriptor<DeleteMuteRuleRequest, DeleteMuteRuleResponse> DELETE_MUTE_RULE =
      method(
          DeleteMuteRuleRequest.getDefaultInstance(), DeleteMuteRuleResponse.getDefaultInstance());
  static final MethodDescriptor<GetFiltersRequest, GetFiltersResponse> GET_FILTERS =
      method(GetFiltersRequest.getDefaultInstance(), GetFiltersResponse.getDefaultInstance());
  static final MethodDescriptor<ReadFeedRequest, ReadFeedResponse> READ_FEED =
      method(ReadFeedRequest.getDefaultInstance(), ReadFeedResponse.getDefaultInstance());
  static final MethodDescriptor<WatchFeedRequest, WatchFeedResponse> WATCH_FEED =
      method(WatchFeedRequest.getDefaultInstance(), WatchFeedResponse.getDefaultInstance());
  static final MethodDescriptor<MarkReadRequest, MarkReadResponse> MARK_READ =
      method(MarkReadRequest.getDefaultInstance(), MarkReadResponse.getDefaultInstance());
  static final MethodDescriptor<GetReadStateRequest, GetReadStateResponse> GET_READ_STATE =
      method(GetReadStateRequest.getDefaultInstance(), GetReadStateResponse.getDefaultInstance());
  static final MethodDescriptor<ExplainEntryRequest, ExplainEntryResponse> EXPLAIN_ENTRY =
      method(ExplainEntryRequest.getDefaultInstance(), ExplainEntryResponse.getDefaultInstance());
  static final MethodDescriptor<DescribeTimelineRequest, DescribeTimelineResponse>
      DESCRIBE_TIMELINE =
          method(
              DescribeTimelineRequest.getDefaultInstance(),
              DescribeTimelineResponse.getDefaultInstance());
  static final MethodDescriptor<EraseUserRequest, EraseUserResponse> ERASE_USER =
      method(EraseUserRequest.getDefaultInstance(), EraseUserResponse.getDefaultInstance());
  static final MethodDescriptor<GetTopologyRequest, GetTopologyResponse> GET_TOPOLOGY =
      method(GetTopologyRequest.getDefaultInstance(), GetTopologyResponse.getDefaultInstance());

  private Methods() {}

  /** The call that takes such a request. */
  static <Q extends Message, R extends Message> MethodDescriptor<Q, R> method(
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
        .setIdempotent(true)
        .build();
  }
}
