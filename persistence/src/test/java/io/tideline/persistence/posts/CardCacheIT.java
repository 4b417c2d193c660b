package io.tideline.persistence.posts;

import static io.tideline.persistence.posts.Lines.PARTITION;
import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DriverExecutionProfile;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.session.Request;
import com.datastax.oss.driver.api.core.tracker.RequestTracker;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.v1.Card;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

class CardCacheIT {
  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final PostStore STORE = new PostStore(KEYSPACE.session(), KEYSPACE.name());
  private static final UserId ANN = new UserId("ann");

  private final CardCache cache = new CardCache(STORE, 1 << 20);

  @Test
  void a_card_is_encoded_as_the_message_would_be() {
    PostId id = Lines.id(ANN, 1);
    cache.put(Lines.published(id, ANN, "hello"));
    assertThat(cache.getIfPresent(id))
        .isEqualTo(new CardCache.Card(ANN, card(id, id.hi(), "hello"), id.hi()));
  }

  @Test
  void cards_that_are_not_at_hand_come_from_the_store() {
    PostId live = Lines.id(ANN, 10);
    PostId gone = Lines.id(ANN, 11);
    PostId unknown = Lines.id(ANN, 12);
    await(STORE.write(Lines.published(live, ANN, "live"), PARTITION, 10));
    await(STORE.write(Lines.published(gone, ANN, "gone"), PARTITION, 11));
    await(STORE.write(Lines.deleted(gone, ANN, gone.hi() + 1), PARTITION, 12));

    assertThat(await(cache.fetch(List.of(live, gone, unknown, live))))
        .isEqualTo(
            Map.of(
                live, new CardCache.Card(ANN, card(live, live.hi(), "live"), live.hi()),
                gone, new CardCache.Card(ANN, new byte[0], gone.hi() + 1)));
    assertThat(cache.getIfPresent(live)).isNotNull();
    assertThat(cache.getIfPresent(unknown)).isNull();
  }

  @Test
  void a_card_that_many_want_at_once_is_read_once() {
    List<PostId> ids = IntStream.range(20, 60).mapToObj(n -> Lines.id(ANN, n)).toList();
    ids.forEach(id -> await(STORE.write(Lines.published(id, ANN, "text"), PARTITION, id.millis())));
    // The driver tells a tracker after it has completed the request: nothing else may use this one.
    AtomicInteger reads = new AtomicInteger();
    try (CqlSession session = TestKeyspace.connect(new CountingTracker(reads))) {
      CardCache counted = new CardCache(new PostStore(session, KEYSPACE.name()), 1 << 20);
      List<CompletionStage<Map<PostId, CardCache.Card>>> fetches =
          Stream.generate(() -> counted.fetch(ids)).limit(50).toList();
      assertThat(fetches).allSatisfy(fetch -> assertThat(await(fetch)).hasSize(ids.size()));
      assertThat(await(counted.fetch(ids))).hasSize(ids.size());
    }
    int together = PostStore.MOST_TOGETHER;
    Awaitility.await()
        .untilAsserted(() -> assertThat(reads).hasValue((ids.size() + together - 1) / together));
  }

  @Test
  void what_the_store_says_does_not_replace_what_came_later() {
    PostId id = Lines.id(ANN, 70);
    await(STORE.write(Lines.published(id, ANN, "first"), PARTITION, 70));
    CompletionStage<Map<PostId, CardCache.Card>> fetch = cache.fetch(List.of(id));
    cache.put(Lines.edited(id, ANN, id.hi() + 1, "second"));
    await(fetch);
    assertThat(cache.getIfPresent(id))
        .returns(id.hi() + 1, CardCache.Card::version)
        .returns(card(id, id.hi() + 1, "second"), CardCache.Card::bytes);
  }

  @Test
  void a_late_line_does_not_bring_back_what_the_store_knows_to_be_deleted_or_edited() {
    PostId gone = Lines.id(ANN, 72);
    PostId changed = Lines.id(ANN, 73);
    await(STORE.write(Lines.deleted(gone, ANN, gone.hi() + 1), PARTITION, 72));
    await(STORE.write(Lines.edited(changed, ANN, changed.hi() + 1, "second"), PARTITION, 73));

    cache.putLate(Lines.published(gone, ANN, "late"));
    cache.putLate(Lines.published(changed, ANN, "late"));

    assertThat(await(cache.fetch(List.of(gone, changed))))
        .hasEntrySatisfying(gone, card -> assertThat(card.deleted()).isTrue())
        .hasEntrySatisfying(
            changed, card -> assertThat(card.version()).isEqualTo(changed.hi() + 1));
    assertThat(await(cache.posts(List.of(changed))).get(changed))
        .isNotNull()
        .matches(post -> post.getVersion() == changed.hi() + 1);
  }

  @Test
  void a_late_line_changes_what_is_at_hand() {
    PostId id = Lines.id(ANN, 74);
    cache.put(Lines.published(id, ANN, "first"));
    cache.putLate(Lines.edited(id, ANN, id.hi() + 1, "second"));
    assertThat(cache.getIfPresent(id)).returns(id.hi() + 1, CardCache.Card::version);
    cache.putLate(Lines.deleted(id, ANN, id.hi() + 2));
    assertThat(cache.getIfPresent(id)).returns(true, CardCache.Card::deleted);
  }

