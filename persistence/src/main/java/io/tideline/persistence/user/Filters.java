package io.tideline.persistence.user;

import io.tideline.persistence.timeline.Moment;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.BlockedBy;
import io.tideline.protocols.log.v1.BlocksChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.MuteRuleChanged;
import io.tideline.protocols.log.v1.MutesChanged;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What one user does not want to see, and who does not want to be seen.
 *
 * @param mutes when each ends, in milliseconds; 0 = never
 * @param changedAt hybrid time at which this cell learned of the latest change
 */
public record Filters(
    Map<UserId, Register<Long>> mutes,
    Map<UserId, Register<Boolean>> blocks,
    Map<UserId, Register<Boolean>> blockedBy,
    Map<String, Register<MuteRule>> rules,
    long changedAt) {
  static final int ENDED_RULES = 500;

  public static final Filters EMPTY = new Filters(Map.of(), Map.of(), Map.of(), Map.of(), 0);

  public Filters {
    mutes = Map.copyOf(mutes);
    blocks = Map.copyOf(blocks);
    blockedBy = Map.copyOf(blockedBy);
    rules = Map.copyOf(rules);
  }

  /** The filters once the line has been applied; the same when it is about something else. */
  Filters merge(IntentLine line, long seenAt) {
    long changed = Math.max(changedAt, seenAt);
    long nowMillis = HybridClock.millisOf(line.getAt());
    return switch (line.getIntentCase()) {
      case MUTES_CHANGED -> {
        MutesChanged change = line.getMutesChanged();
        Long until = change.getActive() ? change.getUntilMillis() : null;
        yield new Filters(
            Graph.merged(
                mutes,
                Graph.users(change.getTargetIdsList()),
                Graph.register(line, seenAt, until),
                end -> !lasts(end, nowMillis),
                Graph.ENDED),
            blocks,
            blockedBy,
            rules,
            changed);
      }
      case BLOCKS_CHANGED -> {
        BlocksChanged change = line.getBlocksChanged();
        yield new Filters(
            mutes,
            Graph.merged(
                blocks,
                Graph.users(change.getTargetIdsList()),
                Graph.register(line, seenAt, change.getActive() ? true : null),
                Graph.ENDED),
            blockedBy,
            rules,
            changed);
      }
      case BLOCKED_BY -> {
        BlockedBy change = line.getBlockedBy();
        yield new Filters(
            mutes,
            blocks,
            Graph.merged(
                blockedBy,
                List.of(new UserId(change.getBlockerId())),
                Graph.register(line, seenAt, change.getActive() ? true : null),
                Graph.ENDED),
            rules,
            changed);
      }
      case MUTE_RULE_CHANGED -> {
        MuteRuleChanged change = line.getMuteRuleChanged();
        MuteRule rule = change.hasContent() ? MuteRule.of(change.getContent()) : null;
        yield new Filters(
            mutes,
            blocks,
            blockedBy,
            Graph.merged(
                rules,
                List.of(change.getRuleId()),
                Graph.register(line, seenAt, rule),
                each -> each == null || !each.inForce(nowMillis),
                ENDED_RULES),
            changed);
      }
      default -> this;
    };
  }

  /** When the latest of what the line would change was decided; 0 = never. */
  long lastAt(IntentLine line) {
    return switch (line.getIntentCase()) {
      case MUTES_CHANGED ->
          Graph.lastAt(mutes, Graph.users(line.getMutesChanged().getTargetIdsList()));
      case BLOCKS_CHANGED ->
          Graph.lastAt(blocks, Graph.users(line.getBlocksChanged().getTargetIdsList()));
      case MUTE_RULE_CHANGED -> Graph.lastAt(rules, List.of(line.getMuteRuleChanged().getRuleId()));
      default -> 0;
    };
  }

  /** The same, whenever the last change was. */
  Filters timeless() {
    return new Filters(mutes, blocks, blockedBy, rules, 0);
  }

  boolean hideNobody() {
    return mutes.isEmpty() && blocks.isEmpty() && blockedBy.isEmpty();
  }

  boolean muted(UserId user, Moment then) {
    Register<Long> mute = mutes.get(user);
    return mute != null && lasts(mute.asOf(then), HybridClock.millisOf(then.at()));
  }

  /** As far as is known now, whatever the clocks of those say who have decided it. */
  boolean muted(UserId user, long nowMillis) {
    Register<Long> mute = mutes.get(user);
    return mute != null && lasts(mute.value(), nowMillis);
  }

  /** Whether a mute is in force; {@code null} = there is none. */
  static boolean lasts(@Nullable Long untilMillis, long nowMillis) {
    return untilMillis != null && (untilMillis == 0 || nowMillis < untilMillis);
  }

  boolean blocked(UserId user, Moment then) {
    return isSet(blocks.get(user), then);
  }

  boolean blockedBy(UserId user, Moment then) {
    return isSet(blockedBy.get(user), then);
  }

  private static boolean isSet(@Nullable Register<Boolean> register, Moment then) {
    return register != null && register.asOf(then) != null;
  }

  /** Who is muted now or was until a time that has passed. */
  Set<UserId> mutedUsers() {
    return new Graph.Keys<>(mutes);
  }

  Set<UserId> blockedUsers() {
    return new Graph.Keys<>(blocks);
  }

  Set<String> ruleIds() {
    return new Graph.Keys<>(rules);
  }

  /**
   * Hybrid time of the latest end, before this time, of a mute or rule that is set now; 0 = none.
   */
  long lastExpiry(long nowMillis) {
    long last = ends().filter(end -> end <= nowMillis).max().orElse(0);
    return last == 0 ? 0 : HybridClock.ofMillis(last);
  }

  /** The next end of a mute or rule, in milliseconds. */
  long nextExpiry(long nowMillis) {
    return ends().filter(end -> end > nowMillis).min().orElse(Long.MAX_VALUE);
  }

  /** All that is remembered of what was decided. */
  Stream<Register<?>> registers() {
    return Stream.of(mutes, blocks, blockedBy, rules)
        .flatMap(registers -> registers.values().stream());
  }

  private LongStream ends() {
    return Stream.concat(
            mutes.values().stream().map(Register::value),
            rules.values().stream()
                .map(Register::value)
                .map(rule -> rule == null ? null : rule.untilMillis()))
        .mapToLong(until -> until == null ? 0 : until)
        .filter(until -> until > 0);
  }
}
