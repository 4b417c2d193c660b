package io.tideline.persistence.user;

import io.tideline.persistence.timeline.Eligibility;
import io.tideline.persistence.timeline.Facts;
import io.tideline.persistence.timeline.Moment;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.Sources;
import io.tideline.persistence.timeline.Tags;
import io.tideline.persistence.timeline.Verdict;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.KnownRules;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.Post;
import java.time.Duration;
import java.util.AbstractSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What belongs into one feed of one user: graph and filters, asked about a post. */
public final class Rules implements Eligibility {
  private static final String LIST = "list:";
  // Cursors ask what was in force before; reading texts for those that are older costs too much.
  private static final long ENDED_RULES_COUNT_MILLIS = Duration.ofDays(30).toMillis();

  private final UserId reader;
  private final @Nullable String list;
  private final Graph graph;
  private final Filters filters;
  private final Moment now;
  private final long lastExpiry;
  private final long expiresAtMillis;
  private final long oldestEndMillis;
  private final int cell;
  private final Sources sources;
  // Made when first asked for; which thread makes it does not matter.
  private volatile @Nullable KnownRules known;
  private volatile @Nullable List<Version> versions;

  /** A rule in one of its versions. */
  private record Version(String name, BiPredicate<Words, List<String>> matcher) {}

  /**
   * The rules of the present.
   *
   * @param surface as {@link #surfaceOf} makes it
   * @param cell where all of it is known
   */
  public Rules(
      UserId reader, String surface, Graph graph, Filters filters, long nowMillis, int cell) {
    this.reader = reader;
    this.list = surface.equals(ResidentTimelines.HOME) ? null : surface.substring(LIST.length());
    this.graph = graph;
    this.filters = filters;
    this.cell = cell;
    this.lastExpiry = filters.lastExpiry(nowMillis);
    this.now = new Moment(Math.max(Math.max(graph.changedAt(), filters.changedAt()), lastExpiry));
    this.expiresAtMillis = filters.nextExpiry(nowMillis);
    this.oldestEndMillis = nowMillis - ENDED_RULES_COUNT_MILLIS;
    this.sources =
        list == null
            ? new Sources(new AndOneself(graph.followees(), reader), graph.followedTags())
            : new Sources(Set.copyOf(followedMembers(list)), Set.of());
  }

  /** Names the feed of a list; empty = the home feed. */
  public static String surfaceOf(String list) {
    return list.isEmpty() ? ResidentTimelines.HOME : LIST + list;
  }

  /** Whether there is such a feed. */
  static boolean exists(String surface, Graph graph) {
    return surface.equals(ResidentTimelines.HOME)
        || graph.list(surface.substring(LIST.length()), Graph.NOW) != null;
  }

  private List<UserId> followedMembers(String id) {
    return graph.members(id).stream().filter(graph::follows).toList();
  }

  @Override
  public long at() {
    return now.at();
  }

  @Override
  public Moment now() {
    return now;
  }

  @Override
  public int cell() {
    return cell;
  }

  @Override
  public KnownRules known() {
    KnownRules made = known;
    if (made != null) return made;
    Map<Integer, Long> latest = new HashMap<>();
    registers().forEach(register -> register.noteLatest(latest));
    made = new KnownRules(cell, latest, digest(now));
    known = made;
    return made;
  }

  @Override
  public boolean recalls(KnownRules rules, Moment then) {
    return rules.certain() && digest(then) == rules.digest();
  }

  @Override
  public boolean areThoseOf(Moment elsewhere) {
    KnownRules there = elsewhere.known();
    return there != null
        && there.latest().equals(known().latest())
        && there.digest() == known().digest()
        && lastExpiry <= elsewhere.at();
  }

  private Stream<Register<?>> registers() {
    return Stream.concat(graph.registers(), filters.registers());
  }

  /**
   * Tells apart what was in force at different moments: of everything the latest change known then,
   * and of lists also the one before, because the end of a list counts on.
   */
  private int digest(Moment then) {
    long sum =
        Stream.concat(
                registers().map(register -> register.changeAsOf(then)),
                graph.lists().values().stream().map(list -> list.lastEndAsOf(then)))
            .mapToLong(change -> change == null ? 0 : change.fingerprint())
            .sum();
    int digest = (int) (sum >>> 32);
    return digest == 0 ? 1 : digest;
  }

