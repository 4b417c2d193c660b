package io.tideline.persistence.posts;

import static io.tideline.persistence.posts.Lines.PARTITION;
import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.Sources;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.BeforeContainer;

/** The newest posts of many authors and tags are those that sorting everything would give. */
class NewestSearchIT {
  private static final int AUTHORS = 60;
  private static final int MOMENTS = 3_000;
  private static final long SEED = 20_261_120;

  /** Of so many posts, one has the tag. */
  private static final Map<String, Integer> TAGS = Map.of("tide", 5, "sea", 20, "moon", 200);

  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final PostStore STORE = new PostStore(KEYSPACE.session(), KEYSPACE.name());
  private static final Map<PostId, Known> POSTS = new HashMap<>();
  private static final List<UserId> ALL_AUTHORS =
      IntStream.range(0, AUTHORS).mapToObj(a -> new UserId("author-" + a)).toList();

  /**
   * What became of a post.
   *
   * @param hadTags all the tags that it ever had
   */
  private record Known(
      PostId id, UserId author, Set<String> tags, Set<String> hadTags, boolean deleted) {

    boolean hasComeFrom(Sources sources) {
      return comesFrom(sources, hadTags);
    }

    boolean isIn(Sources sources) {
      return !deleted && comesFrom(sources, tags);
    }

    private boolean comesFrom(Sources sources, Set<String> having) {
      return sources.authors().contains(author)
          || having.stream().anyMatch(tag -> sources.tags().contains(tag));
    }
  }

  /** A few authors write a lot, most write little, some nothing, and one has deleted everything. */
  @BeforeContainer
  static void authors_of_all_kinds_have_written() {
    Random random = new Random(SEED);
    for (int a = 0; a < AUTHORS; a++) {
      int posts = a % 10 == 0 ? 200 + random.nextInt(300) : random.nextInt(40);
      boolean deletesAll = a == 1 || a == 10;
      List<CompletionStage<Void>> writes = new ArrayList<>();
      for (int n = 0; n < posts; n++) {
        PostId id = Lines.id(ALL_AUTHORS.get(a), random.nextInt(MOMENTS));
        if (!POSTS.containsKey(id)) {
          writes.addAll(write(id, ALL_AUTHORS.get(a), deletesAll, random));
        }
      }
      writes.forEach(TestKeyspace::await);
    }
  }

  private static List<CompletionStage<Void>> write(
      PostId id, UserId author, boolean delete, Random random) {
    List<CompletionStage<Void>> writes = new ArrayList<>();
    Set<String> tags = someTags(random);
    Set<String> hadTags = new HashSet<>(tags);
    writes.add(STORE.write(Lines.published(id, author, "text", array(tags)), PARTITION, 1));
    boolean deleted = delete || random.nextInt(6) == 0;
    if (random.nextInt(4) == 0) {
      Set<String> edited = someTags(random);
      writes.add(
          STORE.write(
              Lines.edited(id, author, id.hi() + 1, "other text", array(edited)), PARTITION, 2));
      hadTags.addAll(edited);
      tags = edited;
    }
    if (deleted) {
      writes.add(STORE.write(Lines.deleted(id, author, id.hi() + 2), PARTITION, 3));
    }
    POSTS.put(id, new Known(id, author, tags, hadTags, deleted));
    return writes;
  }

  private static Set<String> someTags(Random random) {
    Set<String> tags = new HashSet<>();
    TAGS.forEach(
        (tag, posts) -> {
          if (random.nextInt(posts) == 0) {
            tags.add(tag);
          }
        });
    return tags;
  }

  private static String[] array(Set<String> tags) {
    return tags.toArray(String[]::new);
  }

