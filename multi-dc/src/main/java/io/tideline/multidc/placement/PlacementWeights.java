package io.tideline.multidc.placement;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import io.tideline.multidc.placement.Weights.Entry;
import io.tideline.persistence.Schema;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.ddata.GCounter;
import org.apache.pekko.cluster.ddata.GCounterKey;
import org.apache.pekko.cluster.ddata.Key;
import org.apache.pekko.cluster.ddata.SelfUniqueAddress;
import org.apache.pekko.cluster.ddata.typed.javadsl.DistributedData;
import org.apache.pekko.cluster.ddata.typed.javadsl.Replicator;
import org.apache.pekko.cluster.ddata.typed.javadsl.ReplicatorMessageAdapter;
import org.jspecify.annotations.Nullable;

/**
 * The cell's {@link Weights}: kept in Cassandra, and at hand on every node.
 *
 * <p>Nodes tell each other by a counter of changes, and read the table when it has grown.
 */
public final class PlacementWeights {
  private final CqlSession session;
  private final String table;
  private final ActorRef<Message> reader;
  private volatile Weights current;

  private PlacementWeights(
      ActorSystem<?> system, CqlSession session, String table, Weights current) {
    this.session = session;
    this.table = table;
    this.current = current;
    Behavior<Message> behavior =
        DistributedData.<Message, GCounter>withReplicatorMessageAdapter(
            replicator ->
                Behaviors.setup(
                    context ->
                        Behaviors.withTimers(
                            timers -> new Reader(context, timers, replicator, this))));
    reader =
        system.systemActorOf(
            Behaviors.supervise(behavior).onFailure(SupervisorStrategy.restart()),
            "tideline-placement-weights",
            Props.empty());
  }

  /** Creates the table where it is missing; the keyspace must be there. */
  public static CompletionStage<Void> createSchema(CqlSession session, String keyspace) {
    return Schema.create(
        session, tableIn(keyspace) + " (name text PRIMARY KEY, weight int, draining boolean)");
  }

  /** Follows the weights of the cell; done when those that are kept have been read. */
  public static CompletionStage<PlacementWeights> start(
      ActorSystem<?> system, CqlSession session, String keyspace) {
    String table = tableIn(keyspace);
    return read(session, table)
        .thenApply(weights -> new PlacementWeights(system, session, table, weights));
  }

  private static String tableIn(String keyspace) {
    return keyspace + ".placement_weights";
  }

  public Weights current() {
    return current;
  }

  /** Sets the weight of a node or zone; done when it is durable, soon known on all nodes. */
  public CompletionStage<Void> setWeight(String name, int weight) {
    if (weight < 0 || weight > Weights.MOST)
      throw new IllegalArgumentException("a weight is a number from 0 to " + Weights.MOST);
    return write("UPDATE " + table + " SET weight = ? WHERE name = ?", weight, name);
  }

  /** Drains a node or zone, or ends that; its weight stays what it is. */
  public CompletionStage<Void> setDraining(String name, boolean draining) {
    return write("UPDATE " + table + " SET draining = ? WHERE name = ?", draining, name);
  }

  /** Forgets what was said about a node or zone. */
  public CompletionStage<Void> forget(String name) {
    return write("DELETE FROM " + table + " WHERE name = ?", name);
  }

  private CompletionStage<Void> write(String cql, Object... values) {
    return session
        .executeAsync(SimpleStatement.newInstance(cql, values))
        .thenAccept(written -> reader.tell(Written.INSTANCE));
  }

  private static CompletionStage<Weights> read(CqlSession session, String table) {
    Map<String, Entry> entries = new HashMap<>();
    return session
        .executeAsync("SELECT name, weight, draining FROM " + table)
        .thenCompose(page -> collect(page, entries))
        .thenApply(all -> new Weights(entries));
  }

  private static CompletionStage<AsyncResultSet> collect(
      AsyncResultSet page, Map<String, Entry> entries) {
    for (Row row : page.currentPage())
      entries.put(
          row.getString(0),
          new Entry(row.isNull(1) ? Weights.NORMAL : row.getInt(1), row.getBoolean(2)));
    return page.hasMorePages()
        ? page.fetchNextPage().thenCompose(next -> collect(next, entries))
        : CompletableFuture.completedStage(page);
  }

  private sealed interface Message {}

  private enum Written implements Message {
    INSTANCE
  }

  private enum Read implements Message {
    INSTANCE
  }

  private record Grown(Replicator.SubscribeResponse<GCounter> count) implements Message {}

  private record Told(Replicator.UpdateResponse<GCounter> answer) implements Message {}

  private record Found(@Nullable Weights weights, @Nullable Throwable failure) implements Message {}

  private static final class Reader extends AbstractBehavior<Message> {
    private static final Key<GCounter> CHANGES = GCounterKey.create("tideline-placement-weights");
    private static final Replicator.WriteConsistency SOON =
        new Replicator.WriteAll(Duration.ofSeconds(3));
    private static final Duration AGAIN = Duration.ofSeconds(1);

    private final TimerScheduler<Message> timers;
    private final ReplicatorMessageAdapter<Message, GCounter> replicator;
    private final SelfUniqueAddress self;
    private final PlacementWeights shared;
    private boolean reading;
    private boolean stale;

    Reader(
        ActorContext<Message> context,
        TimerScheduler<Message> timers,
        ReplicatorMessageAdapter<Message, GCounter> replicator,
        PlacementWeights shared) {
      super(context);
      context.setLoggerName(PlacementWeights.class);
      this.timers = timers;
      this.replicator = replicator;
      this.shared = shared;
      self = DistributedData.get(context.getSystem()).selfUniqueAddress();
      replicator.subscribe(CHANGES, Grown::new);
    }

    @Override
    public Receive<Message> createReceive() {
      return newReceiveBuilder()
          .onMessage(Written.class, written -> onWritten())
          .onMessage(Told.class, told -> this)
          .onMessage(Grown.class, grown -> onRead())
          .onMessage(Read.class, read -> onRead())
          .onMessage(Found.class, this::onFound)
          .build();
    }

    private Behavior<Message> onWritten() {
      // Whoever cannot be told now hears of it by gossip.
      replicator.askUpdate(
          replyTo ->
              new Replicator.Update<>(
                  CHANGES, GCounter.empty(), SOON, replyTo, count -> count.increment(self, 1)),
          Told::new);
      return onRead();
    }

    private Behavior<Message> onRead() {
      stale = reading;
      if (reading) return this;
      reading = true;
      getContext().pipeToSelf(read(shared.session, shared.table), Found::new);
      return this;
    }

    private Behavior<Message> onFound(Found found) {
      reading = false;
      if (found.weights() == null) {
        getContext().getLog().warn("The weights of nodes cannot be read", found.failure());
        timers.startSingleTimer(Read.INSTANCE, AGAIN);
        return this;
      }
      if (!found.weights().equals(shared.current)) {
        shared.current = found.weights();
        getContext().getLog().info("Weights of nodes and zones: {}", found.weights().entries());
      }
      return stale ? onRead() : this;
    }
  }
}
