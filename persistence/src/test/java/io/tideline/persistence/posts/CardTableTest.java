package io.tideline.persistence.posts;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.posts.CardCache.Card;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.LongStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class CardTableTest {
  private static final UserId ANN = new UserId("ann");
  private static final UserId EVE = new UserId("eve");
  private static final int ONE = 250;

  private static PostId id(long n) {
    return new PostId(n, n);
  }

  private static PostRef post(long n) {
    return new PostRef(n, n, 1, ANN, new LogPartition(1, 1, 0), 0, 0);
  }

  /** Weighs {@link #ONE} in all. */
  private static Card card(UserId author, long version) {
    return new Card(author, new byte[100], version);
  }

  @Property
  void what_was_asked_for_outlives_what_was_not(
      @ForAll @IntRange(min = 2, max = 50) int room,
      @ForAll @IntRange(min = 0, max = 48) int place) {
    CardTable table = new CardTable((long) room * ONE);
    long asked = place % room;
    for (long n = 0; n < room; n++) table.merge(id(n), card(ANN, 1));
    assertThat(table.get(id(asked))).isNotNull();
    for (long n = room; n < 2L * room - 1; n++) table.merge(id(n), card(ANN, 1));
    assertThat(LongStream.range(0, room).filter(n -> table.peek(id(n)) != null))
        .containsExactly(asked);
    assertThat(table.size()).isEqualTo(room);
    assertThat(table.bytes()).isEqualTo((long) room * ONE);
    assertThat(table.evictions()).isEqualTo(room - 1);
  }

  @Property
  void below_its_bound_it_is_a_map_in_which_the_winner_stays(
      @ForAll @Size(max = 60) List<@IntRange(min = 0, max = 999) Integer> steps) {
    CardTable table = new CardTable(1 << 20);
    Map<PostId, Card> model = new HashMap<>();
    for (int step : steps) {
      PostId id = id(step % 5);
      if (step >= 900) {
        UserId gone = step % 2 == 0 ? ANN : EVE;
        table.removeIf(card -> card.author().equals(gone));
        model.values().removeIf(card -> card.author().equals(gone));
        continue;
      }
      UserId author = step % 5 < 3 ? ANN : EVE;
      Card next = step % 7 == 0 ? card(author, step).gone() : card(author, step);
      assertThat(table.merge(id, next)).isEqualTo(model.merge(id, next, Card::or));
    }
    for (long n = 0; n < 5; n++) {
      Card card = model.get(id(n));
      assertThat(table.get(id(n))).isEqualTo(card);
      assertThat(table.getAll(List.of(post(n))))
          .isEqualTo(card == null ? null : new byte[][] {card.bytes()});
    }
    List<PostRef> all = model.keySet().stream().map(id -> post(id.lo())).toList();
    assertThat(table.getAll(all))
        .isEqualTo(model.values().stream().map(Card::bytes).toArray(byte[][]::new));
    assertThat(table.size()).isEqualTo(model.size());
    assertThat(table.bytes())
        .isEqualTo(model.values().stream().mapToLong(card -> 150 + card.bytes().length).sum());
  }

  @Test
  void its_sums_hold_when_threads_put_ask_and_remove_at_once() throws Exception {
    CardTable table = new CardTable(200L * ONE);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Callable<Void>> work = new ArrayList<>();
      for (int thread = 0; thread < 4; thread++) {
        int first = thread;
        work.add(
            () -> {
              for (int n = 0; n < 50_000; n++) {
                PostId id = id((n * 31L + first * 7L) % 500);
                if (n % 3 == 0) table.get(id);
                table.merge(id, card(n % 2 == 0 ? ANN : EVE, n));
                if (n % 10_000 == 0) table.removeIf(card -> card.author().equals(EVE));
              }
              return null;
            });
      }
      for (Future<Void> done : threads.invokeAll(work)) done.get();
    } finally {
      threads.shutdownNow();
    }
    table.merge(id(1_000), card(ANN, 1));
    assertThat(table.bytes()).isEqualTo(table.size() * ONE).isLessThanOrEqualTo(200L * ONE);
    table.removeIf(card -> true);
    assertThat(table.size()).isZero();
    assertThat(table.bytes()).isZero();
  }
}