  @Property(tries = 400)
  void the_result_is_the_head_of_all_posts_sorted(
      @ForAll("sources") Sources sources,
      @ForAll("ends") PostId olderThan,
      @ForAll("ends") PostId newerThan,
      @ForAll @IntRange(min = 1, max = 900) int limit,
      @ForAll("wanted") int oneIn) {
    List<Known> all =
        POSTS.values().stream()
            .filter(post -> post.hasComeFrom(sources))
            .filter(post -> post.id().compareTo(newerThan) > 0)
            .filter(post -> post.id().compareTo(olderThan) < 0)
            .sorted(Comparator.comparing(Known::id).reversed())
            .toList();
    List<PostId> live = all.stream().filter(post -> post.isIn(sources)).map(Known::id).toList();
    List<PostId> wanted = live.stream().filter(id -> isWanted(id.lo(), oneIn)).toList();
    PostId last = higher(lastOf(wanted, limit), lastOf(live, 4 * limit));
    List<Known> expected = all.stream().filter(post -> post.id().compareTo(last) >= 0).toList();

    Newest newest =
        await(STORE.newest(sources, olderThan, newerThan, limit, ref -> isWanted(ref.idLo, oneIn)));

    assertThat(newest.refs())
        .extracting(PostRef::id)
        .containsExactlyElementsOf(expected.stream().map(Known::id).toList());
    for (int i = 0; i < expected.size(); i++) {
      check(newest.refs().get(i), expected.get(i));
    }
    if (live.stream().anyMatch(id -> id.compareTo(last) < 0)) {
      assertThat(newest.cutOff()).isTrue();
    }
    if (last.equals(PostId.MIN)) {
      assertThat(newest.cutOff()).isFalse();
    }
  }

  /** Whichever of the authors is read last: its only post makes the others' older ones too many. */
  @Example
  void what_is_found_before_there_is_enough_and_left_out_then_is_told_of() {
    for (int lastOne = 0; lastOne < 3; lastOne++) {
      Set<UserId> authors = new HashSet<>();
      Set<PostId> wanted = new HashSet<>();
      for (int a = 0; a < 3; a++) {
        UserId author = new UserId("cut-" + lastOne + "-" + a);
        PostId newer = Lines.id(author, 2 * MOMENTS + a);
        await(STORE.write(Lines.published(newer, author, "text"), PARTITION, 4));
        if (a != lastOne) {
          PostId older = Lines.id(author, MOMENTS + a);
          await(STORE.write(Lines.published(older, author, "text"), PARTITION, 4));
        }
        authors.add(author);
        wanted.add(newer);
      }
      Newest newest =
          await(
              STORE.newest(
                  new Sources(authors, Set.of()),
                  PostId.MAX,
                  PostId.MIN,
                  3,
                  ref -> wanted.contains(ref.id())));
      assertThat(newest.refs()).extracting(PostRef::id).containsExactlyInAnyOrderElementsOf(wanted);
      assertThat(newest.cutOff()).isTrue();
    }
  }

  private static void check(PostRef ref, Known post) {
    assertThat(ref.author).isEqualTo(post.author());
    assertThat(ref.deleted()).isEqualTo(post.deleted());
    assertThat(ref.facts.tags())
        .containsExactlyInAnyOrderElementsOf(post.deleted() ? Set.of() : post.tags());
  }

  private static boolean isWanted(long idLo, int oneIn) {
    return Math.floorMod(idLo, oneIn) == 1 % oneIn;
  }

  private static PostId lastOf(List<PostId> newestFirst, int limit) {
    return newestFirst.size() < limit ? PostId.MIN : newestFirst.get(limit - 1);
  }

  private static PostId higher(PostId one, PostId other) {
    return one.compareTo(other) > 0 ? one : other;
  }

  @Provide
  Arbitrary<Sources> sources() {
    Arbitrary<Set<UserId>> authors = Arbitraries.of(ALL_AUTHORS).set().ofMaxSize(AUTHORS);
    Arbitrary<Set<String>> tags = Arbitraries.of("tide", "sea", "moon", "nothing").set();
    return Combinators.combine(authors, tags).as(Sources::new);
  }

  /** Mostly a post that is there, which must not be part of the result. */
  @Provide
  Arbitrary<PostId> ends() {
    UserId nobody = new UserId("nobody");
    return Arbitraries.oneOf(
        Arbitraries.of(POSTS.keySet().stream().sorted().toList()),
        Arbitraries.integers().between(0, MOMENTS).map(n -> Lines.id(nobody, n)),
        Arbitraries.of(PostId.MIN, PostId.MAX));
  }

  @Provide
  Arbitrary<Integer> wanted() {
    return Arbitraries.of(1, 2, 7, 100, 1_000_000_007);
  }
}
