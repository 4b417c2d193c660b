package io.tideline.persistence.posts;

import static io.tideline.persistence.posts.Lines.PARTITION;
import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.Sources;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What the store keeps of an erased author: that it is erased, and which posts are deleted. */
class ErasureIT {
  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final UserId BOB = new UserId("bob");

  private final PostStore store = newStore();

  private static PostStore newStore() {
    return new PostStore(KEYSPACE.session(), KEYSPACE.name());
  }

  private static List<PostLine> linesOf(UserId author) {
    PostId tagged = Lines.id(author, 1);
    PostId edited = Lines.id(author, 2);
    PostId deleted = Lines.id(author, 3);
    return List.of(
        Lines.published(tagged, author, "secret", "tide", "sea"),
        Lines.published(edited, author, "secret", "moon"),
        Lines.edited(edited, author, edited.hi() + 1, "secret", "sun"),
        Lines.published(deleted, author, "secret", "storm"),
        Lines.deleted(deleted, author, deleted.hi() + 1));
  }

  private void writeAll(List<PostLine> lines) {
    List<CompletionStage<Void>> writes = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      writes.add(store.writeWithKey(lines.get(i), PARTITION, i));
    }
    writes.forEach(TestKeyspace::await);
  }

  private static PostLine erased(UserId author) {
    return Lines.erased(author, Lines.START + (100L << 16));
  }

  private void assertGone(PostStore store, UserId author) {
    Set<String> tags = Set.of("tide", "sea", "moon", "sun", "storm");
    assertThat(await(store.newestOf(author, PostId.MAX, 100))).isEmpty();
    assertThat(
            await(
                    store.newest(
                        new Sources(Set.of(author), tags),
                        PostId.MAX,
                        PostId.MIN,
                        100,
                        ref -> true))
                .refs())
        .extracting((PostRef ref) -> ref.author)
        .doesNotContain(author);
    for (int n = 1; n <= 3; n++) {
      assertThat(await(store.find(Lines.id(author, n))))
          .hasValueSatisfying(
              post -> {
                assertThat(post.deleted()).isTrue();
                assertThat(post.line()).isNull();
              });
    }
    assertThat(rows("posts_by_author", author)).isZero();
    assertThat(rows("posts_by_tag", author)).isZero();
    assertThat(rows("posts_by_key", author)).isZero();
    assertThat(
            KEYSPACE
                .session()
                .execute(
                    "SELECT line FROM "
                        + KEYSPACE.name()
                        + ".posts WHERE author = ? ALLOW FILTERING",
                    author.value()))
        .isNotEmpty()
        .allSatisfy(row -> assertThat(row.getByteBuffer(0).remaining()).isZero());
  }

  private static int rows(String table, UserId author) {
    return KEYSPACE
        .session()
        .execute(
            "SELECT * FROM " + KEYSPACE.name() + "." + table + " WHERE author = ? ALLOW FILTERING",
            author.value())
        .all()
        .size();
  }

  @Test
  void nothing_of_an_erased_author_is_left_by_id_author_or_tag() {
    UserId ann = new UserId("ann");
    PostId others = Lines.id(BOB, 1);
    writeAll(linesOf(ann));
    await(store.write(Lines.published(others, BOB, "mine", "tide"), PARTITION, 50));
    assertThat(await(store.erasure(ann))).isEmpty();
    assertThat(rows("posts_by_key", ann)).isEqualTo(3);
    PostStore unaware = newStore();
    await(store.write(erased(ann), PARTITION, 100));
    await(unaware.writeWithKey(linesOf(ann).get(0), PARTITION, 0));

    assertGone(store, ann);
    assertThat(await(store.erasure(ann)).orElseThrow().posts()).isEqualTo(3);
    assertThat(await(store.find(others)).orElseThrow().deleted()).isFalse();
    assertThat(
            await(
                    store.newest(
                        new Sources(Set.of(), Set.of("tide")),
                        PostId.MAX,
                        PostId.MIN,
                        10,
                        ref -> true))
                .refs())
        .extracting(PostRef::id)
        .containsExactly(others);
  }

  @Test
  void replaying_the_log_and_lines_from_anywhere_bring_nothing_back_and_change_no_receipt() {
    UserId ann = new UserId("ann.replayed");
    writeAll(linesOf(ann));
    await(store.write(erased(ann), PARTITION, 100));
    PostStore.Erasure receipt = await(store.erasure(ann)).orElseThrow();

    PostStore restarted = newStore();
    for (PostLine line : linesOf(ann)) await(restarted.write(line, PARTITION, 7));
    PostId late = Lines.id(ann, 9);
    await(restarted.write(Lines.published(late, ann, "late", "tide"), PARTITION, 200));
    await(restarted.write(erased(ann), PARTITION, 300));

    assertGone(restarted, ann);
    assertThat(await(restarted.find(late)).orElseThrow().deleted()).isTrue();
    assertThat(await(restarted.erasure(ann))).hasValue(receipt);
  }

  @Test
  void posts_that_are_written_while_their_author_is_erased_do_not_stay() {
    UserId ann = new UserId("ann.racing");
    Random random = new Random(7);
    List<PostLine> lines = new ArrayList<>(linesOf(ann));
    IntStream.range(10, 200)
        .mapToObj(n -> Lines.published(Lines.id(ann, n), ann, "secret", "tide"))
        .forEach(lines::add);
    Collections.shuffle(lines, random);
    lines.add(lines.size() / 2, erased(ann));
    writeAll(lines);

    assertGone(store, ann);
    for (int n = 10; n < 200; n++) {
      assertThat(await(store.find(Lines.id(ann, n))).orElseThrow().deleted()).isTrue();
    }
  }
}
