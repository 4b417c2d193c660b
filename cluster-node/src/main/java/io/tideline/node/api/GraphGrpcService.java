package io.tideline.node.api;

import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ListChanged;
import io.tideline.protocols.log.v1.ListContent;
import io.tideline.protocols.log.v1.ListMembersChanged;
import io.tideline.protocols.log.v1.TagsChanged;
import io.tideline.protocols.v1.AddToListRequest;
import io.tideline.protocols.v1.AddToListResponse;
import io.tideline.protocols.v1.DeleteListRequest;
import io.tideline.protocols.v1.DeleteListResponse;
import io.tideline.protocols.v1.Durability;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowManyResponse;
import io.tideline.protocols.v1.FollowOptions;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowResponse;
import io.tideline.protocols.v1.FollowTagRequest;
import io.tideline.protocols.v1.FollowTagResponse;
import io.tideline.protocols.v1.GetListsRequest;
import io.tideline.protocols.v1.GetListsResponse;
import io.tideline.protocols.v1.GraphServicePowerApi;
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
import io.tideline.protocols.v1.UserList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.grpc.javadsl.Metadata;

/** Whom and what users follow, and their lists, over gRPC. */
public final class GraphGrpcService implements GraphServicePowerApi {
  private static final int MOST_FOLLOWED_AT_ONCE = 5_000;
  private static final int MOST_LISTED_AT_ONCE = 500;

  private final Users users;
  private final Principals principals;
  private final Decisions decisions;
  private final TokenCodec tokens;

  public GraphGrpcService(
      Users users, Principals principals, Replication replication, TokenCodec tokens) {
    this.users = users;
    this.principals = principals;
    this.decisions = new Decisions(users, principals, replication);
    this.tokens = tokens;
  }

