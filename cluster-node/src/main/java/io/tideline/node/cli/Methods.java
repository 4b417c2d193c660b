package io.tideline.node.cli;

import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.protobuf.ProtoUtils;
import io.tideline.protocols.v1.ClusterServiceProto;
import io.tideline.protocols.v1.FeedServiceProto;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowManyResponse;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowResponse;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.GetTopologyResponse;
import io.tideline.protocols.v1.GraphServiceProto;
import io.tideline.protocols.v1.PostServiceProto;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.UnfollowRequest;
import io.tideline.protocols.v1.UnfollowResponse;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;

/** The calls of the public API that the command line makes, read from the compiled protos. */
final class Methods {
  static final MethodDescriptor<PublishRequest, PublishResponse> PUBLISH =
      method(
          PostServiceProto.getDescriptor(),
          "PostService/Publish",
          PublishRequest.getDefaultInstance(),
          PublishResponse.getDefaultInstance());
  static final MethodDescriptor<FollowRequest, FollowResponse> FOLLOW =
      method(
          GraphServiceProto.getDescriptor(),
          "GraphService/Follow",
          FollowRequest.getDefaultInstance(),
          FollowResponse.getDefaultInstance());
  static final MethodDescriptor<UnfollowRequest, UnfollowResponse> UNFOLLOW =
      method(
          GraphServiceProto.getDescriptor(),
          "GraphService/Unfollow",
          UnfollowRequest.getDefaultInstance(),
          UnfollowResponse.getDefaultInstance());
  static final MethodDescriptor<FollowManyRequest, FollowManyResponse> FOLLOW_MANY =
      method(
          GraphServiceProto.getDescriptor(),
          "GraphService/FollowMany",
          FollowManyRequest.getDefaultInstance(),
          FollowManyResponse.getDefaultInstance());
  static final MethodDescriptor<ReadFeedRequest, ReadFeedResponse> READ_FEED =
      method(
          FeedServiceProto.getDescriptor(),
          "FeedService/ReadFeed",
          ReadFeedRequest.getDefaultInstance(),
          ReadFeedResponse.getDefaultInstance());
  static final MethodDescriptor<WatchFeedRequest, WatchFeedResponse> WATCH_FEED =
      method(
          FeedServiceProto.getDescriptor(),
          "FeedService/WatchFeed",
          WatchFeedRequest.getDefaultInstance(),
          WatchFeedResponse.getDefaultInstance());
  static final MethodDescriptor<GetTopologyRequest, GetTopologyResponse> GET_TOPOLOGY =
      method(
          ClusterServiceProto.getDescriptor(),
          "ClusterService/GetTopology",
          GetTopologyRequest.getDefaultInstance(),
          GetTopologyResponse.getDefaultInstance());

  private Methods() {}

  private static <Q extends Message, R extends Message> MethodDescriptor<Q, R> method(
      FileDescriptor file, String name, Q request, R response) {
    String[] parts = name.split("/", 2);
    var service = file.findServiceByName(parts[0]);
    boolean streams = service.findMethodByName(parts[1]).isServerStreaming();
    return MethodDescriptor.<Q, R>newBuilder()
        .setType(streams ? MethodType.SERVER_STREAMING : MethodType.UNARY)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(service.getFullName(), parts[1]))
        .setRequestMarshaller(ProtoUtils.marshaller(request))
        .setResponseMarshaller(ProtoUtils.marshaller(response))
        .setIdempotent(true)
        .build();
  }
}
