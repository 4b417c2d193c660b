package io.tideline.node.api;

import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowManyResponse;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowResponse;
import io.tideline.protocols.v1.GraphService;
import io.tideline.protocols.v1.GraphServicePowerApi;
import io.tideline.protocols.v1.GraphServicePowerApiHandlerFactory;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.ListFollowingResponse;
import io.tideline.protocols.v1.UnfollowRequest;
import io.tideline.protocols.v1.UnfollowResponse;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiFunction;
import org.apache.pekko.grpc.javadsl.Metadata;

/** A service whose {@code Follow} does what a test says; {@code FollowMany} counts. */
final class StubGraph implements GraphServicePowerApi {
  volatile BiFunction<FollowRequest, Metadata, CompletionStage<FollowResponse>> onFollow =
      (request, metadata) -> followed(request.getUserId());

  GrpcMount<GraphServicePowerApi> mount() {
    return GrpcMount.of(
        GraphService.description,
        GraphServicePowerApi.class,
        this,
        GraphServicePowerApiHandlerFactory::create);
  }

  static CompletionStage<FollowResponse> followed(String token) {
    return CompletableFuture.completedFuture(
        FollowResponse.newBuilder().setConsistencyToken(token).build());
  }

  @Override
  public CompletionStage<FollowResponse> follow(FollowRequest request, Metadata metadata) {
    return onFollow.apply(request, metadata);
  }

  @Override
  public CompletionStage<FollowManyResponse> followMany(
      FollowManyRequest request, Metadata metadata) {
    return CompletableFuture.completedFuture(
        FollowManyResponse.newBuilder().setAdded(request.getFolloweeIdsCount()).build());
  }

  @Override
  public CompletionStage<UnfollowResponse> unfollow(UnfollowRequest request, Metadata metadata) {
    throw new IllegalStateException("a bug");
  }

  @Override
  public CompletionStage<ListFollowingResponse> listFollowing(
      ListFollowingRequest request, Metadata metadata) {
    return CompletableFuture.failedFuture(new IllegalStateException("a bug"));
  }
}
