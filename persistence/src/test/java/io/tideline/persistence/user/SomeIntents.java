package io.tideline.persistence.user;

import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.BlockedBy;
import io.tideline.protocols.log.v1.BlocksChanged;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ListChanged;
import io.tideline.protocols.log.v1.ListContent;
import io.tideline.protocols.log.v1.ListMembersChanged;
import io.tideline.protocols.log.v1.MuteRuleChanged;
import io.tideline.protocols.log.v1.MuteRuleContent;
import io.tideline.protocols.log.v1.MutesChanged;
import io.tideline.protocols.log.v1.TagsChanged;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** What one user decides, at random, about few enough things that it changes its mind often. */
final class SomeIntents {
  static final UserId READER = new UserId("ann");
  static final List<UserId> OTHERS =
      List.of(new UserId("bea"), new UserId("cy"), new UserId("dan"));
  static final List<String> TAGS = List.of("moon", "tide");
  static final List<String> LISTS = List.of("close", "work");
  static final List<String> LANGUAGES = List.of("de", "en", "en-us");
  static final List<String> PHRASES = List.of("storm", "high tide", "tide");
  private static final List<String> RULES = List.of("r1", "r2");

  private final Random random;
  private final long lastMillis;

  /**
   * @param lastMillis mutes and rules end before it, if ever
   */
  SomeIntents(Random random, long lastMillis) {
    this.random = random;
    this.lastMillis = lastMillis;
  }

  IntentLine next(long at) {
    IntentLine.Builder line = IntentLine.newBuilder().setAt(at).setOriginCell(random.nextInt(3));
    boolean active = random.nextInt(3) > 0;
    switch (random.nextInt(12)) {
      case 0, 1, 2, 3 -> line.setFollowsChanged(follows(active));
      case 4 ->
          line.setTagsChanged(TagsChanged.newBuilder().addAllTags(some(TAGS)).setActive(active));
      case 5 ->
          line.setMutesChanged(
              MutesChanged.newBuilder()
                  .addAllTargetIds(someUsers())
                  .setActive(active)
                  .setUntilMillis(until()));
      case 6 ->
          line.setBlocksChanged(
              BlocksChanged.newBuilder().addAllTargetIds(someUsers()).setActive(active));
      case 7 ->
          line.setBlockedBy(
              BlockedBy.newBuilder().setBlockerId(one(OTHERS).value()).setActive(active));
      case 8 -> line.setMuteRuleChanged(rule(active));
      case 9 -> line.setListChanged(list(active));
      default ->
          line.setListMembersChanged(
              ListMembersChanged.newBuilder()
                  .setListId(one(LISTS))
                  .addAllTargetIds(someUsers())
                  .setActive(active));
    }
    return line.build();
  }

  private FollowsChanged.Builder follows(boolean active) {
    FollowsChanged.Builder follows =
        FollowsChanged.newBuilder().addAllTargetIds(someUsers()).setActive(active);
    if (!active) return follows;
    if (random.nextInt(3) == 0) follows.setWithoutReposts(random.nextBoolean());
    if (random.nextInt(3) == 0) follows.addAllLanguages(some(LANGUAGES));
    return follows;
  }

  private MuteRuleChanged.Builder rule(boolean active) {
    MuteRuleChanged.Builder rule = MuteRuleChanged.newBuilder().setRuleId(one(RULES));
    if (!active) return rule;
    MuteRuleContent.Builder content =
        MuteRuleContent.newBuilder()
            .setName("rule " + random.nextInt(9))
            .setWarn(random.nextInt(3) == 0)
            .setUntilMillis(until());
    if (random.nextBoolean()) content.setWords(one(PHRASES));
    else content.setTag(one(TAGS));
    return rule.setContent(content);
  }

  private ListChanged.Builder list(boolean active) {
    ListChanged.Builder list = ListChanged.newBuilder().setListId(one(LISTS));
    if (!active) return list;
    return list.setContent(
        ListContent.newBuilder()
            .setName("list " + random.nextInt(9))
            .setExclusive(random.nextInt(3) > 0));
  }

  private long until() {
    return random.nextBoolean() ? 0 : 1 + random.nextInt((int) lastMillis);
  }

  private List<String> someUsers() {
    return some(OTHERS).stream().map(UserId::value).toList();
  }

  <T> T one(List<T> all) {
    return all.get(random.nextInt(all.size()));
  }

  /** At least one of them, each at most once. */
  private <T> List<T> some(List<T> all) {
    List<T> some = new ArrayList<>(all);
    some.removeIf(each -> random.nextBoolean());
    return some.isEmpty() ? List.of(one(all)) : some;
  }
}
