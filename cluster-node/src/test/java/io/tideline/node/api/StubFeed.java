package io.tideline.node.api;

import io.tideline.protocols.v1.DescribeTimelineRequest;
import io.tideline.protocols.v1.DescribeTimelineResponse;
import io.tideline.protocols.v1.ExplainEntryRequest;
import io.tideline.protocols.v1.ExplainEntryResponse;
import io.tideline.protocols.v1.FeedService;
import io.tideline.protocols.v1.FeedServicePowerApi;
import io.tideline.protocols.v1.FeedServicePowerApiHandlerFactory;
import io.tideline.protocols.v1.GetReadStateRequest;
import io.tideline.protocols.v1.GetReadStateResponse;
import io.tideline.protocols.v1.MarkReadRequest;
import io.tideline.protocols.v1.MarkReadResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.WatchFeedRequest;
import io.tideline.protocols.v1.WatchFeedResponse;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.NotUsed;
import org.apache.pekko.grpc.javadsl.Metadata;
import org.apache.pekko.stream.javadsl.Source;

/** A service in which nobody has anything to read, unless a test says otherwise. */
final class StubFeed implements FeedServicePowerApi {
  volatile CompletionStage<ReadFeedResponse> page =
      CompletableFuture.completedFuture(ReadFeedResponse.getDefaultInstance());

  volatile Source<WatchFeedResponse, NotUsed> changes = Source.empty();

  GrpcMount<FeedServicePowerApi> mount() {
    return GrpcMount.of(
        FeedService.description,
        FeedServicePowerApi.class,
        this,
        FeedServicePowerApiHandlerFactory::create);
  }

  @Override
  public CompletionStage<ReadFeedResponse> readFeed(ReadFeedRequest request, Metadata metadata) {
    return page;
  }

  @Override
  public Source<WatchFeedResponse, NotUsed> watchFeed(WatchFeedRequest request, Metadata metadata) {
    return changes;
  }

  @Override
  public CompletionStage<MarkReadResponse> markRead(MarkReadRequest request, Metadata metadata) {
    return CompletableFuture.completedFuture(MarkReadResponse.getDefaultInstance());
  }

  @Override
  public CompletionStage<GetReadStateResponse> getReadState(
      GetReadStateRequest request, Metadata metadata) {
    return CompletableFuture.completedFuture(GetReadStateResponse.getDefaultInstance());
  }

  @Override
  public CompletionStage<ExplainEntryResponse> explainEntry(
      ExplainEntryRequest request, Metadata metadata) {
    return CompletableFuture.completedFuture(ExplainEntryResponse.getDefaultInstance());
  }

  @Override
  public CompletionStage<DescribeTimelineResponse> describeTimeline(
      DescribeTimelineRequest request, Metadata metadata) {
    return CompletableFuture.completedFuture(DescribeTimelineResponse.getDefaultInstance());
  }
}
