package io.tideline.client;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Status;
import io.tideline.protocols.v1.Node;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** All cells of a client, in the order of its preference, and whom to call. */
final class Cells implements AutoCloseable {
  /** So many attempts are lost on a cell that fails before another one is asked. */
  static final int ATTEMPTS_PER_CELL = 2;

  /**
   * Tells callers what they may take their time over: on the client's thread, or on the JDK's for
   * timeouts, one that waits for another call would wait for ever.
   */
  static final Executor TO_CALLERS = new CompletableFuture<>().defaultExecutor();

  /** Calls wait for so long for a cell that says nothing while one after it is well. */
  private static final Duration HEAD_START = Duration.ofSeconds(1);

  private final List<Cell> cells;
  private final Channels channels;
  private final String zone;
  private final @Nullable Canary canary;
  private final RetryBudget budget;
  private final ClientThread thread = new ClientThread();
  private final CompletableFuture<Void> known = new CompletableFuture<>();
  private boolean headStartOver;

  Cells(
      List<List<String>> seeds,
      Channels channels,
      CallOptions options,
      String zone,
      @Nullable Canary canary,
      LongSupplier nanoTime,
      Duration tick) {
    this.channels = channels;
    this.zone = zone;
    this.canary = canary;
    budget = new RetryBudget(nanoTime);
    cells =
        seeds.stream()
            .map(each -> new Cell(each, channels, options, thread, nanoTime, this::anotherIsHeard))
            .toList();
    for (Cell cell : cells) {
      var unused = cell.asked().thenRun(this::look);
      cell.start();
    }
    thread.later(HEAD_START, this::endHeadStart);
    thread.every(tick, this::tick);
  }

  /** Whom to call. */
  record Target(Cell cell, String address) {}

  /** Completes once it is known whom to call, or that there is nobody. */
  CompletableFuture<Void> known() {
    return known;
  }

  /** In the order of preference. */
  List<Cell> all() {
    return cells;
  }

  RetryBudget budget() {
    return budget;
  }

  /**
   * Whom to call with a request.
   *
   * @param tried addresses of nodes that have failed
   * @param left cells that have failed too often for this call or watch
   */
  <Q extends Message> @Nullable Target pick(
      Rpc<Q, ?> rpc, Q request, Set<String> tried, Set<Cell> left) {
    String key = rpc.key(request);
    Cell cell = cellFor(key, left);
    Table table = cell.table();
    Node node = table == null ? null : table.pick(key, rpc.owned(), tried, canary, zone);
    return node == null ? null : new Target(cell, node.getGrpcAddress());
  }

  Channels channels() {
    return channels;
  }

  /** Why nobody can be called. */
  Status lastFailure() {
    return cells.get(0).lastFailure();
  }

  /** Runs something later, unless the client has been closed; then the answer is false. */
  boolean later(Duration wait, Runnable what) {
    return thread.later(wait, what);
  }

  /** The same where that may prove to be needless; then the answer is null. */
  @Nullable Future<?> laterUnlessCancelled(Duration wait, Runnable what) {
    return thread.laterUnlessCancelled(wait, what);
  }

  private Cell cellFor(String key, Set<Cell> left) {
    for (Cell cell : cells) {
      if (cell.isWell() && !left.contains(cell) && cell.takes(key)) return cell;
    }
    return first(cell -> cell.isWell() && !left.contains(cell))
        .or(() -> first(Cell::isWell))
        .or(() -> first(cell -> cell.table() != null))
        .orElse(cells.get(0));
  }

  private boolean anotherIsHeard(Cell than) {
    return cells.stream().anyMatch(cell -> cell != than && cell.isHeard());
  }

  private Optional<Cell> first(Predicate<Cell> so) {
    return cells.stream().filter(so).findFirst();
  }

  private void endHeadStart() {
    headStartOver = true;
    look();
  }

  /** Whether calls need not wait any more: on the client's thread. */
  private void look() {
    boolean asked = true;
    for (Cell cell : cells) {
      if (cell.isWell() && (asked || headStartOver)) {
        known.complete(null);
        return;
      }
      asked &= cell.asked().isDone();
    }
    if (asked) known.complete(null);
  }

  private void tick() {
    look();
    cells.forEach(Cell::tick);
    Set<String> addresses = new HashSet<>();
    cells.forEach(cell -> addresses.addAll(cell.addresses()));
    channels.retain(addresses);
    channels.reconnect();
  }

  @Override
  public void close() {
    // What waits for a cell or its repetition finds that there is nobody left, and fails.
    thread.close();
    channels.close();
    known.complete(null);
  }
}
