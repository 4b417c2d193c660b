package io.tideline.persistence.user;

import io.tideline.persistence.timeline.Moment;
import io.tideline.persistence.user.UserReply.Refusal;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.BlocksChanged;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ListChanged;
import io.tideline.protocols.log.v1.ListMembersChanged;
import io.tideline.protocols.log.v1.MuteRuleChanged;
import io.tideline.protocols.log.v1.MutesChanged;
import io.tideline.protocols.log.v1.TagsChanged;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Whether a user may have what it asks for, and what of it is new. */
final class Intents {
  static final int TAGS = 100;
  static final int MUTES = 10_000;
  static final int BLOCKS = 10_000;
  static final int MUTE_RULES = 200;
  static final int LISTS = 50;
  static final int LIST_MEMBERS = 500;

  /**
   * What is to be done.
   *
   * @param line what is new of what was asked for; {@code null} when nothing is
   * @param changed how much is new
   * @param refusal why nothing is to be done
   */
  record Decision(
      @Nullable IntentLine line, int changed, @Nullable Refusal refusal, String detail) {
    static final Decision NOTHING_NEW = new Decision(null, 0, null, "");

    static Decision refuse(Refusal why, String detail) {
      return new Decision(null, 0, why, detail);
    }

    static Decision change(IntentLine.Builder line, int changed) {
      return changed == 0 ? NOTHING_NEW : new Decision(line.build(), changed, null, "");
    }
  }

  private static final Moment NOW = Graph.NOW;

  private final UserId user;
  private final Graph graph;
  private final Filters filters;
  private final int maxFollows;
  private final long nowMillis;

  Intents(UserId user, User state, int maxFollows, long nowMillis) {
    this.user = user;
    this.graph = state.graph();
    this.filters = state.filters();
    this.maxFollows = maxFollows;
    this.nowMillis = nowMillis;
  }

  Decision decide(IntentLine asked) {
    return switch (asked.getIntentCase()) {
      case FOLLOWS_CHANGED -> follows(asked.getFollowsChanged());
      case TAGS_CHANGED -> tags(asked.getTagsChanged());
      case MUTES_CHANGED -> mutes(asked.getMutesChanged());
      case BLOCKS_CHANGED -> blocks(asked.getBlocksChanged());
      case MUTE_RULE_CHANGED -> muteRule(asked.getMuteRuleChanged());
      case LIST_CHANGED -> list(asked.getListChanged());
      case LIST_MEMBERS_CHANGED -> members(asked.getListMembersChanged());
      default ->
          throw new IllegalArgumentException("a user cannot ask for " + asked.getIntentCase());
    };
  }

  private Decision follows(FollowsChanged asked) {
    List<String> changed =
        changed(asked.getTargetIdsList(), id -> isNew(asked, graph.follow(new UserId(id), NOW)));
    long added = changed.stream().filter(id -> !graph.follows(new UserId(id))).count();
    int follows = graph.followees().size();
    if (asked.getActive() && added > 0 && follows + added > maxFollows) {
      return Decision.refuse(
          Refusal.LIMIT_REACHED,
          "%s follows %d, and %d more would exceed the limit of %d"
              .formatted(user, follows, added, maxFollows));
    }
    return Decision.change(
        line().setFollowsChanged(asked.toBuilder().clearTargetIds().addAllTargetIds(changed)),
        changed.size());
  }

  /** Who is followed already keeps its options unless others are asked for. */
  private static boolean isNew(FollowsChanged asked, @Nullable Follow before) {
    if (!asked.getActive()) return before != null;
    if (before == null) return true;
    return asked.hasWithoutReposts()
        && !before.equals(new Follow(!asked.getWithoutReposts(), asked.getLanguagesList()));
  }

  private Decision tags(TagsChanged asked) {
    Set<String> followed = graph.followedTags();
    List<String> changed =
        changed(asked.getTagsList(), tag -> followed.contains(tag) != asked.getActive());
    if (asked.getActive() && followed.size() + changed.size() > TAGS) {
      return full("tags", TAGS);
    }
    return Decision.change(
        line().setTagsChanged(asked.toBuilder().clearTags().addAllTags(changed)), changed.size());
  }

