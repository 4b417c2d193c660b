package io.tideline.persistence.posts;

import static io.tideline.persistence.posts.TestKeyspace.await;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import io.tideline.protocols.v1.Post;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

/** Whatever order lines come in and however often, the store ends as the plain model does. */
class PostStoreMergeIT {
  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final PostStore STORE = new PostStore(KEYSPACE.session(), KEYSPACE.name());
  private static final AtomicInteger AUTHORS = new AtomicInteger();
  private static final AtomicInteger OFFSETS = new AtomicInteger();

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

  /**
   * One post under two ids, of which the higher one becomes an alias: its lines in all orders, and
   * all at once.
   */
  @Test
  void two_posts_under_one_key_become_one_in_whatever_order_their_lines_come() {
    List<List<Said>> histories =
        List.of(
            List.of(Said.LOW, Said.HIGH, Said.LOW_EDITED, Said.HIGH_EDITED),
            List.of(Said.LOW, Said.HIGH, Said.HIGH_EDITED, Said.HIGH_EDITED_AGAIN),
            List.of(Said.LOW, Said.HIGH, Said.HIGH_EDITED_AGAIN, Said.LOW_EDITED),
            List.of(Said.LOW, Said.HIGH, Said.HIGH_EDITED, Said.LOW_DELETED),
            List.of(Said.LOW, Said.HIGH, Said.HIGH_EDITED, Said.HIGH_DELETED),
            List.of(Said.LOW, Said.HIGH, Said.LOW_DELETED, Said.HIGH_DELETED),
            // By another cell, which has looked before.
            List.of(Said.LOW, Said.HIGH, Said.ALIAS, Said.LOW_EDITED),
            List.of(Said.LOW, Said.HIGH, Said.ALIAS, Said.HIGH_DELETED),
            List.of(Said.LOW, Said.HIGH, Said.ALIAS, Said.HIGH_EDITED, Said.HIGH_EDITED_CARRIED));
    Semaphore running = new Semaphore(32);
    List<CompletionStage<Void>> checks = new ArrayList<>();
    for (List<Said> history : histories) {
      for (List<Said> order : orders(history)) {
        checks.add(check(order, false, running));
        checks.add(check(order, true, running));
      }
    }
    assertThat(checks).hasSize(2 * (8 * 24 + 120));
    checks.forEach(TestKeyspace::await);
  }

  @Test
  void an_edit_of_an_alias_that_comes_when_its_words_are_dropped_is_one_of_the_lower_id() {
    Semaphore running = new Semaphore(1);
    await(check(List.of(Said.LOW, Said.ALIAS, Said.HIGH_EDITED), false, running));
    await(check(List.of(Said.ALIAS, Said.LOW, Said.HIGH, Said.HIGH_EDITED), false, running));
  }

  @Test
  void of_three_posts_under_one_key_the_lowest_stays_also_when_a_day_is_between_the_outer_two() {
    UserId author = new UserId("thrice");
    long day = HybridClock.ofMillis(PostId.KEY_LIFETIME.toMillis());
    PostId first = PostId.of(Lines.START, 3, author, "key");
    PostId second = PostId.of(Lines.START + day / 2, 2, author, "key");
    PostId third = PostId.of(Lines.START + day, 1, author, "key");
    PostId later = PostId.of(Lines.START + 2 * day, 1, author, "key");
    PostId another = PostId.of(Lines.START + 1, 1, author, "another key");
    PostId imported = PostId.imported(Lines.START >>> 16, author, "key");
    long version = third.hi() + 1;
    await(store(Lines.published(third, author, "third")));
    await(store(Lines.edited(third, author, version, "edited")));
    for (PostId id : List.of(first, later, another, imported)) {
      await(store(Lines.published(id, author, "itself")));
    }
    assertThat(await(STORE.lowest(author, third))).isEqualTo(third);

    await(store(Lines.published(second, author, "second")));

    for (PostId id : List.of(first, second, third)) {
      assertThat(await(STORE.lowest(author, id))).isEqualTo(first);
    }
    assertThat(await(STORE.find(first)).orElseThrow())
        .returns(version, StoredPost::version)
        .returns(false, StoredPost::deleted);
    for (PostId id : List.of(second, third)) {
      assertThat(await(STORE.find(id)).orElseThrow())
          .returns(id.hi(), StoredPost::version)
          .returns(true, StoredPost::deleted);
    }
    for (PostId id : List.of(later, another, imported)) {
      assertThat(await(STORE.lowest(author, id))).isEqualTo(id);
      assertThat(await(STORE.find(id)).orElseThrow().deleted()).isFalse();
    }
  }

