package io.tideline.persistence.posts;

import static io.tideline.persistence.posts.TestKeyspace.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import io.tideline.persistence.Writes;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
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

  private static BoundStatement row(String tag, String author) {
    return INSERT.bind(tag, author);
  }

  private static String author(String tag) {
    Row row = SESSION.execute("SELECT author FROM " + TABLE + " WHERE tag = ?", tag).one();
    return row == null ? "" : row.getString(0);
  }
}