  private Decision mutes(MutesChanged asked) {
    Long wanted = asked.getActive() ? asked.getUntilMillis() : null;
    List<String> changed =
        changed(
            asked.getTargetIdsList(),
            id -> {
              Register<Long> mute = filters.mutes().get(new UserId(id));
              return !Objects.equals(mute == null ? null : mute.value(), wanted);
            });
    long added = changed.stream().filter(id -> !filters.muted(new UserId(id), nowMillis)).count();
    if (asked.getActive() && added > 0 && mutes() + added > MUTES) return full("mutes", MUTES);
    return Decision.change(
        line().setMutesChanged(asked.toBuilder().clearTargetIds().addAllTargetIds(changed)),
        changed.size());
  }

  private long mutes() {
    return filters.mutedUsers().stream().filter(user -> filters.muted(user, nowMillis)).count();
  }

  private Decision blocks(BlocksChanged asked) {
    Set<UserId> blocked = filters.blockedUsers();
    List<String> changed =
        changed(
            asked.getTargetIdsList(), id -> blocked.contains(new UserId(id)) != asked.getActive());
    if (asked.getActive() && blocked.size() + changed.size() > BLOCKS) {
      return full("blocks", BLOCKS);
    }
    return Decision.change(
        line().setBlocksChanged(asked.toBuilder().clearTargetIds().addAllTargetIds(changed)),
        changed.size());
  }

  private Decision muteRule(MuteRuleChanged asked) {
    Register<MuteRule> known = filters.rules().get(asked.getRuleId());
    MuteRule before = known == null ? null : known.value();
    MuteRule wanted = asked.hasContent() ? MuteRule.of(asked.getContent()) : null;
    if (Objects.equals(before, wanted)) return Decision.NOTHING_NEW;
    if (wanted != null && !inForce(before) && rules() >= MUTE_RULES) {
      return full("rules", MUTE_RULES);
    }
    return Decision.change(line().setMuteRuleChanged(asked), 1);
  }

  private long rules() {
    return filters.rules().values().stream().map(Register::value).filter(this::inForce).count();
  }

  private boolean inForce(@Nullable MuteRule rule) {
    return rule != null && rule.inForce(nowMillis);
  }

  private Decision list(ListChanged asked) {
    UserList before = graph.list(asked.getListId(), NOW);
    UserList wanted =
        asked.hasContent()
            ? new UserList(asked.getContent().getName(), asked.getContent().getExclusive())
            : null;
    if (Objects.equals(before, wanted)) return Decision.NOTHING_NEW;
    if (before == null && graph.listIds().size() >= LISTS) return full("lists", LISTS);
    return Decision.change(line().setListChanged(asked), 1);
  }

  private Decision members(ListMembersChanged asked) {
    String list = asked.getListId();
    if (graph.list(list, NOW) == null) {
      return Decision.refuse(Refusal.UNKNOWN_LIST, user + " has no list " + list);
    }
    List<String> changed =
        changed(
            asked.getTargetIdsList(),
            id -> graph.isMember(list, new UserId(id), NOW) != asked.getActive());
    if (asked.getActive()) {
      for (String id : changed) {
        if (!graph.follows(new UserId(id))) {
          return Decision.refuse(Refusal.NOT_FOLLOWED, user + " does not follow " + id);
        }
      }
      if (graph.members(list).size() + changed.size() > LIST_MEMBERS) {
        return full("members of a list", LIST_MEMBERS);
      }
    }
    return Decision.change(
        line().setListMembersChanged(asked.toBuilder().clearTargetIds().addAllTargetIds(changed)),
        changed.size());
  }

  private static List<String> changed(List<String> targets, Predicate<String> isNew) {
    return targets.stream().distinct().filter(isNew).toList();
  }

  private Decision full(String what, int limit) {
    return Decision.refuse(
        Refusal.LIMIT_REACHED, "%s would exceed the limit of %d %s".formatted(user, limit, what));
  }

  private static IntentLine.Builder line() {
    return IntentLine.newBuilder();
  }
}