  @Override
  public Sources sources() {
    return sources;
  }

  @Override
  public long expiresAtMillis() {
    return expiresAtMillis;
  }

  @Override
  public Verdict judge(PostRef post, List<String> met, Moment then) {
    UserId author = post.author;
    if (author.equals(reader)) return list == null ? Verdict.OWN : Verdict.NOT_FOLLOWED;
    Facts facts = post.facts;
    if (!filters.hideNobody()) {
      if (isAbout(post, user -> filters.blocked(user, then))) return Verdict.BLOCKED;
      if (isAbout(post, user -> filters.blockedBy(user, then))) return Verdict.BLOCKED_BY;
      if (isAbout(post, user -> filters.muted(user, then))) return Verdict.MUTED;
    }
    Follow follow = graph.follow(author, then);
    Verdict path = path(post, follow, then);
    if (!path.present()) return path;
    if (follow != null) {
      if (facts.original() != null && !follow.reposts()) return Verdict.REPOSTS_OFF;
      if (!follow.wants(facts.language())) return Verdict.LANGUAGE;
    }
    if (facts.reply()) {
      UserId parent = facts.parentAuthor();
      if (parent == null) return Verdict.REPLY_TO_UNKNOWN;
      boolean concerns =
          parent.equals(reader)
              || author.equals(facts.rootAuthor())
              || graph.follow(parent, then) != null;
      if (!concerns) return Verdict.REPLY;
    }
    return !met.isEmpty() && hidingRule(met, then) != null ? Verdict.MUTE_RULE : path;
  }

  /** How a post comes into the feed, all filters aside. */
  private Verdict path(PostRef post, @Nullable Follow follow, Moment then) {
    if (list != null) {
      return follow != null && graph.isMember(list, post.author, then)
          ? byFollowee(post)
          : Verdict.NOT_FOLLOWED;
    }
    boolean exclusive = follow != null && graph.exclusiveList(post.author, then) != null;
    if (follow != null && (!exclusive || post.facts.mentions().contains(reader))) {
      return byFollowee(post);
    }
    if (followedTag(post, then) != null) return Verdict.TAG;
    return exclusive ? Verdict.EXCLUSIVE_LIST : Verdict.NOT_FOLLOWED;
  }

  private Verdict byFollowee(PostRef post) {
    if (post.facts.mentions().contains(reader)) return Verdict.MENTION;
    return post.facts.original() != null ? Verdict.REPOST : Verdict.FOLLOW;
  }

  private @Nullable String followedTag(PostRef post, Moment then) {
    for (String tag : post.facts.tags()) {
      if (graph.followsTag(tag, then)) return tag;
    }
    return null;
  }

  private static boolean isAbout(PostRef post, Predicate<UserId> hidden) {
    return firstOf(post, hidden) != null;
  }

  /** Of author, author of what is passed on, and who is mentioned: the first who is hidden. */
  private static @Nullable UserId firstOf(PostRef post, Predicate<UserId> hidden) {
    if (hidden.test(post.author)) return post.author;
    UserId original = post.facts.originalAuthor();
    if (original != null && hidden.test(original)) return original;
    for (UserId mentioned : post.facts.mentions()) {
      if (hidden.test(mentioned)) return mentioned;
    }
    return null;
  }

  // --- what posts say ---

  @Override
  public boolean readsTexts() {
    return !filters.rules().isEmpty() && !versions().isEmpty();
  }

  @Override
  public boolean readsTextsAs(Eligibility other) {
    return other instanceof Rules that && filters.rules().equals(that.filters.rules());
  }

  @Override
  public List<String> met(Post post) {
    Words words = Words.of(post);
    List<String> tags = post.getTagsList().stream().map(Tags::folded).toList();
    List<String> met = new ArrayList<>(0);
    for (Version version : versions()) {
      if (version.matcher.test(words, tags)) met.add(version.name);
    }
    return met;
  }

