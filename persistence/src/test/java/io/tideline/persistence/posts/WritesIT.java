package io.tideline.persistence.posts;

import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.Statement;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import io.tideline.persistence.Writes;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class WritesIT {
  private static final TestKeyspace KEYSPACE = TestKeyspace.open();
  private static final CqlSession SESSION = KEYSPACE.session();
  private static final String TABLE = KEYSPACE.name() + ".posts_by_tag";
  private static final PreparedStatement INSERT =
      SESSION.prepare("INSERT INTO " + TABLE + " (tag, id, author) VALUES (?, 0x00, ?)");

  private final Writes writes = new Writes(SESSION);

  @Test
  void everything_is_written_however_much_is_under_way() {
    String large = "x".repeat(3_000);
    List<CompletionStage<Void>> under = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      String text = i % 7 == 0 ? large : "text " + i;
      under.add(writes.write(List.of(List.of(row("a" + i, text)), List.of(row("b" + i, text)))));
    }
    under.forEach(TestKeyspace::await);
    for (int i = 0; i < 500; i++) {
      String text = i % 7 == 0 ? large : "text " + i;
      assertThat(List.of(author("a" + i), author("b" + i))).containsOnly(text);
    }
  }

  @Test
  void one_that_is_refused_takes_no_other_with_it() {
    List<CompletionStage<Void>> good =
        IntStream.range(0, 50)
            .mapToObj(i -> writes.write(List.of(List.of(row("good" + i, "text")))))
            .toList();
    CompletionStage<Void> bad = writes.write(List.of(List.of(row("", "text"))));
    CompletionStage<Void> after = writes.write(List.of(List.of(row("after", "text"))));
    assertThatThrownBy(() -> await(bad)).hasRootCauseInstanceOf(InvalidQueryException.class);
    good.forEach(TestKeyspace::await);
    await(after);
    assertThat(author("after")).isEqualTo("text");
  }

  @Test
  void as_many_that_hang_as_go_at_once_do_not_hold_up_others() {
    AtomicInteger hanging = new AtomicInteger(2);
    Writes behindThem =
        new Writes(
            session(
                (statement, run) ->
                    hanging.getAndDecrement() > 0 ? new CompletableFuture<>() : run.get()));
    List<CompletionStage<Void>> stuck =
        IntStream.range(0, 2)
            .mapToObj(i -> behindThem.write(List.of(List.of(row("stuck" + i, "text")))))
            .toList();
    await(behindThem.write(List.of(List.of(row("behind", "text")))));
    assertThat(author("behind")).isEqualTo("text");
    assertThat(stuck).noneMatch(write -> write.toCompletableFuture().isDone());
  }

  @Test
  void those_that_wait_for_others_go_with_them_as_soon_as_they_are_enough() {
    List<Integer> sizes = new CopyOnWriteArrayList<>();
    Writes patient =
        new Writes(
            session(
                (statement, run) -> {
                  sizes.add(statement instanceof BatchStatement batch ? batch.size() : 1);
                  return run.get();
                }),
            Duration.ofMinutes(10));
    List<CompletionStage<Void>> all =
        IntStream.range(0, 10)
            .mapToObj(i -> patient.write(List.of(List.of(row("patient" + i, "text")))))
            .toList();
    all.forEach(TestKeyspace::await);
    assertThat(sizes).containsExactly(10);
  }

  @Test
  void one_that_waits_for_others_in_vain_goes_alone() {
    Writes patient = new Writes(SESSION, Duration.ofMillis(200));
    CompletionStage<Void> alone = patient.write(List.of(List.of(row("alone", "text"))));
    assertThat(author("alone")).isEmpty();
    await(alone);
    assertThat(author("alone")).isEqualTo("text");
  }

  /** The shared session, but for its asynchronous statements. */
  private static CqlSession session(
      BiFunction<Statement<?>, Supplier<CompletionStage<AsyncResultSet>>, Object> statements) {
    return (CqlSession)
        Proxy.newProxyInstance(
            CqlSession.class.getClassLoader(),
            new Class<?>[] {CqlSession.class},
            (proxy, method, arguments) ->
                statements.apply(
                    (Statement<?>) arguments[0],
                    () -> SESSION.executeAsync((Statement<?>) arguments[0])));
  }

  private static BoundStatement row(String tag, String author) {
    return INSERT.bind(tag, author);
  }

  private static String author(String tag) {
    Row row = SESSION.execute("SELECT author FROM " + TABLE + " WHERE tag = ?", tag).one();
    return row == null ? "" : row.getString(0);
  }
}
