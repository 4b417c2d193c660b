package io.tideline.node.api;

import io.tideline.persistence.posts.CardCache;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.timeline.Arrivals;
import io.tideline.persistence.timeline.History;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.ClusterService;
import io.tideline.protocols.v1.ClusterServicePowerApi;
import io.tideline.protocols.v1.ClusterServicePowerApiHandlerFactory;
import io.tideline.protocols.v1.FeedService;
import io.tideline.protocols.v1.FeedServicePowerApi;
import io.tideline.protocols.v1.FeedServicePowerApiHandlerFactory;
import io.tideline.protocols.v1.FilterService;
import io.tideline.protocols.v1.FilterServicePowerApi;
import io.tideline.protocols.v1.FilterServicePowerApiHandlerFactory;
import io.tideline.protocols.v1.GraphService;
import io.tideline.protocols.v1.GraphServicePowerApi;
import io.tideline.protocols.v1.GraphServicePowerApiHandlerFactory;
import io.tideline.protocols.v1.PostService;
import io.tideline.protocols.v1.PostServicePowerApi;
import io.tideline.protocols.v1.PostServicePowerApiHandlerFactory;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.UserService;
import io.tideline.protocols.v1.UserServicePowerApi;
import io.tideline.protocols.v1.UserServicePowerApiHandlerFactory;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.function.ToLongBiFunction;
import org.apache.pekko.stream.SharedKillSwitch;

/**
 * The services of a node, ready to be mounted.
 *
 * @param lastSequence the number of an author's last line in a cell that this node has read
 * @param appliedToTheEnd whether this node has applied what the posts log of a cell holds by now
 * @param awaits whether nothing of another cell's log has come here yet
 * @param consistencyWait how long a read waits for what its token asks for
 * @param replication waits for other cells
 * @param heartbeat how often a quiet watch says that it lives
 * @param logRetention how long the logs keep a line
 * @param reaches how far what other cells have written can be seen
 * @param leaving shut down when this node begins to leave
 */
public record FeedServices(
    Users users,
    Principals principals,
    TokenCodec tokens,
    PostStore store,
    CardCache cards,
    History history,
    ResidentTimelines residents,
    Forwarding forwarding,
    ClusterServicePowerApi cluster,
    BooleanSupplier fenceOpen,
    ToLongBiFunction<UserId, Integer> lastSequence,
    Arrivals arrivals,
    IntFunction<CompletionStage<BooleanSupplier>> appliedToTheEnd,
    Predicate<LogPartition> awaits,
    Duration consistencyWait,
    Replication replication,
    Duration heartbeat,
    Duration logRetention,
    CellReaches reaches,
    SharedKillSwitch leaving) {

  public List<GrpcMount<?>> mounts() {
    Consistency consistency =
        new Consistency(tokens, lastSequence, arrivals, appliedToTheEnd, store, consistencyWait);
    FeedGrpcService feed =
        new FeedGrpcService(
            users,
            principals,
            tokens,
            residents,
            store,
            new FeedPages(tokens, cards, history, reaches),
            consistency,
            replication,
            forwarding,
            fenceOpen,
            awaits,
            new FeedWatch(tokens, cards, history, heartbeat),
            consistencyWait,
            leaving);
    PostGrpcService posts =
        new PostGrpcService(
            users,
            principals,
            tokens,
            store,
            cards,
            consistency,
            replication,
            InstantSource.system());
    GraphGrpcService graph = new GraphGrpcService(users, principals, replication, tokens);
    FilterGrpcService filters = new FilterGrpcService(users, principals, replication);
    return List.of(
        GrpcMount.of(
                FeedService.description,
                FeedServicePowerApi.class,
                feed,
                FeedServicePowerApiHandlerFactory::create)
            .encoding("ReadFeed", (in, caller) -> feed.readPage((ReadFeedRequest) in, caller)),
        GrpcMount.of(
            PostService.description,
            PostServicePowerApi.class,
            posts,
            PostServicePowerApiHandlerFactory::create),
        GrpcMount.of(
            GraphService.description,
            GraphServicePowerApi.class,
            graph,
            GraphServicePowerApiHandlerFactory::create),
        GrpcMount.of(
            FilterService.description,
            FilterServicePowerApi.class,
            filters,
            FilterServicePowerApiHandlerFactory::create),
        GrpcMount.of(
            UserService.description,
            UserServicePowerApi.class,
            new UserGrpcService(users, principals, replication, logRetention),
            UserServicePowerApiHandlerFactory::create),
        GrpcMount.of(
            ClusterService.description,
            ClusterServicePowerApi.class,
            cluster,
            ClusterServicePowerApiHandlerFactory::create));
  }
}
