package io.tideline.persistence.user;

import io.tideline.persistence.timeline.Facts;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.Verdict;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.MuteRuleContent;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The rules of a feed, slow and plain: every line is kept, and all are read for every question. */
final class RulesModel {
  private record Seen(IntentLine line, long at) {}

  private final UserId reader;
  private final List<Seen> lines = new ArrayList<>();
  private final Map<String, Integer> changes = new HashMap<>();

  RulesModel(UserId reader) {
    this.reader = reader;
  }

  void add(IntentLine line, long seenAt) {
    lines.add(new Seen(line, seenAt));
    targets(line).forEach(target -> changes.merge(target, 1, Integer::sum));
  }

  /** True when the line would make somebody forget how something was before. */
  boolean exceeds(IntentLine line, int remembered) {
    return targets(line).stream().anyMatch(t -> changes.getOrDefault(t, 0) >= remembered);
  }

  private static List<String> targets(IntentLine line) {
    String kind = line.getIntentCase() + " ";
    List<String> names =
        switch (line.getIntentCase()) {
          case FOLLOWS_CHANGED -> line.getFollowsChanged().getTargetIdsList();
          case TAGS_CHANGED -> line.getTagsChanged().getTagsList();
          case MUTES_CHANGED -> line.getMutesChanged().getTargetIdsList();
          case BLOCKS_CHANGED -> line.getBlocksChanged().getTargetIdsList();
          case BLOCKED_BY -> List.of(line.getBlockedBy().getBlockerId());
          case MUTE_RULE_CHANGED -> List.of(line.getMuteRuleChanged().getRuleId());
          case LIST_CHANGED -> List.of(line.getListChanged().getListId());
          case LIST_MEMBERS_CHANGED ->
              line.getListMembersChanged().getTargetIdsList().stream()
                  .map(member -> line.getListMembersChanged().getListId() + " " + member)
                  .toList();
          default -> List.of();
        };
    return names.stream().map(name -> kind + name).toList();
  }

  /**
   * Whether and why a post is in the feed.
   *
   * @param list {@code null} = in the home feed
   * @param text words, one space between two of them
   */
  Verdict judge(PostRef post, String text, @Nullable String list, long time) {
    Facts facts = post.facts;
    UserId author = post.author;
    if (author.equals(reader)) return list == null ? Verdict.OWN : Verdict.NOT_FOLLOWED;

    Set<UserId> concerned = new HashSet<>(facts.mentions());
    concerned.add(author);
    if (facts.originalAuthor() != null) concerned.add(facts.originalAuthor());
    if (concerned.stream().anyMatch(user -> blocks(user, time))) return Verdict.BLOCKED;
    if (concerned.stream().anyMatch(user -> isBlockedBy(user, time))) return Verdict.BLOCKED_BY;
    if (concerned.stream().anyMatch(user -> mutes(user, time))) return Verdict.MUTED;

    FollowsChanged follow = follow(author, time);
    boolean mentioned = facts.mentions().contains(reader);
    boolean byFollowee;
    boolean exclusive = false;
    if (list != null) {
      byFollowee = follow != null && isMember(list, author, time);
    } else {
      exclusive =
          SomeIntents.LISTS.stream()
              .anyMatch(each -> isExclusive(each, time) && isMember(each, author, time));
      byFollowee = follow != null && (!exclusive || mentioned);
    }
    boolean byTag = list == null && facts.tags().stream().anyMatch(tag -> followsTag(tag, time));
    if (!byFollowee && !byTag) {
      return follow != null && exclusive ? Verdict.EXCLUSIVE_LIST : Verdict.NOT_FOLLOWED;
    }
    if (follow != null && facts.original() != null && follow.getWithoutReposts()) {
      return Verdict.REPOSTS_OFF;
    }
    if (follow != null && !wants(follow.getLanguagesList(), facts.language())) {
      return Verdict.LANGUAGE;
    }
    if (facts.reply()) {
      UserId parent = facts.parentAuthor();
      if (parent == null) return Verdict.REPLY_TO_UNKNOWN;
      boolean ownThread = author.equals(facts.rootAuthor());
      if (!parent.equals(reader) && !ownThread && follow(parent, time) == null) {
        return Verdict.REPLY;
      }
    }
    boolean said =
        rules(time).stream().anyMatch(rule -> !rule.getWarn() && says(rule, text, facts.tags()));
    if (said) return Verdict.MUTE_RULE;
    if (!byFollowee) return Verdict.TAG;
    if (mentioned) return Verdict.MENTION;
    return facts.original() != null ? Verdict.REPOST : Verdict.FOLLOW;
  }