  private static CompletionStage<Void> check(List<Said> order, boolean atOnce, Semaphore running) {
    running.acquireUninterruptibly();
    UserId author = new UserId("twice-" + AUTHORS.incrementAndGet());
    List<PostLine> lines = order.stream().map(said -> said.line(author)).toList();
    CompletionStage<Void> stored = CompletableFuture.completedStage(null);
    if (atOnce) {
      stored = allOf(lines.stream().map(PostStoreMergeIT::store));
    } else {
      for (PostLine line : lines) stored = stored.thenCompose(done -> store(line));
    }
    return stored
        .thenCompose(done -> STORE.lowest(author, Said.high(author)))
        .thenCompose(
            lowest ->
                STORE
                    .findAll(List.of(Said.low(author), Said.high(author)))
                    .thenApply(found -> new Outcome(found, lowest)))
        .thenAccept(outcome -> outcome.check(author, order))
        .whenComplete((done, failure) -> running.release());
  }

  /** As the store's writer does: what follows from a line is a line, too. */
  private static CompletionStage<Void> store(PostLine line) {
    return STORE
        .writeWithKey(line, Lines.PARTITION, OFFSETS.incrementAndGet())
        .thenCompose(done -> STORE.linesAfter(line, 7))
        .thenCompose(
            lines -> {
              CompletionStage<Void> stored = CompletableFuture.completedStage(null);
              for (PostLine next : lines) stored = stored.thenCompose(done -> store(next));
              return stored;
            });
  }

  private static CompletionStage<Void> allOf(Stream<CompletionStage<Void>> stages) {
    return CompletableFuture.allOf(
        stages.map(CompletionStage::toCompletableFuture).toArray(CompletableFuture<?>[]::new));
  }

  private static <T> List<List<T>> orders(List<T> of) {
    if (of.isEmpty()) return List.of(List.of());
    List<List<T>> orders = new ArrayList<>();
    for (T first : of) {
      List<T> others = new ArrayList<>(of);
      others.remove(first);
      for (List<T> rest : orders(others)) orders.add(concat(List.of(first), rest));
    }
    return orders;
  }

  /** Lines of one post that was accepted under one key in two cells. */
  enum Said {
    LOW,
    HIGH,
    LOW_EDITED,
    HIGH_EDITED,
    HIGH_EDITED_AGAIN,
    HIGH_EDITED_CARRIED,
    LOW_DELETED,
    HIGH_DELETED,
    ALIAS;

    static PostId low(UserId author) {
      return PostId.of(Lines.START, 2, author, "key");
    }

    static PostId high(UserId author) {
      return PostId.of(Lines.START + (1000L << 16), 1, author, "key");
    }

    PostLine line(UserId author) {
      PostId low = low(author);
      PostId high = high(author);
      return switch (this) {
        case LOW -> Lines.published(low, author, "low");
        case HIGH -> Lines.published(high, author, "high");
        case LOW_EDITED -> Lines.edited(low, author, high.hi() + 20, "20");
        case HIGH_EDITED -> Lines.edited(high, author, high.hi() + 10, "10");
        case HIGH_EDITED_AGAIN -> Lines.edited(high, author, high.hi() + 30, "30");
        case HIGH_EDITED_CARRIED -> Lines.edited(low, author, high.hi() + 10, "10");
        case LOW_DELETED -> Lines.deleted(low, author, high.hi() + 5);
        case HIGH_DELETED -> Lines.deleted(high, author, high.hi() + 15);
        case ALIAS -> Lines.deleted(high, author, high.hi());
      };
    }
  }

  private record Outcome(Map<PostId, StoredPost> found, PostId lowest) {
    void check(UserId author, List<Said> order) {
      PostId high = Said.high(author);
      StoredPost alias = requireNonNull(found.get(high));
      StoredPost post = requireNonNull(found.get(Said.low(author)));
      assertThat(lowest).as("%s", order).isEqualTo(post.id());
      assertThat(alias.deleted()).as("%s", order).isTrue();
      assertThat(alias.version())
          .as("%s", order)
          .isEqualTo(order.contains(Said.HIGH_DELETED) ? high.hi() + 15 : high.hi());
      if (order.contains(Said.LOW_DELETED) || order.contains(Said.HIGH_DELETED)) {
        assertThat(post.deleted()).as("%s", order).isTrue();
        return;
      }
      String text =
          order.contains(Said.HIGH_EDITED_AGAIN)
              ? "30"
              : order.contains(Said.LOW_EDITED)
                  ? "20"
                  : order.contains(Said.HIGH_EDITED) ? "10" : "low";
      assertThat(text(requireNonNull(post.line()))).as("%s", order).isEqualTo(text);
    }

    private static String text(PostLine line) {
      try {
        Post post = Post.parseFrom(line.getPost());
        assertThat(post.getPostId()).isEqualTo(PostId.fromBytes(line.getPostId()).toString());
        assertThat(post.getVersion()).isEqualTo(line.getVersion());
        return post.getText();
      } catch (InvalidProtocolBufferException e) {
        throw new AssertionError(e);
      }
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
