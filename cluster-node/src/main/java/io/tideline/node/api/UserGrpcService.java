package io.tideline.node.api;

import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.EraseUserRequest;
import io.tideline.protocols.v1.EraseUserResponse;
import io.tideline.protocols.v1.ErasedData;
import io.tideline.protocols.v1.ErasedItem;
import io.tideline.protocols.v1.UserServicePowerApi;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.grpc.javadsl.Metadata;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What concerns users as a whole, over gRPC. */
public final class UserGrpcService implements UserServicePowerApi {
  private static final Logger log = LoggerFactory.getLogger(UserGrpcService.class);

  private final Users users;
  private final Principals principals;
  private final Replication replication;
  private final Duration logRetention;

  /**
   * @param logRetention how long the logs keep a line
   */
  public UserGrpcService(
      Users users, Principals principals, Replication replication, Duration logRetention) {
    this.users = users;
    this.principals = principals;
    this.replication = replication;
    this.logRetention = logRetention;
  }

  @Override
  public CompletionStage<EraseUserResponse> eraseUser(EraseUserRequest in, Metadata metadata) {
    Principal caller = principals.authenticate(metadata);
    UserId user = Fields.userId("user_id", in.getUserId());
    principals.requireUserOrAdmin(caller, user);
    replication.require(in.getDurability());
    log.info("\"{}\" asks to erase the user {}", caller.subject(), user);
    return users
        .askOnce(user, UserReply.Receipt.class, replyTo -> new UserEntity.Erase(user, replyTo))
        .thenCompose(of -> replication.once(in.getDurability(), user, false, receipt(user, of)));
  }

  private EraseUserResponse receipt(UserId user, UserReply.Receipt of) {
    long erasedAt = HybridClock.millisOf(of.at());
    long doneAt = of.doneAtMillis();
    return EraseUserResponse.newBuilder()
        .setErasedAtMillis(erasedAt)
        .addItems(done(ErasedData.ERASED_DATA_POSTS, doneAt).setCount(of.posts()))
        .addItems(done(ErasedData.ERASED_DATA_DECISIONS, doneAt))
        .addItems(done(ErasedData.ERASED_DATA_TIMELINES, doneAt))
        .addItems(done(ErasedData.ERASED_DATA_JOURNAL_EVENTS, doneAt).setCount(of.events()))
        .addItems(done(ErasedData.ERASED_DATA_SNAPSHOTS, doneAt))
        .addItems(done(ErasedData.ERASED_DATA_OUTBOX_ROWS, doneAt))
        .addItems(
            ErasedItem.newBuilder()
                .setWhat(ErasedData.ERASED_DATA_LOG_LINES)
                .setGoesAtMillis(erasedAt + logRetention.toMillis()))
        .setConsistencyToken(users.tokenOf(user, of.postSequence(), of.at()))
        .build();
  }

  private static ErasedItem.Builder done(ErasedData what, long at) {
    return ErasedItem.newBuilder().setWhat(what).setDoneAtMillis(at);
  }
}