  @Test
  void what_the_store_says_is_not_kept_until_it_is_what_a_late_line_has_said() {
    PostId id = Lines.id(ANN, 75);
    await(STORE.write(Lines.published(id, ANN, "first"), PARTITION, 75));
    cache.putLate(Lines.edited(id, ANN, id.hi() + 1, "second"));
    assertThat(await(cache.fetch(List.of(id))).get(id)).returns(id.hi(), CardCache.Card::version);
    assertThat(cache.getIfPresent(id)).isNull();
    assertThat(cache.size()).isZero();

    await(STORE.write(Lines.edited(id, ANN, id.hi() + 1, "second"), PARTITION, 76));
    assertThat(await(cache.fetch(List.of(id))).get(id))
        .returns(id.hi() + 1, CardCache.Card::version);
    assertThat(cache.getIfPresent(id)).isNotNull();
  }

  @Test
  void a_late_delete_is_kept_whatever_an_edit_said() {
    PostId id = Lines.id(ANN, 77);
    cache.putLate(Lines.edited(id, ANN, id.hi() + 9, "second"));
    await(STORE.write(Lines.deleted(id, ANN, id.hi() + 1), PARTITION, 77));
    assertThat(await(cache.fetch(List.of(id))).get(id)).matches(CardCache.Card::deleted);
    assertThat(cache.getIfPresent(id)).isNotNull();
  }

  @Test
  void no_card_of_an_erased_author_is_kept_or_comes_back() {
    UserId eve = new UserId("eve");
    PostId kept = Lines.id(eve, 90);
    PostId other = Lines.id(ANN, 91);
    cache.put(Lines.published(kept, eve, "kept"));
    cache.put(Lines.published(other, ANN, "other"));
    await(STORE.write(Lines.published(kept, eve, "kept"), PARTITION, 90));
    await(STORE.write(Lines.erased(eve, kept.hi() + 1), PARTITION, 91));
    cache.put(Lines.erased(eve, kept.hi() + 1));
    assertThat(cache.getIfPresent(kept)).isNull();
    assertThat(cache.getIfPresent(other)).isNotNull();

    cache.put(Lines.edited(kept, eve, kept.hi() + 2, "late"));
    assertThat(cache.getIfPresent(kept)).isNull();
    assertThat(await(cache.fetch(List.of(kept))))
        .containsEntry(kept, new CardCache.Card(eve, new byte[0], kept.hi() + 1));
  }

  @Test
  void a_failing_store_fails_the_fetch_and_the_next_one_asks_again() {
    CqlSession closed = TestKeyspace.connect();
    CardCache ofClosed = new CardCache(new PostStore(closed, KEYSPACE.name()), 1 << 20);
    closed.close();
    PostId id = Lines.id(ANN, 80);
    ofClosed.put(Lines.published(Lines.id(ANN, 81), ANN, "at hand"));
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> await(ofClosed.fetch(List.of(id))))
          .hasRootCauseMessage("Session is closed");
    }
    assertThat(await(ofClosed.fetch(List.of(Lines.id(ANN, 81))))).hasSize(1);
  }

  @Test
  void the_cache_stays_within_its_bytes() {
    String text = "x".repeat(1_000);
    for (int n = 0; n < 5_000; n++) {
      cache.put(Lines.published(Lines.id(ANN, n), ANN, text));
    }
    Awaitility.await().untilAsserted(() -> assertThat(cache.bytes()).isBetween(1L << 19, 1L << 20));
    assertThat(cache.size()).isBetween(400L, 1_000L);
    assertThat(cache.evictions()).isPositive();
  }

  @Test
  void the_hit_rate_counts_look_ups() {
    PostId id = Lines.id(ANN, 90);
    assertThat(cache.getIfPresent(id)).isNull();
    cache.put(Lines.published(id, ANN, "x"));
    assertThat(cache.getIfPresent(id)).isNotNull();
    assertThat(cache.hitRate()).isEqualTo(0.5);
  }

  @Property(tries = 200)
  void the_order_of_lines_does_not_matter(@ForAll("orders") List<PostLine> lines) {
    CardCache fresh = new CardCache(STORE, 1 << 20);
    lines.forEach(fresh::put);
    PostId id = PostId.fromBytes(lines.get(0).getPostId());
    PostLine delete = Lines.deleted(id, ANN, id.hi() + 2);
    long last = lines.stream().mapToLong(PostLine::getVersion).max().orElseThrow();
    boolean deleted = lines.contains(delete);
    assertThat(fresh.getIfPresent(id))
        .isNotNull()
        .returns(deleted, CardCache.Card::deleted)
        .returns(deleted ? delete.getVersion() : last, CardCache.Card::version);
  }

  @Provide
  Arbitrary<List<PostLine>> orders() {
    PostId id = Lines.id(ANN, 100);
    return Arbitraries.of(
            Lines.published(id, ANN, "first"),
            Lines.edited(id, ANN, id.hi() + 1, "second"),
            Lines.edited(id, ANN, id.hi() + 3, "third"),
            Lines.deleted(id, ANN, id.hi() + 2))
        .list()
        .ofMinSize(1)
        .ofMaxSize(8);
  }

  private static byte[] card(PostId id, long version, String text) {
    return Card.newBuilder().setPost(Lines.post(id, ANN, version, text)).build().toByteArray();
  }

  private record CountingTracker(AtomicInteger reads) implements RequestTracker {
    @Override
    public void onSuccess(
        Request request,
        long latencyNanos,
        DriverExecutionProfile executionProfile,
        Node node,
        String requestLogPrefix) {
      if (request instanceof BoundStatement) {
        reads.incrementAndGet();
      }
    }

    @Override
    public void close() {}
  }
}
