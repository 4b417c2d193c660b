package io.tideline.persistence;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Creates and changes tables, which takes seconds where reading them takes milliseconds. */
public final class Schema {
  private static final Duration TIMEOUT = Duration.ofMinutes(1);

  private Schema() {}

  /** One after the other, each within a minute. */
  public static CompletionStage<Void> change(CqlSession session, String... statements) {
    CompletionStage<Void> done = CompletableFuture.completedStage(null);
    for (String statement : statements) {
      SimpleStatement change = SimpleStatement.newInstance(statement).setTimeout(TIMEOUT);
      done = done.thenCompose(before -> session.executeAsync(change)).thenAccept(result -> {});
    }
    return done;
  }

  /**
   * Creates these tables where they are missing.
   *
   * @param tables each as it stands behind {@code CREATE TABLE}, with its keyspace, which must be
   *     there
   */
  public static CompletionStage<Void> create(CqlSession session, String... tables) {
    String[] statements = new String[tables.length];
    for (int i = 0; i < tables.length; i++) {
      statements[i] = "CREATE TABLE IF NOT EXISTS " + tables[i];
    }
    return change(session, statements);
  }
}
