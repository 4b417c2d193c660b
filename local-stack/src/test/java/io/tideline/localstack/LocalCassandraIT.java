package io.tideline.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Row;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalCassandraIT {
  @TempDir Path directory;

  @Test
  void rows_survive_a_crash_and_a_stop() {
    LocalCassandra.Options options = LocalCassandra.Options.in(directory.resolve("a b'c"));
    int port;
    try (LocalCassandra cassandra = LocalCassandra.start(options)) {
      port = cassandra.port();
      query(
          cassandra,
          session -> {
            session.execute(
                "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
            session.execute("CREATE TABLE k.t (id int PRIMARY KEY, v text)");
            return session.execute("INSERT INTO k.t (id, v) VALUES (1, 'one')").one();
          });

      cassandra.kill();
      assertThat(cassandra.isAlive()).isFalse();
      cassandra.restart();

      assertThat(valueOf(cassandra)).isEqualTo("one");
    }
    try (LocalCassandra again = LocalCassandra.start(options)) {
      assertThat(again.port()).isEqualTo(port);
      assertThat(valueOf(again)).isEqualTo("one");
    }
  }

  @Test
  void a_second_one_in_the_same_directory_is_refused() {
    LocalCassandra.Options options = LocalCassandra.Options.in(directory);
    try (LocalCassandra cassandra = LocalCassandra.start(options)) {
      assertThatThrownBy(() -> LocalCassandra.start(options))
          .isInstanceOf(LocalStackException.class)
          .hasMessageContaining("already runs in " + directory + " as process " + cassandra.pid());
    }
  }

  @Test
  void one_that_does_not_start_shows_its_last_words() throws IOException {
    Files.createFile(directory.resolve("commitlog"));

    assertThatThrownBy(() -> LocalCassandra.start(LocalCassandra.Options.in(directory)))
        .isInstanceOf(LocalStackException.class)
        .hasMessageContaining("Cassandra did not start (process ")
        .hasMessageContaining("exit code")
        .hasMessageContaining("The end of " + directory.resolve("logs"))
        .hasMessageContaining("commitlog");
  }

  @Test
  void one_that_dies_is_reported() {
    List<String> news = new CopyOnWriteArrayList<>();
    try (LocalCassandra cassandra =
        LocalCassandra.start(LocalCassandra.Options.in(directory).withReport(news::add))) {
      assertThat(news).singleElement().asString().startsWith("Cassandra is up on 127.0.0.1:");

      assertThat(ProcessHandle.of(cassandra.pid()).orElseThrow().destroyForcibly()).isTrue();

      await().untilAsserted(() -> assertThat(news).hasSize(2));
      assertThat(news.get(1))
          .startsWith("Cassandra died (process " + cassandra.pid() + ", exit code 137)")
          .contains("The end of ");
    }
  }

  private static @Nullable String valueOf(LocalCassandra cassandra) {
    Row row = query(cassandra, session -> session.execute("SELECT v FROM k.t WHERE id = 1").one());
    return row == null ? null : row.getString("v");
  }

  private static @Nullable Row query(
      LocalCassandra cassandra, Function<CqlSession, @Nullable Row> work) {
    try (CqlSession session =
        CqlSession.builder()
            .addContactPoint(cassandra.address())
            .withLocalDatacenter(LocalCassandra.DATA_CENTER)
            .build()) {
      return work.apply(session);
    }
  }
}
