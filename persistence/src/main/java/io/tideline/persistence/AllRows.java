package io.tideline.persistence;

import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** The rows that a query finds, however many pages they come in; all of them are in memory. */
public final class AllRows {
  private AllRows() {}

  /** What is read from each of them, beginning with those of the first page. */
  public static <T> CompletionStage<List<T>> of(AsyncResultSet first, Function<Row, T> read) {
    return collect(first, read, new ArrayList<>());
  }

  private static <T> CompletionStage<List<T>> collect(
      AsyncResultSet page, Function<Row, T> read, List<T> found) {
    page.currentPage().forEach(row -> found.add(read.apply(row)));
    return page.hasMorePages()
        ? page.fetchNextPage().thenCompose(next -> collect(next, read, found))
        : CompletableFuture.completedStage(found);
  }
}
