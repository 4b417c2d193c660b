package io.tideline.node.api;

import io.tideline.protocols.v1.AddToListRequest;
import io.tideline.protocols.v1.AddToListResponse;
import io.tideline.protocols.v1.DeleteListRequest;
import io.tideline.protocols.v1.DeleteListResponse;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowManyResponse;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowResponse;
import io.tideline.protocols.v1.FollowTagRequest;
import io.tideline.protocols.v1.FollowTagResponse;
import io.tideline.protocols.v1.GetListsRequest;
import io.tideline.protocols.v1.GetListsResponse;
import io.tideline.protocols.v1.GraphService;
import io.tideline.protocols.v1.GraphServicePowerApi;
import io.tideline.protocols.v1.GraphServicePowerApiHandlerFactory;
import io.tideline.protocols.v1.ListFollowedTagsRequest;
import io.tideline.protocols.v1.ListFollowedTagsResponse;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.ListFollowingResponse;
import io.tideline.protocols.v1.PutListRequest;
import io.tideline.protocols.v1.PutListResponse;
import io.tideline.protocols.v1.RemoveFromListRequest;
import io.tideline.protocols.v1.RemoveFromListResponse;
import io.tideline.protocols.v1.UnfollowRequest;
import io.tideline.protocols.v1.UnfollowResponse;
import io.tideline.protocols.v1.UnfollowTagRequest;
import io.tideline.protocols.v1.UnfollowTagResponse;
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

  @Override
  public CompletionStage<FollowTagResponse> followTag(FollowTagRequest request, Metadata metadata) {
    return CompletableFuture.failedFuture(new IllegalStateException("a bug"));
  }

  @Override
  public CompletionStage<UnfollowTagResponse> unfollowTag(
      UnfollowTagRequest request, Metadata metadata) {
    return CompletableFuture.failedFuture(new IllegalStateException("a bug"));
  }

  @Override
  public CompletionStage<ListFollowedTagsResponse> listFollowedTags(
      ListFollowedTagsRequest request, Metadata metadata) {
    return CompletableFuture.failedFuture(new IllegalStateException("a bug"));
  }

  @Override
  public CompletionStage<PutListResponse> putList(PutListRequest request, Metadata metadata) {
    return CompletableFuture.failedFuture(new IllegalStateException("a bug"));
  }

  @Override
  public CompletionStage<DeleteListResponse> deleteList(
      DeleteListRequest request, Metadata metadata) {
    return CompletableFuture.failedFuture(new IllegalStateException("a bug"));
  }

  @Override
  public CompletionStage<AddToListResponse> addToList(AddToListRequest request, Metadata metadata) {
    return CompletableFuture.failedFuture(new IllegalStateException("a bug"));
  }

  @Override
  public CompletionStage<RemoveFromListResponse> removeFromList(
      RemoveFromListRequest request, Metadata metadata) {
    return CompletableFuture.failedFuture(new IllegalStateException("a bug"));
  }

  @Override
  public CompletionStage<GetListsResponse> getLists(GetListsRequest request, Metadata metadata) {
    return CompletableFuture.failedFuture(new IllegalStateException("a bug"));
  }
}
