package io.tideline.node.api;

import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.grpc.javadsl.Metadata;

/** What users decide about their own feeds, once it is clear that they may. */
final class Decisions {
  private final Users users;
  private final Principals principals;

  Decisions(Users users, Principals principals) {
    this.users = users;
    this.principals = principals;
  }

  /** Takes a decision of which all fields have been looked at. */
  CompletionStage<Users.Decided> decide(
      FieldViolations fields, UserId user, IntentLine.Builder intent, Metadata metadata) {
    fields.check();
    principals.requireUser(principals.authenticate(metadata), user);
    return users.decide(user, intent.build());
  }

  /** All that the user has decided. */
  CompletionStage<UserReply.Decided> of(String userId, Metadata metadata) {
    UserId user = Fields.userId("user_id", userId);
    principals.requireUser(principals.authenticate(metadata), user);
    return users.ask(
        user, UserReply.Decided.class, replyTo -> new UserEntity.GetDecided(user, replyTo));
  }
}