  List<String> warnings(String text, List<String> tags, long time) {
    return rules(time).stream()
        .filter(rule -> rule.getWarn() && says(rule, text, tags))
        .map(MuteRuleContent::getName)
        .toList();
  }

  boolean hasList(String list, long time) {
    IntentLine line = list(list, time);
    return line != null && line.getListChanged().hasContent();
  }

  private static boolean says(MuteRuleContent rule, String text, List<String> tags) {
    if (!rule.getTag().isEmpty()) return tags.contains(rule.getTag());
    return (" " + text + " ").contains(" " + rule.getWords() + " ");
  }

  private static boolean wants(List<String> languages, String language) {
    if (languages.isEmpty() || language.isEmpty()) return true;
    return languages.stream()
        .anyMatch(wanted -> (language + "-").toLowerCase(Locale.ROOT).startsWith(wanted + "-"));
  }

  private @Nullable FollowsChanged follow(UserId user, long time) {
    IntentLine line =
        latest(time, l -> l.getFollowsChanged().getTargetIdsList().contains(user.value()));
    return line != null && line.getFollowsChanged().getActive() ? line.getFollowsChanged() : null;
  }

  private boolean followsTag(String tag, long time) {
    IntentLine line = latest(time, l -> l.getTagsChanged().getTagsList().contains(tag));
    return line != null && line.getTagsChanged().getActive();
  }

  private boolean blocks(UserId user, long time) {
    IntentLine line =
        latest(time, l -> l.getBlocksChanged().getTargetIdsList().contains(user.value()));
    return line != null && line.getBlocksChanged().getActive();
  }

  private boolean isBlockedBy(UserId user, long time) {
    IntentLine line =
        latest(time, l -> l.hasBlockedBy() && l.getBlockedBy().getBlockerId().equals(user.value()));
    return line != null && line.getBlockedBy().getActive();
  }

  private boolean mutes(UserId user, long time) {
    IntentLine line =
        latest(time, l -> l.getMutesChanged().getTargetIdsList().contains(user.value()));
    return line != null
        && line.getMutesChanged().getActive()
        && !over(line.getMutesChanged().getUntilMillis(), time);
  }

  private List<MuteRuleContent> rules(long time) {
    return lines.stream()
        .map(Seen::line)
        .filter(IntentLine::hasMuteRuleChanged)
        .map(line -> line.getMuteRuleChanged().getRuleId())
        .distinct()
        .map(id -> latest(time, l -> l.getMuteRuleChanged().getRuleId().equals(id)))
        .flatMap(line -> line == null ? Stream.empty() : Stream.of(line.getMuteRuleChanged()))
        .filter(rule -> rule.hasContent() && !over(rule.getContent().getUntilMillis(), time))
        .map(rule -> rule.getContent())
        .toList();
  }

  private static boolean over(long untilMillis, long time) {
    return untilMillis > 0 && untilMillis <= HybridClock.millisOf(time);
  }

  private @Nullable IntentLine list(String list, long time) {
    return latest(time, l -> l.getListChanged().getListId().equals(list));
  }

  private boolean isExclusive(String list, long time) {
    IntentLine line = list(list, time);
    return line != null && line.getListChanged().getContent().getExclusive();
  }

  /** Who was put into it after the list was last deleted. */
  private boolean isMember(String list, UserId user, long time) {
    if (!hasList(list, time)) return false;
    IntentLine member =
        latest(
            time,
            l ->
                l.getListMembersChanged().getListId().equals(list)
                    && l.getListMembersChanged().getTargetIdsList().contains(user.value()));
    if (member == null || !member.getListMembersChanged().getActive()) return false;
    IntentLine deleted =
        latest(
            time,
            l -> l.getListChanged().getListId().equals(list) && !l.getListChanged().hasContent());
    return deleted == null || deleted.getAt() < member.getAt();
  }

  private @Nullable IntentLine latest(long time, Predicate<IntentLine> about) {
    return lines.stream()
        .filter(seen -> seen.at <= time)
        .map(Seen::line)
        .filter(about)
        .max(
            Comparator.comparingLong(IntentLine::getAt)
                .thenComparing((Function<IntentLine, Integer>) IntentLine::getOriginCell))
        .orElse(null);
  }
}
