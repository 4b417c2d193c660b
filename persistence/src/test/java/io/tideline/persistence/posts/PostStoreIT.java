package io.tideline.persistence.posts;

import static io.tideline.persistence.posts.Lines.PARTITION;
import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.datastax.oss.driver.api.core.cql.Row;
import io.tideline.persistence.timeline.Facts;
import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.Sources;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostFacts;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.RelatedPost;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PostStoreIT {
  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final PostStore STORE = new PostStore(KEYSPACE.session(), KEYSPACE.name());

  @Test
  void an_unknown_post_is_not_found() {
    UserId author = new UserId("nobody");
    assertThat(await(STORE.find(Lines.id(author, 1)))).isEmpty();
    assertThat(await(STORE.findAll(List.of(Lines.id(author, 1))))).isEmpty();
    assertThat(await(STORE.newestOf(author, PostId.MAX, 10))).isEmpty();
    assertThat(newest(new Sources(Set.of(author), Set.of("nothing"))).refs()).isEmpty();
    assertThat(newest(Sources.NONE).cutOff()).isFalse();
  }

  @Test
  void an_author_who_has_deleted_nearly_everything_is_listed_in_pages_that_may_be_short() {
    UserId author = new UserId("eve");
    List<CompletionStage<Void>> writes = new ArrayList<>();
    List<PostId> kept = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      PostId id = Lines.id(author, i);
      writes.add(STORE.write(Lines.published(id, author, "x"), PARTITION, 2L * i));
      if (i % 40 == 7) kept.add(0, id);
      else writes.add(STORE.write(Lines.deleted(id, author, id.hi() + 1), PARTITION, 2L * i + 1));
    }
    writes.forEach(TestKeyspace::await);
    assertThat(await(STORE.written(author, PostId.MAX, 100, 10_000)))
        .isEqualTo(new PostStore.Written(kept, null));
    List<PostId> walked = new ArrayList<>();
    List<Integer> sizes = new ArrayList<>();
    PostId next = PostId.MAX;
    while (next != null) {
      PostStore.Written page = await(STORE.written(author, next, 2, 20));
      walked.addAll(page.ids());
      sizes.add(page.ids().size());
      next = page.next();
    }
    assertThat(walked).isEqualTo(kept);
    assertThat(sizes).contains(1).allMatch(size -> size <= 2).hasSizeBetween(5, 20);
  }

  @Test
  void what_was_published_is_found_as_it_was_logged() {
    UserId author = new UserId("ann");
    PostLine line = Lines.published(Lines.id(author, 1), author, "hello", "sea");
    await(STORE.write(line, PARTITION, 12));

    StoredPost post = await(STORE.find(Lines.id(author, 1))).orElseThrow();
    assertThat(post)
        .isEqualTo(new StoredPost(Lines.id(author, 1), author, line.getVersion(), false, line));
    PostRef ref = await(STORE.newestOf(author, PostId.MAX, 10)).get(0);
    assertThat(ref.id()).isEqualTo(post.id());
    assertThat(ref)
        .returns(author, r -> r.author)
        .returns(line.getVersion(), r -> r.version)
        .returns(PARTITION, r -> r.partition)
        .returns(12L, r -> r.offset)
        .returns(0, r -> r.flags)
        .returns(Facts.of(line.getFacts()), r -> r.facts);
  }

  @Test
  void the_facts_of_a_post_come_back_and_most_have_none() {
    UserId author = new UserId("hal");
    RelatedPost original =
        RelatedPost.newBuilder()
            .setPostId(Lines.id(author, 1).toByteString())
            .setAuthorId("ida")
            .build();
    PostLine plain =
        Lines.published(Lines.id(author, 1), author, "x").toBuilder().clearFacts().build();
    PostLine rich =
        Lines.published(Lines.id(author, 2), author, "y", "Ebb", "EBB", "Straße").toBuilder()
            .mergeFacts(
                PostFacts.newBuilder()
                    .addMentions("jon")
                    .setParent(original.toBuilder().setAuthorId(""))
                    .setRoot(original)
                    .setOriginal(original)
                    .build())
            .build();
    PostLine deleted = Lines.published(Lines.id(author, 3), author, "z", "ebb");
    await(STORE.write(plain, PARTITION, 1));
    await(STORE.write(rich, PARTITION, 2));
    await(STORE.write(deleted, PARTITION, 3));
    await(
        STORE.write(Lines.deleted(Lines.id(author, 3), author, Long.MAX_VALUE >> 2), PARTITION, 4));

    assertThat(await(STORE.newestOf(author, PostId.MAX, 10)))
        .extracting(ref -> ref.facts)
        .containsExactly(
            Facts.NONE,
            new Facts(
                List.of("ebb", "strasse"),
                "en",
                List.of(new UserId("jon")),
                true,
                null,
                new UserId("ida"),
                Lines.id(author, 1),
                new UserId("ida")),
            Facts.NONE)
        .first()
        .isSameAs(Facts.NONE);
    assertThat(await(STORE.newestOf(author, PostId.MAX, 10)).get(2).facts).isSameAs(Facts.NONE);
  }

  @Test
  void nothing_of_a_deleted_post_is_kept_also_when_its_create_comes_last() {
    UserId author = new UserId("bea");
    PostId id = Lines.id(author, 1);
    await(STORE.write(Lines.deleted(id, author, id.hi() + 5), PARTITION, 2));
    await(STORE.write(Lines.edited(id, author, id.hi() + 9, "secret"), PARTITION, 3));
    await(STORE.write(Lines.published(id, author, "secret"), PARTITION, 1));

    assertThat(await(STORE.find(id))).contains(new StoredPost(id, author, id.hi() + 5, true, null));
    Row post = row("SELECT line FROM %s.posts WHERE id = ?", ByteBuffer.wrap(id.toBytes()));
    assertThat(post.getByteBuffer(0).remaining()).isZero();
    Row ref = row("SELECT facts FROM %s.posts_by_author WHERE author = ?", author.value());
    assertThat(ref.getByteBuffer(0).remaining()).isZero();
  }

  @Test
  void a_reply_and_a_repost_say_so() {
    UserId author = new UserId("cid");
    RelatedPost related =
        RelatedPost.newBuilder().setPostId(Lines.id(author, 0).toByteString()).build();
    PostLine reply =
        Lines.published(Lines.id(author, 1), author, "yes").toBuilder()
            .setFacts(PostFacts.newBuilder().setParent(related).setRoot(related))
            .build();
    PostLine repost =
        Lines.published(Lines.id(author, 2), author, "").toBuilder()
            .setFacts(PostFacts.newBuilder().setOriginal(related))
            .build();
    await(STORE.write(reply, PARTITION, 1));
    await(STORE.write(repost, PARTITION, 2));
    assertThat(await(STORE.newestOf(author, PostId.MAX, 10)))
        .extracting(ref -> ref.flags)
        .containsExactly(PostRef.REPOST, PostRef.REPLY);
  }

  @Test
  void an_edit_from_another_cell_does_not_move_a_post_that_has_arrived() {
    UserId author = new UserId("dan");
    PostId id = Lines.id(author, 1);
    LogPartition elsewhere = new LogPartition(2, 77, 0);
    await(STORE.write(Lines.published(id, author, "one"), PARTITION, 1_000));
    await(STORE.write(Lines.edited(id, author, id.hi() + 1, "two"), elsewhere, 3));
    PostRef ref = await(STORE.newestOf(author, PostId.MAX, 1)).get(0);
    assertThat(ref.partition).isEqualTo(PARTITION);
    assertThat(ref.offset).isEqualTo(1_000);
    assertThat(ref.flags).isEqualTo(PostRef.EDITED);
  }

  @Test
  void an_authors_posts_are_read_page_by_page_beyond_what_the_driver_fetches_at_once() {
    UserId author = new UserId("eve");
    int posts = 6_000;
    List<CompletionStage<Void>> writes = new ArrayList<>();
    for (int n = 0; n < posts; n++) {
      writes.add(
          STORE.write(Lines.published(Lines.id(author, n), author, "post " + n), PARTITION, n));
      if (writes.size() == 200) {
        writes.forEach(TestKeyspace::await);
        writes.clear();
      }
    }
    writes.forEach(TestKeyspace::await);

    List<PostId> newestFirst =
        IntStream.range(0, posts).mapToObj(n -> Lines.id(author, posts - 1 - n)).toList();
    assertThat(await(STORE.newestOf(author, PostId.MAX, 10_000)))
        .extracting(PostRef::id)
        .isEqualTo(newestFirst);
    assertThat(await(STORE.newestOf(author, Lines.id(author, 5_000), 3)))
        .extracting(PostRef::id)
        .containsExactly(Lines.id(author, 4_999), Lines.id(author, 4_998), Lines.id(author, 4_997));
    assertThat(await(STORE.findAll(newestFirst))).hasSize(posts);
  }

  @Test
  void a_tag_leads_to_the_posts_that_have_it_in_whatever_case() {
    UserId author = new UserId("fay");
    await(STORE.write(Lines.published(Lines.id(author, 1), author, "x", "TIDE", ""), PARTITION, 1));
    await(STORE.write(Lines.published(Lines.id(author, 2), author, "y", "tide"), PARTITION, 2));
    await(STORE.write(Lines.published(Lines.id(author, 3), author, "z", "sea"), PARTITION, 3));
    assertThat(idsTagged("tide")).containsExactly(Lines.id(author, 2), Lines.id(author, 1));
  }

  @Test
  void an_edit_takes_a_post_away_from_a_tag_and_gives_it_to_another() {
    UserId author = new UserId("kim");
    PostId id = Lines.id(author, 1);
    await(STORE.write(Lines.published(id, author, "x", "dusk", "both"), PARTITION, 1));
    await(STORE.write(Lines.edited(id, author, id.hi() + 1, "y", "dawn", "both"), PARTITION, 2));
    // Whoever has the version before is told of it, as of a deleted one.
    Sources dusk = new Sources(Set.of(), Set.of("dusk"));
    assertThat(newest(dusk).refs())
        .extracting(PostRef::id, ref -> ref.version, dusk::contain)
        .containsExactly(tuple(id, id.hi() + 1, false));
    assertThat(idsTagged("dawn")).containsExactly(id);
    assertThat(idsTagged("dusk", "dawn", "both")).containsExactly(id);
  }

  @Test
  void a_deleted_post_is_still_found_by_the_tags_that_it_had() {
    UserId author = new UserId("lou");
    PostId id = Lines.id(author, 1);
    await(STORE.write(Lines.published(id, author, "x", "noon"), PARTITION, 1));
    await(STORE.write(Lines.deleted(id, author, id.hi() + 1), PARTITION, 2));
    assertThat(newest(new Sources(Set.of(), Set.of("noon"))).refs())
        .extracting(PostRef::id, PostRef::deleted)
        .containsExactly(tuple(id, true));
  }

  @Test
  void a_post_found_by_author_and_by_tag_is_there_once() {
    UserId author = new UserId("mia");
    PostId id = Lines.id(author, 1);
    await(STORE.write(Lines.published(id, author, "x", "reef", "cove"), PARTITION, 1));
    assertThat(newest(new Sources(Set.of(author), Set.of("reef", "cove"))).refs()).hasSize(1);
    assertThat(idsTagged("reef", "cove")).containsExactly(id);
  }

  private static List<PostId> idsTagged(String... tags) {
    return newest(new Sources(Set.of(), Set.of(tags))).refs().stream().map(PostRef::id).toList();
  }

  private static Newest newest(Sources sources) {
    return await(STORE.newest(sources, PostId.MAX, PostId.MIN, 10, ref -> true));
  }

  @Test
  void a_malformed_line_is_refused_for_good() {
    UserId author = new UserId("gus");
    PostLine line = Lines.published(Lines.id(author, 1), author, "x");
    assertRefused(line.toBuilder().setVersion(0).build(), "a version is positive");
    assertRefused(line.toBuilder().setKindValue(9).build(), "but this is 9");
    assertRefused(line.toBuilder().setAuthorId("").build(), "a user id has 1-64 characters");
    assertRefused(line.toBuilder().clearPostId().build(), "a post id has 16 bytes");
    PostFacts.Builder passesOnNothing =
        PostFacts.newBuilder().setOriginal(RelatedPost.getDefaultInstance());
    assertRefused(line.toBuilder().setFacts(passesOnNothing).build(), "a post id has 16 bytes");
  }

  private static void assertRefused(PostLine line, String message) {
    assertThatThrownBy(() -> await(STORE.write(line, PARTITION, 1)))
        .hasCauseInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }

  private static Row row(String cql, Object key) {
    return KEYSPACE.session().execute(cql.formatted(KEYSPACE.name()), key).one();
  }
}
