package io.tideline.persistence.user;

import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.BlocksChanged;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ListChanged;
import io.tideline.protocols.log.v1.ListContent;
import io.tideline.protocols.log.v1.ListMembersChanged;
import io.tideline.protocols.log.v1.MuteRuleChanged;
import io.tideline.protocols.log.v1.MuteRuleContent;
import io.tideline.protocols.log.v1.MutesChanged;
import io.tideline.protocols.log.v1.ReadMarked;
import io.tideline.protocols.log.v1.TagsChanged;
import io.tideline.protocols.log.v1.UserErased;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What a user has decided, as lines of an intents log: each as of its own time and cell, so that
 * they change nothing where they are known. Whoever applies all of them to a new user has the same
 * one, but for what was in force earlier.
 */
final class StateLines {
  private static final int MOST_TARGETS = 200;

  private final UserId user;
  private final List<IntentLine> lines = new ArrayList<>();

  private StateLines(UserId user) {
    this.user = user;
  }

  /**
   * @param cell this one
   * @param erased whose own lines say no more whom they block
   */
  static List<IntentLine> of(UserId user, User state, int cell, Predicate<UserId> erased) {
    StateLines lines = new StateLines(user);
    User.Erasure erasure = state.erasure();
    if (erasure != null) {
      lines.add(line(erasure.at(), cell).setUserErased(UserErased.getDefaultInstance()));
      return lines.lines;
    }
    lines.addGraph(state.graph());
    lines.addFilters(state.filters(), erased);
    // Marks have no time that counts.
    state
        .readState()
        .marks()
        .forEach(
            (surface, mark) ->
                lines.add(
                    line(Math.max(1, state.lastAt()), cell)
                        .setReadMarked(
                            ReadMarked.newBuilder()
                                .setSurface(surface)
                                .setWatermark(mark.toProto()))));
    return lines.lines;
  }

  private void addGraph(Graph graph) {
    byChange(
        graph.follows(),
        (change, users) ->
            add(change.line().setFollowsChanged(follows(change.value(), ids(users)))));
    byChange(
        graph.tags(),
        (change, tags) ->
            add(
                change
                    .line()
                    .setTagsChanged(
                        TagsChanged.newBuilder().addAllTags(tags).setActive(change.active()))));
    graph
        .lists()
        .forEach(
            (id, list) -> {
              // Who was in a list before it ended must not come back with it.
              list.earlier().stream()
                  .filter(before -> before.value() == null)
                  .findFirst()
                  .ifPresent(end -> add(list(id, end)));
              add(list(id, list));
            });
    graph
        .members()
        .forEach(
            (list, members) ->
                byChange(
                    members,
                    (change, users) ->
                        add(
                            change
                                .line()
                                .setListMembersChanged(
                                    ListMembersChanged.newBuilder()
                                        .setListId(list)
                                        .addAllTargetIds(ids(users))
                                        .setActive(change.active())))));
  }

  private static FollowsChanged.Builder follows(@Nullable Follow follow, List<String> targets) {
    FollowsChanged.Builder line =
        FollowsChanged.newBuilder().addAllTargetIds(targets).setActive(follow != null);
    if (follow != null) {
      line.addAllLanguages(follow.languages());
      if (!follow.reposts()) line.setWithoutReposts(true);
    }
    return line;
  }

  private static IntentLine.Builder list(String id, Register<UserList> register) {
    ListChanged.Builder list = ListChanged.newBuilder().setListId(id);
    UserList is = register.value();
    if (is != null) {
      list.setContent(ListContent.newBuilder().setName(is.name()).setExclusive(is.exclusive()));
    }
    return line(register.at(), register.cell()).setListChanged(list);
  }

  private void addFilters(Filters filters, Predicate<UserId> erased) {
    byChange(
        filters.mutes(),
        (change, users) -> {
          Long until = change.value();
          add(
              change
                  .line()
                  .setMutesChanged(
                      MutesChanged.newBuilder()
                          .addAllTargetIds(ids(users))
                          .setActive(until != null)
                          .setUntilMillis(until == null ? 0 : until)));
        });
    byChange(
        filters.blocks(),
        (change, users) ->
            add(change.line().setBlocksChanged(blocks(ids(users), change.active()))));
    filters
        .blockedBy()
        .forEach(
            (blocker, block) -> {
              if (!erased.test(blocker)) return;
              lines.add(
                  line(block.at(), block.cell())
                      .setUserId(blocker.value())
                      .setBlocksChanged(blocks(List.of(user.value()), block.value() != null))
                      .build());
            });
    filters
        .rules()
        .forEach(
            (id, register) -> {
              MuteRuleChanged.Builder rule = MuteRuleChanged.newBuilder().setRuleId(id);
              MuteRule is = register.value();
              if (is != null) rule.setContent(content(is));
              add(line(register.at(), register.cell()).setMuteRuleChanged(rule));
            });
  }

  private static MuteRuleContent content(MuteRule rule) {
    return MuteRuleContent.newBuilder()
        .setName(rule.name())
        .setWords(rule.words())
        .setTag(rule.tag())
        .setWarn(rule.warn())
        .setUntilMillis(rule.untilMillis())
        .build();
  }

  private static BlocksChanged.Builder blocks(List<String> targets, boolean active) {
    return BlocksChanged.newBuilder().addAllTargetIds(targets).setActive(active);
  }

  /** What was changed at one time in one cell to one value. */
  private record Change<V>(long at, int cell, @Nullable V value) {
    boolean active() {
      return value != null;
    }

    IntentLine.Builder line() {
      return StateLines.line(at, cell);
    }
  }

  private static <K, V> void byChange(
      Map<K, Register<V>> registers, BiConsumer<Change<V>, List<K>> each) {
    Map<Change<V>, List<K>> changes = new LinkedHashMap<>();
    registers.forEach(
        (key, register) ->
            changes
                .computeIfAbsent(
                    new Change<>(register.at(), register.cell(), register.value()),
                    change -> new ArrayList<>())
                .add(key));
    changes.forEach(
        (change, keys) -> {
          for (int from = 0; from < keys.size(); from += MOST_TARGETS) {
            each.accept(change, keys.subList(from, Math.min(keys.size(), from + MOST_TARGETS)));
          }
        });
  }

  private static List<String> ids(List<UserId> users) {
    return users.stream().map(UserId::value).toList();
  }

  private static IntentLine.Builder line(long at, int cell) {
    return IntentLine.newBuilder().setAt(at).setOriginCell(cell);
  }

  private void add(IntentLine.Builder line) {
    lines.add(line.setUserId(user.value()).build());
  }
}
