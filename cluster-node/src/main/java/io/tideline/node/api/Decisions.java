package io.tideline.node.api;

import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.v1.Durability;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.grpc.javadsl.Metadata;

/** What users decide about their own feeds, once it is clear that they may. */
final class Decisions {
  private final Users users;
  private final Principals principals;
  private final Replication replication;

  Decisions(Users users, Principals principals, Replication replication) {
    this.users = users;
    this.principals = principals;
    this.replication = replication;
  }

  /** Who decides; to be asked before anything is looked at that the request says. */
  Principal caller(Metadata metadata) {
    return principals.authenticate(metadata);
  }

  /** Takes a decision of which all fields have been looked at. */
  CompletionStage<Users.Decided> decide(
      FieldViolations fields,
      UserId user,
      IntentLine.Builder intent,
      Durability durability,
      Principal caller) {
    fields.check();
    principals.requireUser(caller, user);
    replication.require(durability);
    return users
        .decide(user, intent.build())
        .thenCompose(decided -> replication.once(durability, user, false, decided));
  }

  /** All that the user has decided. */
  CompletionStage<UserReply.Decided> of(String userId, Metadata metadata) {
    Principal caller = principals.authenticate(metadata);
    UserId user = Fields.userId("user_id", userId);
    principals.requireUser(caller, user);
    return users.ask(
        user, UserReply.Decided.class, replyTo -> new UserEntity.GetDecided(user, replyTo));
  }
}
