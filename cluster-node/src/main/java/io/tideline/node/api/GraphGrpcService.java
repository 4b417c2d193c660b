package io.tideline.node.api;

import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowManyResponse;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowResponse;
import io.tideline.protocols.v1.GraphServicePowerApi;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.ListFollowingResponse;
import io.tideline.protocols.v1.UnfollowRequest;
import io.tideline.protocols.v1.UnfollowResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.grpc.javadsl.Metadata;

/** Who follows whom, over gRPC. */
public final class GraphGrpcService implements GraphServicePowerApi {
  private static final int MOST_FOLLOWED_AT_ONCE = 5_000;

  private final Users users;
  private final Principals principals;
  private final TokenCodec tokens;

  public GraphGrpcService(Users users, Principals principals, TokenCodec tokens) {
    this.users = users;
    this.principals = principals;
    this.tokens = tokens;
  }

  @Override
  public CompletionStage<FollowResponse> follow(FollowRequest in, Metadata metadata) {
    return change(in.getUserId(), List.of(in.getFolloweeId()), "followee_id", true, metadata)
        .thenApply(done -> FollowResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<UnfollowResponse> unfollow(UnfollowRequest in, Metadata metadata) {
    return change(in.getUserId(), List.of(in.getFolloweeId()), "followee_id", false, metadata)
        .thenApply(done -> UnfollowResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<FollowManyResponse> followMany(FollowManyRequest in, Metadata metadata) {
    return change(in.getUserId(), in.getFolloweeIdsList(), "followee_ids", true, metadata)
        .thenApply(
            done ->
                FollowManyResponse.newBuilder()
                    .setAdded(done.changed())
                    .setConsistencyToken(done.token())
                    .build());
  }

  @Override
  public CompletionStage<ListFollowingResponse> listFollowing(
      ListFollowingRequest in, Metadata metadata) {
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    int limit = fields.pageSize("page_size", in.getPageSize(), 500, 5_000);
    fields.check();
    principals.requireUser(principals.authenticate(metadata), user);
    String scope = "following:" + user;
    UserId after =
        in.getPageToken().isEmpty()
            ? null
            : new UserId(tokens.decodePage(in.getPageToken(), scope));
    return users
        .ask(
            user,
            UserReply.Following.class,
            replyTo -> new UserEntity.ListFollowing(user, after, limit, replyTo))
        .thenApply(following -> page(following, scope));
  }

  private ListFollowingResponse page(UserReply.Following following, String scope) {
    ListFollowingResponse.Builder page = ListFollowingResponse.newBuilder();
    following.followees().forEach(followee -> page.addFolloweeIds(followee.value()));
    if (following.more()) {
      UserId last = following.followees().get(following.followees().size() - 1);
      page.setNextPageToken(tokens.encodePage(scope, last.value()));
    }
    return page.build();
  }

  private record Change(int changed, String token) {}

  private CompletionStage<Change> change(
      String userId, List<String> targetIds, String field, boolean active, Metadata metadata) {
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", userId);
    fields.size(field, targetIds.size(), 1, MOST_FOLLOWED_AT_ONCE);
    List<UserId> targets = new ArrayList<>(targetIds.size());
    for (int i = 0; i < targetIds.size(); i++) {
      String name = field.endsWith("s") ? field + "[" + i + "]" : field;
      UserId target = fields.userId(name, targetIds.get(i));
      if (target.equals(user)) fields.reject(name, "expected another user than user_id");
      targets.add(target);
    }
    fields.check();
    principals.requireUser(principals.authenticate(metadata), user);
    return users
        .write(user, replyTo -> new UserEntity.ChangeFollows(user, targets, active, replyTo))
        .thenApply(written -> new Change(written.changed(), users.tokenOf(user, written)));
  }
}