  @Override
  public CompletionStage<FollowResponse> follow(FollowRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    FieldViolations fields = new FieldViolations();
    FollowsChanged.Builder change = FollowsChanged.newBuilder().setActive(true);
    if (in.hasOptions()) {
      FollowOptions options = in.getOptions();
      int languages = fields.size("options.languages", options.getLanguagesCount(), 0, 16);
      for (int i = 0; i < languages; i++) {
        fields.language("options.languages[" + i + "]", options.getLanguages(i));
      }
      change
          .setWithoutReposts(options.hasReposts() && !options.getReposts())
          .addAllLanguages(options.getLanguagesList());
    }
    return follows(
            fields,
            in.getUserId(),
            List.of(in.getFolloweeId()),
            "followee_id",
            change,
            in.getDurability(),
            caller)
        .thenApply(done -> FollowResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<UnfollowResponse> unfollow(UnfollowRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    return follows(
            new FieldViolations(),
            in.getUserId(),
            List.of(in.getFolloweeId()),
            "followee_id",
            FollowsChanged.newBuilder(),
            in.getDurability(),
            caller)
        .thenApply(done -> UnfollowResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<FollowManyResponse> followMany(FollowManyRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    return follows(
            new FieldViolations(),
            in.getUserId(),
            in.getFolloweeIdsList(),
            "followee_ids",
            FollowsChanged.newBuilder().setActive(true),
            in.getDurability(),
            caller)
        .thenApply(
            done ->
                FollowManyResponse.newBuilder()
                    .setAdded(done.changed())
                    .setConsistencyToken(done.token())
                    .build());
  }

  private CompletionStage<Users.Decided> follows(
      FieldViolations fields,
      String userId,
      List<String> targetIds,
      String field,
      FollowsChanged.Builder change,
      Durability durability,
      Principal caller) {
    int targets = fields.size(field, targetIds.size(), 1, MOST_FOLLOWED_AT_ONCE);
    UserId user = fields.userId("user_id", userId);
    fields
        .others(field, targetIds.subList(0, targets), user)
        .forEach(target -> change.addTargetIds(target.value()));
    return decisions.decide(
        fields, user, IntentLine.newBuilder().setFollowsChanged(change), durability, caller);
  }

  @Override
  public CompletionStage<FollowTagResponse> followTag(FollowTagRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    return tag(in.getUserId(), in.getTag(), true, in.getDurability(), caller)
        .thenApply(
            done -> FollowTagResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<UnfollowTagResponse> unfollowTag(
      UnfollowTagRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    return tag(in.getUserId(), in.getTag(), false, in.getDurability(), caller)
        .thenApply(
            done -> UnfollowTagResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  private CompletionStage<Users.Decided> tag(
      String userId, String tag, boolean active, Durability durability, Principal caller) {
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", userId);
    String folded = fields.tag("tag", tag);
    return decisions.decide(
        fields,
        user,
        IntentLine.newBuilder()
            .setTagsChanged(TagsChanged.newBuilder().addTags(folded).setActive(active)),
        durability,
        caller);
  }

  @Override
  public CompletionStage<ListFollowedTagsResponse> listFollowedTags(
      ListFollowedTagsRequest in, Metadata metadata) {
    return decisions
        .of(in.getUserId(), metadata)
        .thenApply(
            decided -> ListFollowedTagsResponse.newBuilder().addAllTags(decided.tags()).build());
  }

  @Override
  public CompletionStage<PutListResponse> putList(PutListRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    UserList list = in.getList();
    fields.name("list.list_id", list.getListId());
    fields.text("list.name", list.getName(), 0, 100);
    return decisions
        .decide(
            fields,
            user,
            IntentLine.newBuilder()
                .setListChanged(
                    ListChanged.newBuilder()
                        .setListId(list.getListId())
                        .setContent(
                            ListContent.newBuilder()
                                .setName(list.getName())
                                .setExclusive(list.getExclusive()))),
            in.getDurability(),
            caller)
        .thenApply(done -> PutListResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<DeleteListResponse> deleteList(DeleteListRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    fields.name("list_id", in.getListId());
    return decisions
        .decide(
            fields,
            user,
            IntentLine.newBuilder()
                .setListChanged(ListChanged.newBuilder().setListId(in.getListId())),
            in.getDurability(),
            caller)
        .thenApply(
            done -> DeleteListResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<AddToListResponse> addToList(AddToListRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    return members(
            in.getUserId(), in.getListId(), in.getMemberIdsList(), true, in.getDurability(), caller)
        .thenApply(
            done -> AddToListResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<RemoveFromListResponse> removeFromList(
      RemoveFromListRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    return members(
            in.getUserId(),
            in.getListId(),
            in.getMemberIdsList(),
            false,
            in.getDurability(),
            caller)
        .thenApply(
            done -> RemoveFromListResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  private CompletionStage<Users.Decided> members(
      String userId,
      String list,
      List<String> memberIds,
      boolean active,
      Durability durability,
      Principal caller) {
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", userId);
    fields.name("list_id", list);
    int members = fields.size("member_ids", memberIds.size(), 1, MOST_LISTED_AT_ONCE);
    ListMembersChanged.Builder change =
        ListMembersChanged.newBuilder().setListId(list).setActive(active);
    fields
        .others("member_ids", memberIds.subList(0, members), user)
        .forEach(member -> change.addTargetIds(member.value()));
    return decisions.decide(
        fields, user, IntentLine.newBuilder().setListMembersChanged(change), durability, caller);
  }

  @Override
  public CompletionStage<GetListsResponse> getLists(GetListsRequest in, Metadata metadata) {
    return decisions.of(in.getUserId(), metadata).thenApply(GraphGrpcService::lists);
  }

  private static GetListsResponse lists(UserReply.Decided decided) {
    GetListsResponse.Builder answer = GetListsResponse.newBuilder();
    for (UserReply.Decided.ListOf list : decided.lists()) {
      GetListsResponse.Entry.Builder entry = answer.addListsBuilder();
      entry
          .getListBuilder()
          .setListId(list.id())
          .setName(list.list().name())
          .setExclusive(list.list().exclusive());
      list.members().forEach(member -> entry.addMemberIds(member.value()));
    }
    return answer.build();
  }

  @Override
  public CompletionStage<ListFollowingResponse> listFollowing(
      ListFollowingRequest in, Metadata metadata) {
    Principal caller = principals.authenticate(metadata);
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    int limit = fields.pageSize("page_size", in.getPageSize(), 500, 5_000);
    fields.check();
    principals.requireUser(caller, user);
    String scope = "following:" + user;
    UserId after =
        in.getPageToken().isEmpty()
            ? null
            : new UserId(StatusMapping.pageEnd(tokens, in.getPageToken(), scope));
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
}
