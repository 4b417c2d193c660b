package io.tideline.persistence.posts;

import static io.tideline.persistence.posts.Lines.PARTITION;
import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
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
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.BeforeContainer;

/** The newest posts of many authors are those that sorting everything would give. */
class NewestSearchIT {
  private static final int AUTHORS = 60;
  private static final int MOMENTS = 3_000;
  private static final long SEED = 20_261_120;

  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final PostStore STORE = new PostStore(KEYSPACE.session(), KEYSPACE.name());
  private static final Map<UserId, List<PostId>> POSTS = new HashMap<>();
  private static final Set<PostId> DELETED = new HashSet<>();

  /** A few authors write a lot, most write little, some nothing, and one has deleted everything. */
  @BeforeContainer
  static void authors_of_all_kinds_have_written() {
    Random random = new Random(SEED);
    List<CompletionStage<Void>> writes = new ArrayList<>();
    for (int a = 0; a < AUTHORS; a++) {
      UserId author = new UserId("author-" + a);
      int posts = a % 10 == 0 ? 200 + random.nextInt(300) : random.nextInt(40);
      boolean deletesAll = a == 1 || a == 10;
      Set<PostId> ids = new HashSet<>();
      for (int n = 0; n < posts; n++) {
        PostId id = Lines.id(author, random.nextInt(MOMENTS));
        ids.add(id);
        writes.add(STORE.write(Lines.published(id, author, "text"), PARTITION, n));
        if (deletesAll || random.nextInt(6) == 0) {
          DELETED.add(id);
          writes.add(STORE.write(Lines.deleted(id, author, id.hi() + 1), PARTITION, n));
        }
      }
      POSTS.put(author, ids.stream().sorted(Comparator.reverseOrder()).toList());
      writes.forEach(TestKeyspace::await);
      writes.clear();
    }
  }

  @Property(tries = 300)
  void the_result_is_the_head_of_all_posts_sorted(
      @ForAll("authorSets") Set<UserId> authors,
      @ForAll @IntRange(min = 1, max = 900) int limit,
      @ForAll("floors") PostId floor) {
    List<PostId> all =
        authors.stream()
            .flatMap(author -> POSTS.getOrDefault(author, List.of()).stream())
            .filter(id -> id.compareTo(floor) > 0)
            .sorted(Comparator.reverseOrder())
            .toList();
    List<PostId> live = all.stream().filter(id -> !DELETED.contains(id)).toList();
    PostId last = live.size() < limit ? PostId.MIN : live.get(limit - 1);

    Newest newest = await(STORE.newestOfAll(authors, limit, floor));

    assertThat(newest.refs())
        .extracting(PostRef::id)
        .isEqualTo(all.stream().filter(id -> id.compareTo(last) >= 0).toList());
    assertThat(newest.refs())
        .allSatisfy(ref -> assertThat(ref.deleted()).isEqualTo(DELETED.contains(ref.id())));
    if (live.size() > limit) {
      assertThat(newest.cutOff()).isTrue();
    }
    if (live.size() < limit) {
      assertThat(newest.cutOff()).isFalse();
    }
  }

  @Provide
  Arbitrary<Set<UserId>> authorSets() {
    return Arbitraries.of(POSTS.keySet().stream().sorted().toList()).set().ofMaxSize(AUTHORS);
  }

  @Provide
  Arbitrary<PostId> floors() {
    UserId nobody = new UserId("nobody");
    return Arbitraries.integers()
        .between(0, MOMENTS)
        .map(n -> Lines.id(nobody, n))
        .injectDuplicates(0.1)
        .optional(0.5)
        .map(floor -> floor.orElse(PostId.MIN));
  }
}
