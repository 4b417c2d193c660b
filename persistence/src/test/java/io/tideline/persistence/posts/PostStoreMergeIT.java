package io.tideline.persistence.posts;

import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever order lines come in and however often, the store ends as the plain model does. */
class PostStoreMergeIT {
  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final PostStore STORE = new PostStore(KEYSPACE.session(), KEYSPACE.name());
  private static final AtomicInteger AUTHORS = new AtomicInteger();

  /** One line of the log: of which post, what it does, and where it stands in the log. */
  record Step(int post, PostLineKind kind, int version, int cell, int offset) {
    PostLine line(UserId author) {
      PostId id = Lines.id(author, post);
      String text = "version " + version;
      return switch (kind) {
        case POST_LINE_KIND_PUBLISHED -> Lines.published(id, author, "first version");
        case POST_LINE_KIND_EDITED -> Lines.edited(id, author, id.hi() + version, text);
        default -> Lines.deleted(id, author, id.hi() + version);
      };
    }

    LogPartition partition() {
      return new LogPartition(cell, 5, post);
    }
  }

  /** All lines of one post, and what must be left of them. */
  record Model(UserId author, PostId id, List<Step> steps) {
    private List<PostLine> lines(PostLineKind... kinds) {
      return steps.stream()
          .filter(step -> List.of(kinds).contains(step.kind()))
          .map(step -> step.line(author))
          .sorted(Comparator.comparingLong(PostLine::getVersion).reversed())
          .toList();
    }

    StoredPost stored() {
      List<PostLine> deletes = lines(PostLineKind.POST_LINE_KIND_DELETED);
      if (!deletes.isEmpty()) {
        return new StoredPost(id, author, deletes.get(0).getVersion(), true, null);
      }
      PostLine line =
          lines(PostLineKind.POST_LINE_KIND_PUBLISHED, PostLineKind.POST_LINE_KIND_EDITED).get(0);
      return new StoredPost(id, author, line.getVersion(), false, line);
    }

    /** The own cell's first line, else the first create, else the first line. */
    Step arrival() {
      return steps.stream()
          .min(
              Comparator.comparing((Step step) -> step.cell() != Lines.CELL)
                  .thenComparing(
                      step ->
                          step.cell() != Lines.CELL
                              && step.kind() != PostLineKind.POST_LINE_KIND_PUBLISHED)
                  .thenComparing(Step::offset))
          .orElseThrow();
    }
  }

  @Property(tries = 300, edgeCases = EdgeCasesMode.NONE)
  void the_store_is_a_function_of_the_set_of_lines(
      @ForAll("histories") List<Step> history, @ForAll boolean atOnce) {
    UserId author = new UserId("author-" + AUTHORS.incrementAndGet());
    List<CompletionStage<Void>> writes = new ArrayList<>();
    for (Step step : history) {
      CompletionStage<Void> write = STORE.write(step.line(author), step.partition(), step.offset());
      writes.add(write);
      if (!atOnce) {
        await(write);
      }
    }
    writes.forEach(TestKeyspace::await);

    Map<PostId, Model> models = models(author, history);
    models.forEach((id, model) -> assertThat(await(STORE.find(id))).contains(model.stored()));
    assertThat(await(STORE.findAll(models.keySet())))
        .isEqualTo(models.values().stream().collect(Collectors.toMap(Model::id, Model::stored)));
    assertRefs(await(STORE.newestOf(author, PostId.MAX, 100)), List.copyOf(models.values()));
  }

  private static Map<PostId, Model> models(UserId author, List<Step> history) {
    Map<PostId, Model> models = new TreeMap<>(Comparator.reverseOrder());
    history.stream()
        .collect(Collectors.groupingBy(step -> Lines.id(author, step.post())))
        .forEach((id, steps) -> models.put(id, new Model(author, id, steps)));
    return models;
  }

  private static void assertRefs(List<PostRef> refs, List<Model> newestFirst) {
    assertThat(refs).hasSameSizeAs(newestFirst);
    for (int i = 0; i < refs.size(); i++) {
      PostRef ref = refs.get(i);
      Model model = newestFirst.get(i);
      StoredPost stored = model.stored();
      assertThat(ref.id()).isEqualTo(model.id());
      assertThat(ref.version).isEqualTo(stored.version());
      assertThat(ref.deleted()).isEqualTo(stored.deleted());
      assertThat(ref.partition).isEqualTo(model.arrival().partition());
      assertThat(ref.offset).isEqualTo(model.arrival().offset());
    }
  }

  /** Lines of up to four posts, some twice, in any order. */
  @Provide
  Arbitrary<List<Step>> histories() {
    return steps()
        .list()
        .ofMinSize(1)
        .ofMaxSize(12)
        .uniqueElements(step -> List.of(step.cell(), step.post(), step.offset()))
        .flatMap(
            steps ->
                Arbitraries.of(steps)
                    .list()
                    .ofMaxSize(6)
                    .map(again -> concat(steps, again))
                    .flatMap(Arbitraries::shuffle));
  }

  private static <T> List<T> concat(List<T> some, List<T> more) {
    List<T> all = new ArrayList<>(some);
    all.addAll(more);
    return all;
  }

  private static Arbitrary<Step> steps() {
    return Combinators.combine(
            Arbitraries.integers().between(1, 4),
            Arbitraries.of(
                PostLineKind.POST_LINE_KIND_PUBLISHED,
                PostLineKind.POST_LINE_KIND_PUBLISHED,
                PostLineKind.POST_LINE_KIND_EDITED,
                PostLineKind.POST_LINE_KIND_EDITED,
                PostLineKind.POST_LINE_KIND_DELETED),
            Arbitraries.integers().between(1, 5),
            Arbitraries.integers().between(1, 2),
            Arbitraries.integers().between(0, 50))
        .as(Step::new);
  }
}