  // Also those that ended of late.
  private List<Version> versions() {
    List<Version> made = versions;
    if (made != null) return made;
    List<Version> counting = new ArrayList<>();
    filters.rules().forEach((id, register) -> addVersions(id, register, counting));
    versions = counting;
    return counting;
  }

  private void addVersions(String id, Register<MuteRule> register, List<Version> counting) {
    long endMillis = Long.MAX_VALUE;
    for (Register<MuteRule> version : register.changes()) {
      MuteRule rule = version.value();
      if (rule != null && rule.inForce(oldestEndMillis) && endMillis > oldestEndMillis) {
        counting.add(new Version(name(id, version), rule.matcher()));
      }
      endMillis = HybridClock.millisOf(version.at());
    }
  }

  private static String name(String rule, Register<MuteRule> version) {
    return rule + "@" + version.at() + "/" + version.cell();
  }

  private @Nullable String hidingRule(List<String> met, Moment then) {
    for (Map.Entry<String, Register<MuteRule>> entry : filters.rules().entrySet()) {
      MuteRule rule = inForce(entry.getKey(), entry.getValue(), met, then);
      if (rule != null && !rule.warn()) return entry.getKey();
    }
    return null;
  }

  private static @Nullable MuteRule inForce(
      String id, Register<MuteRule> versions, List<String> met, Moment then) {
    Register<MuteRule> version = versions.changeAsOf(then);
    if (version == null || !met.contains(name(id, version))) return null;
    MuteRule rule = version.value();
    return rule != null && rule.inForce(HybridClock.millisOf(then.at())) ? rule : null;
  }

  @Override
  public List<String> warnings(List<String> met) {
    List<String> names = new ArrayList<>(0);
    if (met.isEmpty()) return names;
    filters
        .rules()
        .forEach(
            (id, versions) -> {
              MuteRule rule = inForce(id, versions, met, now);
              if (rule != null && rule.warn()) names.add(rule.shownName());
            });
    return names;
  }

  // --- why ---

  /**
   * What a verdict of the present is about.
   *
   * @param user the followee, or who is blocked, muted, answered, ...
   * @param rule the id of a rule, or of an exclusive list
   */
  public record Explanation(
      Verdict verdict, @Nullable UserId user, @Nullable String tag, @Nullable String rule) {}

  public Explanation explain(PostRef post, List<String> met) {
    Verdict verdict = judge(post, met, now);
    return switch (verdict) {
      case OWN -> new Explanation(verdict, reader, null, null);
      case BLOCKED ->
          new Explanation(verdict, firstOf(post, user -> filters.blocked(user, now)), null, null);
      case BLOCKED_BY ->
          new Explanation(verdict, firstOf(post, user -> filters.blockedBy(user, now)), null, null);
      case MUTED ->
          new Explanation(verdict, firstOf(post, user -> filters.muted(user, now)), null, null);
      case TAG -> new Explanation(verdict, post.author, followedTag(post, now), null);
      case EXCLUSIVE_LIST ->
          new Explanation(verdict, post.author, null, graph.exclusiveList(post.author, now));
      case REPLY -> new Explanation(verdict, post.facts.parentAuthor(), null, null);
      case MUTE_RULE -> new Explanation(verdict, post.author, null, hidingRule(met, now));
      default -> new Explanation(verdict, post.author, null, null);
    };
  }

  private static final class AndOneself extends AbstractSet<UserId> {
    private final Set<UserId> others;
    private final UserId oneself;

    AndOneself(Set<UserId> others, UserId oneself) {
      this.others = others;
      this.oneself = oneself;
    }

    @Override
    public boolean contains(@Nullable Object user) {
      return oneself.equals(user) || others.contains(user);
    }

    @Override
    public Iterator<UserId> iterator() {
      return Stream.concat(Stream.of(oneself), others.stream().filter(u -> !u.equals(oneself)))
          .iterator();
    }

    @Override
    public int size() {
      return others.contains(oneself) ? others.size() : others.size() + 1;
    }
  }
}
