package io.tideline.client;

import io.grpc.CallOptions;
import io.grpc.Status;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.Topology;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One cell as the client sees it: who is in it, whether it is well, and who is sent to it. */
final class Cell {
  /** So many times in a row more failures than answers, and the cell counts as away. */
  private static final int TIMES_BAD = 3;

  /** Fewer calls say nothing yet. */
  private static final int FEW = 5;

  private static final Logger log = LoggerFactory.getLogger(Cell.class);

  private final List<String> seeds;
  private final Channels channels;
  private final CallOptions options;
  private final ClientThread thread;
  private final LongSupplier nanoTime;
  private final Predicate<Cell> elsewhere;
  private final CompletableFuture<Void> asked = new CompletableFuture<>();
  private final LongAdder answers = new LongAdder();
  private final LongAdder failures = new LongAdder();
  private final CellShare share = new CellShare();
  private volatile @Nullable Table table;
  private volatile boolean connected;
  private volatile int tenths = CellShare.ALL;
  private volatile Status lastFailure = Status.UNAVAILABLE.withDescription("not connected yet");
  private boolean heard;
  private int timesBad;
  private List<String> toAsk = List.of();
  private int askedInVain;
  private int roundsInVain;

  /**
   * One that does nothing until it is started.
   *
   * @param elsewhere whether a cell other than this one can have its users; asked on the client's
   *     thread
   */
  Cell(
      List<String> seeds,
      Channels channels,
      CallOptions options,
      ClientThread thread,
      LongSupplier nanoTime,
      Predicate<Cell> elsewhere) {
    this.seeds = List.copyOf(seeds);
    this.channels = channels;
    this.options = options;
    this.thread = thread;
    this.nanoTime = nanoTime;
    this.elsewhere = elsewhere;
  }

  void start() {
    thread.execute(this::ask);
  }

  /** Completes once somebody in the cell has answered, or nobody has. */
  CompletableFuture<Void> asked() {
    return asked;
  }

  /** Who has which users, as last heard. */
  @Nullable Table table() {
    return table;
  }

  /** Why there is no table. */
  Status lastFailure() {
    return lastFailure;
  }

  boolean isWell() {
    Table known = table;
    return connected && known != null && known.serves();
  }

  /**
   * Whether it is well and a node of it is telling so now: while the next node is asked it may turn
   * out to be away. To be asked on the client's thread.
   */
  boolean isHeard() {
    return heard && isWell();
  }

  /** Whether the user's calls go here rather than to the next cell. */
  boolean takes(String user) {
    return Slice.has("cell", tenths / (double) CellShare.ALL, user);
  }

  /** What became of the first attempt of a call. */
  void count(boolean answered) {
    (answered ? answers : failures).increment();
  }

  /** Addresses that are worth a connection. */
  Set<String> addresses() {
    Set<String> addresses = new LinkedHashSet<>();
    Table known = table;
    if (known != null) known.nodes().stream().map(Node::getGrpcAddress).forEach(addresses::add);
    addresses.addAll(seeds);
    return addresses;
  }

  /** Looks at what has become of calls since the last time. */
  void tick() {
    long good = answers.sum();
    long bad = failures.sum();
    if (good + bad >= FEW) {
      timesBad = bad > good ? timesBad + 1 : 0;
      answers.add(-good);
      failures.add(-bad);
    }
    boolean failing = timesBad >= TIMES_BAD;
    if (failing) {
      log.warn("{} fails most calls", this);
      timesBad = 0;
    }
    decide(failing);
  }

  private void decide(boolean failing) {
    Table known = table;
    int before = tenths;
    share.update(
        isWell() && !failing,
        known != null && known.overCapacity(),
        elsewhere.test(this),
        nanoTime.getAsLong());
    tenths = share.tenths();
    if (tenths != before) log.info("{} gets {} of 10 users", this, tenths);
  }

  private void ask() {
    if (askedInVain >= toAsk.size()) {
      // Not all clients at the same node.
      toAsk = new ArrayList<>(addresses());
      Collections.shuffle(toAsk);
      askedInVain = 0;
    }
    TopologyWatch.open(
        channels, toAsk.get(askedInVain++), options, thread, this::onTopology, this::onEnd);
  }

  private void onTopology(Topology topology) {
    if (!connected) log.info("{} is there: {} nodes", this, topology.getNodesCount());
    table = new Table(topology);
    connected = true;
    heard = true;
    roundsInVain = 0;
    toAsk = List.of();
    asked.complete(null);
    decide(false);
  }

  private void onEnd(Status status) {
    heard = false;
    log.debug("The watch of {} has ended: {}", this, text(status));
    if (!status.isOk()) lastFailure = status;
    if (askedInVain < toAsk.size() || toAsk.isEmpty()) {
      // The next one may answer at once.
      thread.later(Backoff.before(1), this::ask);
      return;
    }
    if (connected || roundsInVain == 0) log.warn("{} is away: {}", this, text(status));
    connected = false;
    asked.complete(null);
    decide(false);
    thread.later(Backoff.before(++roundsInVain), this::ask);
  }

  private static String text(Status status) {
    Throwable cause = status.getCause();
    return status.getCode()
        + " "
        + status.getDescription()
        + (cause == null ? "" : ", " + cause.getMessage());
  }

  @Override
  public String toString() {
    Table known = table;
    return "Cell "
        + (known == null || known.nodes().isEmpty() ? seeds : known.nodes().get(0).getCell());
  }
}
