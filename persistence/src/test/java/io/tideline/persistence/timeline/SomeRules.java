package io.tideline.persistence.timeline;

import io.tideline.protocols.KnownRules;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.Post;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/** Rules of one moment that have no past. */
record SomeRules(Sources sources, Predicate<PostRef> wanted) implements Eligibility {
  static final SomeRules EVERYTHING = of(ref -> true);

  /** Of the posts of all authors those that are wanted. */
  static SomeRules of(Predicate<PostRef> wanted) {
    return new SomeRules(sources(SomeLines.ANN, SomeLines.BEA), wanted);
  }

  static Sources sources(UserId... authors) {
    return new Sources(Set.of(authors), Set.of());
  }

  @Override
  public long at() {
    return 1;
  }

  @Override
  public Moment now() {
    return new Moment(1);
  }

  @Override
  public KnownRules known() {
    return new KnownRules(cell(), Map.of(), 1);
  }

  @Override
  public int cell() {
    return 1;
  }

  @Override
  public boolean recalls(KnownRules known, Moment then) {
    return true;
  }

  @Override
  public boolean areThoseOf(Moment elsewhere) {
    return true;
  }

  @Override
  public Verdict judge(PostRef post, List<String> met, Moment then) {
    if (!sources.contain(post) || !wanted.test(post)) return Verdict.NOT_FOLLOWED;
    return post.version % 2 == 0 ? Verdict.FOLLOW : Verdict.MENTION;
  }

  @Override
  public boolean readsTexts() {
    return false;
  }

  @Override
  public boolean readsTextsAs(Eligibility other) {
    return true;
  }

  @Override
  public List<String> met(Post post) {
    return List.of();
  }

  @Override
  public List<String> warnings(List<String> met) {
    return List.of();
  }

  @Override
  public long expiresAtMillis() {
    return Long.MAX_VALUE;
  }
}
