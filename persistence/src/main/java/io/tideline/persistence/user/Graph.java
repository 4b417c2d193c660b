package io.tideline.persistence.user;

import io.tideline.persistence.timeline.Moment;
import io.tideline.persistence.timeline.SharedUsers;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.ListChanged;
import io.tideline.protocols.log.v1.ListMembersChanged;
import java.util.AbstractSet;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Whom and what one user follows and no longer follows. What ended stays, so that a late message
 * cannot bring it back; of that only the latest, so that nobody's state grows for ever.
 *
 * @param tags case-folded
 * @param members of each list
 * @param changedAt hybrid time at which this cell learned of the latest change
 */
public record Graph(
    Map<UserId, Register<Follow>> follows,
    Map<String, Register<Boolean>> tags,
    Map<String, Register<UserList>> lists,
    Map<String, Map<UserId, Register<Boolean>>> members,
    long changedAt) {
  /** How many ends are remembered, for each kind of register between two users. */
  static final int ENDED = 20_000;

  static final int ENDED_TAGS = 1_000;
  static final int ENDED_LISTS = Intents.LISTS;
  static final int ENDED_MEMBERS = 2 * Intents.LIST_MEMBERS;

  /** Whatever is known by now. */
  static final Moment NOW = new Moment(Long.MAX_VALUE);

  public static final Graph EMPTY = new Graph(Map.of(), Map.of(), Map.of(), Map.of(), 0);

  public Graph {
    follows = Map.copyOf(follows);
    tags = Map.copyOf(tags);
    lists = Map.copyOf(lists);
    members = Map.copyOf(members);
  }

  /** The graph once the line has been applied; the same when it is about something else. */
  Graph merge(IntentLine line, long seenAt) {
    return switch (line.getIntentCase()) {
      case FOLLOWS_CHANGED -> {
        FollowsChanged change = line.getFollowsChanged();
        Follow options =
            change.getActive()
                ? options(change.getWithoutReposts(), change.getLanguagesList())
                : null;
        yield new Graph(
            merged(
                follows, users(change.getTargetIdsList()), register(line, seenAt, options), ENDED),
            tags,
            lists,
            members,
            Math.max(changedAt, seenAt));
      }
      case TAGS_CHANGED ->
          new Graph(
              follows,
              merged(
                  tags,
                  line.getTagsChanged().getTagsList(),
                  register(line, seenAt, line.getTagsChanged().getActive() ? true : null),
                  ENDED_TAGS),
              lists,
              members,
              Math.max(changedAt, seenAt));
      case LIST_CHANGED -> {
        ListChanged change = line.getListChanged();
        UserList list =
            change.hasContent()
                ? new UserList(change.getContent().getName(), change.getContent().getExclusive())
                : null;
        Map<String, Register<UserList>> changed =
            merged(lists, List.of(change.getListId()), register(line, seenAt, list), ENDED_LISTS);
        Map<String, Map<UserId, Register<Boolean>>> left = new HashMap<>(members);
        lists.keySet().stream().filter(id -> !changed.containsKey(id)).forEach(left::remove);
        yield new Graph(follows, tags, changed, left, Math.max(changedAt, seenAt));
      }
      case LIST_MEMBERS_CHANGED -> {
        ListMembersChanged change = line.getListMembersChanged();
        Map<String, Map<UserId, Register<Boolean>>> changed = new HashMap<>(members);
        changed.put(
            change.getListId(),
            merged(
                members.getOrDefault(change.getListId(), Map.of()),
                users(change.getTargetIdsList()),
                register(line, seenAt, change.getActive() ? true : null),
                ENDED_MEMBERS));
        yield new Graph(follows, tags, lists, changed, Math.max(changedAt, seenAt));
      }
      default -> this;
    };
  }

  /** When the latest of what the line would change was decided; 0 = never. */
  long lastAt(IntentLine line) {
    return switch (line.getIntentCase()) {
      case FOLLOWS_CHANGED -> lastAt(follows, users(line.getFollowsChanged().getTargetIdsList()));
      case TAGS_CHANGED -> lastAt(tags, line.getTagsChanged().getTagsList());
      case LIST_CHANGED -> lastAtOfList(line.getListChanged().getListId());
      case LIST_MEMBERS_CHANGED -> lastAtOfList(line.getListMembersChanged().getListId());
      default -> 0;
    };
  }

  /** Of the list and of whoever was ever in it: both decide who is. */
  private long lastAtOfList(String list) {
    Map<UserId, Register<Boolean>> users = members.getOrDefault(list, Map.of());
    return Math.max(lastAt(lists, List.of(list)), lastAt(users, users.keySet()));
  }

  static <K, V> long lastAt(Map<K, Register<V>> all, Collection<K> keys) {
    long last = 0;
    for (K key : keys) {
      Register<V> known = all.get(key);
      if (known != null) last = Math.max(last, known.at());
    }
    return last;
  }

  /** The same, whenever the last change was. */
  Graph timeless() {
    return new Graph(follows, tags, lists, members, 0);
  }

  private static Follow options(boolean withoutReposts, List<String> languages) {
    return !withoutReposts && languages.isEmpty()
        ? Follow.EVERYTHING
        : new Follow(!withoutReposts, languages);
  }

  static List<UserId> users(Collection<String> ids) {
    return ids.stream().map(SharedUsers::of).toList();
  }

  static <V> Register<V> register(IntentLine line, long seenAt, @Nullable V value) {
    return Register.of(line.getAt(), line.getOriginCell(), seenAt, value);
  }

  static <K extends Comparable<? super K>, V> Map<K, Register<V>> merged(
      Map<K, Register<V>> all, Collection<K> keys, Register<V> change, int mostEnded) {
    return merged(all, keys, change, value -> value == null, mostEnded);
  }

  /**
   * The same map when the change says nothing new: a large one takes long to copy.
   *
   * @param over whether a value is no longer in force
   * @param mostEnded of those, the latest that are kept: what is left does not depend on the order
   *     in which changes come
   */
  static <K extends Comparable<? super K>, V> Map<K, Register<V>> merged(
      Map<K, Register<V>> all,
      Collection<K> keys,
      Register<V> change,
      Predicate<@Nullable V> over,
      int mostEnded) {
    Map<K, Register<V>> changed = new HashMap<>();
    for (K key : keys) {
      Register<V> known = all.get(key);
      Register<V> merged = known == null ? change : known.merge(change);
      if (!merged.equals(known)) changed.put(key, merged);
    }
    if (changed.isEmpty()) return all;
    Map<K, Register<V>> merged = new HashMap<>(all);
    merged.putAll(changed);
    if (merged.size() > mostEnded && forgetEnded(merged, over, mostEnded) && merged.equals(all)) {
      return all;
    }
    return Map.copyOf(merged);
  }

  private static <K extends Comparable<? super K>, V> boolean forgetEnded(
      Map<K, Register<V>> registers, Predicate<@Nullable V> over, int most) {
    List<Map.Entry<K, Register<V>>> ended = new ArrayList<>();
    for (Map.Entry<K, Register<V>> each : registers.entrySet()) {
      if (over.test(each.getValue().value())) ended.add(Map.entry(each.getKey(), each.getValue()));
    }
    if (ended.size() <= most) return false;
    ended.sort(
        Comparator.<Map.Entry<K, Register<V>>>comparingLong(each -> each.getValue().at())
            .thenComparingInt(each -> each.getValue().cell())
            .thenComparing(Map.Entry.comparingByKey()));
    ended.subList(0, ended.size() - most).forEach(each -> registers.remove(each.getKey()));
    return true;
  }

  public boolean follows(UserId target) {
    return follow(target, NOW) != null;
  }

  /** How the user followed another one at some moment; {@code null} = not at all. */
  @Nullable Follow follow(UserId target, Moment then) {
    Register<Follow> edge = follows.get(target);
    return edge == null ? null : edge.asOf(then);
  }

  boolean followsTag(String tag, Moment then) {
    Register<Boolean> edge = tags.get(tag);
    return edge != null && edge.asOf(then) != null;
  }

  @Nullable UserList list(String list, Moment then) {
    Register<UserList> register = lists.get(list);
    return register == null ? null : register.asOf(then);
  }

  /** Whether somebody was in a list that was there; members of a deleted list do not come back. */
  boolean isMember(String list, UserId user, Moment then) {
    Register<UserList> register = lists.get(list);
    if (register == null || register.asOf(then) == null) return false;
    Register<Boolean> edge = members.getOrDefault(list, Map.of()).get(user);
    Register<Boolean> member = edge == null ? null : edge.changeAsOf(then);
    if (member == null || member.value() == null) return false;
    Register<UserList> end = register.lastEndAsOf(then);
    return end == null || end.wins(member);
  }

  /** Those in a list now. */
  List<UserId> members(String list) {
    return members.getOrDefault(list, Map.of()).keySet().stream()
        .filter(user -> isMember(list, user, NOW))
        .sorted()
        .toList();
  }

  /** An exclusive list that somebody was in; {@code null} = in none. */
  @Nullable String exclusiveList(UserId user, Moment then) {
    if (lists.isEmpty()) return null;
    for (String id : lists.keySet()) {
      UserList list = list(id, then);
      if (list != null && list.exclusive() && isMember(id, user, then)) return id;
    }
    return null;
  }

  /** Those who are followed; a view that costs nothing. */
  public Set<UserId> followees() {
    return new Keys<>(follows);
  }

  /** The tags that are followed; a view. */
  public Set<String> followedTags() {
    return new Keys<>(tags);
  }

  /** The lists that there are; a view. */
  Set<String> listIds() {
    return new Keys<>(lists);
  }

  /** All that is remembered of what the user has decided. */
  Stream<Register<?>> registers() {
    return Stream.of(
            follows.values().stream(),
            tags.values().stream(),
            lists.values().stream(),
            members.values().stream().flatMap(users -> users.values().stream()))
        .flatMap(each -> each);
  }

  /** The keys that have a value now. */
  static final class Keys<K, V> extends AbstractSet<K> {
    private final Map<K, Register<V>> registers;

    Keys(Map<K, Register<V>> registers) {
      this.registers = registers;
    }

    @Override
    public boolean contains(@Nullable Object key) {
      Register<V> register = key == null ? null : registers.get(key);
      return register != null && register.value() != null;
    }

    @Override
    public Iterator<K> iterator() {
      return registers.entrySet().stream()
          .filter(entry -> entry.getValue().value() != null)
          .map(Map.Entry::getKey)
          .iterator();
    }

    @Override
    public int size() {
      int active = 0;
      for (Register<V> register : registers.values()) if (register.value() != null) active++;
      return active;
    }
  }
}
