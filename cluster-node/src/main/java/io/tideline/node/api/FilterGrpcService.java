package io.tideline.node.api;

import io.tideline.persistence.user.MuteRule;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.BlocksChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.MuteRuleChanged;
import io.tideline.protocols.log.v1.MuteRuleContent;
import io.tideline.protocols.log.v1.MutesChanged;
import io.tideline.protocols.v1.BlockRequest;
import io.tideline.protocols.v1.BlockResponse;
import io.tideline.protocols.v1.DeleteMuteRuleRequest;
import io.tideline.protocols.v1.DeleteMuteRuleResponse;
import io.tideline.protocols.v1.Durability;
import io.tideline.protocols.v1.FilterServicePowerApi;
import io.tideline.protocols.v1.GetFiltersRequest;
import io.tideline.protocols.v1.GetFiltersResponse;
import io.tideline.protocols.v1.MuteMode;
import io.tideline.protocols.v1.MuteRequest;
import io.tideline.protocols.v1.MuteResponse;
import io.tideline.protocols.v1.PutMuteRuleRequest;
import io.tideline.protocols.v1.PutMuteRuleResponse;
import io.tideline.protocols.v1.UnblockRequest;
import io.tideline.protocols.v1.UnblockResponse;
import io.tideline.protocols.v1.UnmuteRequest;
import io.tideline.protocols.v1.UnmuteResponse;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.grpc.javadsl.Metadata;

/** What users do not want to see, over gRPC. */
public final class FilterGrpcService implements FilterServicePowerApi {
  private final Decisions decisions;

  public FilterGrpcService(Users users, Principals principals, Replication replication) {
    this.decisions = new Decisions(users, principals, replication);
  }

  @Override
  public CompletionStage<MuteResponse> mute(MuteRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    FieldViolations fields = new FieldViolations();
    fields.endMillis("until_millis", in.getUntilMillis());
    return mute(
            fields,
            in.getUserId(),
            in.getTargetId(),
            true,
            in.getUntilMillis(),
            in.getDurability(),
            caller)
        .thenApply(done -> MuteResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<UnmuteResponse> unmute(UnmuteRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    return mute(
            new FieldViolations(),
            in.getUserId(),
            in.getTargetId(),
            false,
            0,
            in.getDurability(),
            caller)
        .thenApply(done -> UnmuteResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  private CompletionStage<Users.Decided> mute(
      FieldViolations fields,
      String userId,
      String target,
      boolean active,
      long until,
      Durability durability,
      Principal caller) {
    UserId user = fields.userId("user_id", userId);
    UserId other = fields.others("target_id", List.of(target), user).get(0);
    return decisions.decide(
        fields,
        user,
        IntentLine.newBuilder()
            .setMutesChanged(
                MutesChanged.newBuilder()
                    .addTargetIds(other.value())
                    .setActive(active)
                    .setUntilMillis(until)),
        durability,
        caller);
  }

  @Override
  public CompletionStage<BlockResponse> block(BlockRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    return block(in.getUserId(), in.getTargetId(), true, in.getDurability(), caller)
        .thenApply(done -> BlockResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<UnblockResponse> unblock(UnblockRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    return block(in.getUserId(), in.getTargetId(), false, in.getDurability(), caller)
        .thenApply(done -> UnblockResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  private CompletionStage<Users.Decided> block(
      String userId, String target, boolean active, Durability durability, Principal caller) {
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", userId);
    UserId other = fields.others("target_id", List.of(target), user).get(0);
    return decisions.decide(
        fields,
        user,
        IntentLine.newBuilder()
            .setBlocksChanged(
                BlocksChanged.newBuilder().addTargetIds(other.value()).setActive(active)),
        durability,
        caller);
  }

  @Override
  public CompletionStage<PutMuteRuleResponse> putMuteRule(
      PutMuteRuleRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    io.tideline.protocols.v1.MuteRule rule = in.getRule();
    fields.name("rule.rule_id", rule.getRuleId());
    fields.text("rule.name", rule.getName(), 0, 100);
    fields.endMillis("rule.until_millis", rule.getUntilMillis());
    String tag = "";
    switch (rule.getWhatCase()) {
      case WORDS -> {
        String words = fields.text("rule.words", rule.getWords(), 1, 200);
        if (!words.isEmpty() && !MuteRule.saysSomething(words)) {
          fields.reject("rule.words", "expected at least one word");
        }
      }
      case TAG -> tag = fields.tag("rule.tag", rule.getTag());
      default -> fields.reject("rule", "expected words or tag");
    }
    if (rule.getMode() == MuteMode.UNRECOGNIZED) {
      fields.reject("rule.mode", "expected HIDE or WARN");
    }
    return decisions
        .decide(
            fields,
            user,
            IntentLine.newBuilder()
                .setMuteRuleChanged(
                    MuteRuleChanged.newBuilder()
                        .setRuleId(rule.getRuleId())
                        .setContent(
                            MuteRuleContent.newBuilder()
                                .setName(rule.getName())
                                .setWords(rule.getWords())
                                .setTag(tag)
                                .setWarn(rule.getMode() == MuteMode.MUTE_MODE_WARN)
                                .setUntilMillis(rule.getUntilMillis()))),
            in.getDurability(),
            caller)
        .thenApply(
            done -> PutMuteRuleResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<DeleteMuteRuleResponse> deleteMuteRule(
      DeleteMuteRuleRequest in, Metadata metadata) {
    Principal caller = decisions.caller(metadata);
    FieldViolations fields = new FieldViolations();
    UserId user = fields.userId("user_id", in.getUserId());
    fields.name("rule_id", in.getRuleId());
    return decisions
        .decide(
            fields,
            user,
            IntentLine.newBuilder()
                .setMuteRuleChanged(MuteRuleChanged.newBuilder().setRuleId(in.getRuleId())),
            in.getDurability(),
            caller)
        .thenApply(
            done -> DeleteMuteRuleResponse.newBuilder().setConsistencyToken(done.token()).build());
  }

  @Override
  public CompletionStage<GetFiltersResponse> getFilters(GetFiltersRequest in, Metadata metadata) {
    return decisions.of(in.getUserId(), metadata).thenApply(FilterGrpcService::filters);
  }

  private static GetFiltersResponse filters(UserReply.Decided decided) {
    GetFiltersResponse.Builder answer = GetFiltersResponse.newBuilder();
    decided
        .mutes()
        .forEach(
            mute ->
                answer
                    .addMutesBuilder()
                    .setTargetId(mute.user().value())
                    .setUntilMillis(mute.untilMillis()));
    decided.blocked().forEach(blocked -> answer.addBlockedIds(blocked.value()));
    decided.rules().forEach(rule -> answer.addRules(rule(rule.id(), rule.rule())));
    return answer.build();
  }

  private static io.tideline.protocols.v1.MuteRule rule(String id, MuteRule rule) {
    io.tideline.protocols.v1.MuteRule.Builder proto =
        io.tideline.protocols.v1.MuteRule.newBuilder()
            .setRuleId(id)
            .setName(rule.name())
            .setMode(rule.warn() ? MuteMode.MUTE_MODE_WARN : MuteMode.MUTE_MODE_HIDE)
            .setUntilMillis(rule.untilMillis());
    return rule.tag().isEmpty()
        ? proto.setWords(rule.words()).build()
        : proto.setTag(rule.tag()).build();
  }
}
