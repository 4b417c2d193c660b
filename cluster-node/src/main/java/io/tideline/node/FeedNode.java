package io.tideline.node;

import static java.util.Objects.requireNonNull;

import com.datastax.oss.driver.api.core.CqlSession;
import com.typesafe.config.Config;
import io.tideline.multidc.PostsLog;
import io.tideline.multidc.apply.IntentApplier;
import io.tideline.multidc.apply.Reached;
import io.tideline.multidc.backfill.BackfillSettings;
import io.tideline.multidc.backfill.Backfills;
import io.tideline.multidc.backfill.Wanted;
import io.tideline.multidc.fence.Fence;
import io.tideline.multidc.fence.Founding;
import io.tideline.multidc.log.LineForms;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.OtherCell;
import io.tideline.multidc.mirror.MirrorStatus;
import io.tideline.multidc.mirror.Mirrors;
import io.tideline.multidc.placement.PlacementSettings;
import io.tideline.multidc.placement.PlacementWeights;
import io.tideline.multidc.placement.PlanAllocationStrategy;
import io.tideline.node.api.CellReaches;
import io.tideline.node.api.ClusterGrpcService;
import io.tideline.node.api.FeedServices;
import io.tideline.node.api.Forwarding;
import io.tideline.node.api.GrpcServer;
import io.tideline.node.api.Principals;
import io.tideline.node.api.Replication;
import io.tideline.node.api.Users;
import io.tideline.node.ops.CellsControl;
import io.tideline.node.ops.Departures;
import io.tideline.node.ops.Health;
import io.tideline.node.ops.ManagementServer;
import io.tideline.node.ops.NodeLoads;
import io.tideline.node.ops.NodeMetrics;
import io.tideline.node.ops.OutboxSweeps;
import io.tideline.node.ops.PlacementControl;
import io.tideline.node.ops.Topology;
import io.tideline.node.ops.TopologyFollower;
import io.tideline.node.ops.Undelivered;
import io.tideline.node.ops.UserRemains;
import io.tideline.node.ops.WarmUp;
import io.tideline.persistence.outbox.Outbox;
import io.tideline.persistence.outbox.OutboxSweeper;
import io.tideline.persistence.posts.CardCache;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.posts.SharedSlices;
import io.tideline.persistence.timeline.History;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.TimelineStats;
import io.tideline.persistence.user.JournalStats;
import io.tideline.persistence.user.JournalTables;
import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserStates;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.KeyRing;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.PostLine;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.management.MemoryUsage;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import org.apache.pekko.Done;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.SharedKillSwitch;
import org.apache.pekko.stream.connectors.cassandra.javadsl.CassandraSessionRegistry;
import org.apache.pekko.stream.javadsl.Sink;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One assembled node: storage, log, entities, services and what operators see of them. */
public final class FeedNode {
  private static final String CASSANDRA = "pekko.persistence.cassandra";
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final Executor LATER =
      CompletableFuture.delayedExecutor(50, TimeUnit.MILLISECONDS);
  private static final Duration TO_HAND_OVER = Duration.ofSeconds(45);
  private static final Duration LATE = Duration.ofMinutes(1);
  private static final Duration EVERY_SECOND = Duration.ofSeconds(1);
  private static final long LAGGING_LINES = 10_000;
  private static final Logger LOG = LoggerFactory.getLogger(FeedNode.class);

  private final ActorSystem<?> system;
  private final NodeSettings settings;
  private final Health health;
  private final Fence fence;
  private final NodeMetrics metrics;
  private final ResidentTimelines residents = new ResidentTimelines();
  private volatile @Nullable PostsLog log;
  private volatile @Nullable PlacementControl placement;
  private volatile @Nullable CellsControl cells;
  private volatile @Nullable Forwarding forwarding;

  private FeedNode(ActorSystem<?> system, NodeSettings settings) {
    this.system = system;
    this.settings = settings;
    this.health = new Health();
    this.fence = Fence.start(system);
    this.metrics = new NodeMetrics(settings.cell().name(), settings.grpcAddress());
  }

  /**
   * Starts everything a node consists of, each part after those that it stands on; done when it
   * accepts calls. All of it stops with the actor system.
   */
  public static CompletionStage<FeedNode> start(ActorSystem<?> system, NodeSettings settings) {
    FeedNode node = new FeedNode(system, settings);
    node.health.starting(
        "it waits for Cassandra at " + String.join(", ", settings.cassandra().contactPoints()));
    node.watchHeap();
    // Also of a node that waits for Cassandra.
    node.metrics.gauge(
        "tideline.ready", "1 while /ready answers 200", () -> node.health.ready().good() ? 1 : 0);
    WarmUp.takePartInSharding(system);
    return ManagementServer.start(
            system,
            settings.management(),
            node.health,
            () -> Optional.ofNullable(node.placement),
            () -> Optional.ofNullable(node.cells))
        .thenCompose(bound -> node.session())
        .thenApply(node::join)
        .thenCompose(
            session ->
                PlacementWeights.start(system, session, settings.cassandra().keyspace())
                    // Statements are prepared on the way, and a thread of the driver must not wait.
                    .thenComposeAsync(
                        weights -> node.assemble(session, weights),
                        system.dispatchers().lookup(DispatcherSelector.blocking())))
        .thenApply(serving -> node);
  }

  private void watchHeap() {
    MemoryMXBean memory = ManagementFactory.getMemoryMXBean();
    metrics.gauge(
        "tideline.heap.used",
        "Heap in use, of what it may grow to",
        () -> {
          MemoryUsage heap = memory.getHeapMemoryUsage();
          return (double) heap.getUsed() / heap.getMax();
        });
  }

  /** For tests that hold the log back. */
  PostsLog log() {
    return requireNonNull(log, "a node that has started has a log");
  }

  /** For tests that look at what is awake. */
  ResidentTimelines residents() {
    return residents;
  }

  /** For tests that count what is passed on. */
  Forwarding forwarding() {
    return requireNonNull(forwarding, "a node that has started can pass calls on");
  }

  private CompletionStage<CqlSession> session() {
    return CassandraSessionRegistry.get(system)
        .sessionFor(CASSANDRA)
        .underlying()
        .thenCompose(
            session ->
                createSchema(session)
                    .thenApply(
                        created -> {
                          // Nobody waits for it: until then any machine may be asked for anything.
                          var unused = session.setSchemaMetadataEnabled(true);
                          return session;
                        }));
  }

  private CqlSession join(CqlSession session) {
    health.starting("it joins the cell");
    Founding.start(
        system,
        session,
        settings.cassandra().keyspace(),
        fence,
        NodeConfig.foundingSeeds(settings));
    return session;
  }

  private CompletionStage<Void> createSchema(CqlSession session) {
    NodeSettings.Cassandra cassandra = settings.cassandra();
    if (!cassandra.createSchema()) return CompletableFuture.completedStage(null);
    return PostStore.createSchema(session, cassandra.keyspace(), cassandra.replication())
        .thenCompose(created -> Outbox.createSchema(session, cassandra.keyspace()))
        .thenCompose(created -> PlacementWeights.createSchema(session, cassandra.keyspace()))
        .thenCompose(created -> Backfills.createSchema(session, cassandra.keyspace()))
        .thenCompose(created -> Founding.createSchema(session, cassandra.keyspace()))
        .thenCompose(created -> JournalTables.create(session, cassandra.keyspace()));
  }

  private CompletionStage<GrpcServer> assemble(CqlSession session, PlacementWeights weights) {
    Config config = system.settings().config();
    String keyspace = settings.cassandra().keyspace();
    HybridClock clock = new HybridClock(InstantSource.system());
    PostStore store = new PostStore(session, keyspace);
    CardCache cards =
        new CardCache(store, config.getBytes("tideline.persistence.card-cache.max-size"));
    Outbox outbox = new Outbox(session, keyspace);
    OutboxSweeper sweeper = new OutboxSweeper(outbox, Duration.ofSeconds(5), 100);
    LogSettings logs = LogSettings.from(config);
    PostsLog log =
        PostsLog.start(
            system,
            logs,
            settings.cell().number(),
            settings.cell().name(),
            settings.otherCells(),
            store,
            clock,
            (line, ref) -> {
              if (isLate(line)) cards.putLate(line);
              else cards.put(line);
            });
    this.log = log;
    Backfills backfills =
        Backfills.start(
            system,
            new Backfills.Surroundings(
                logs,
                BackfillSettings.from(config),
                session,
                keyspace,
                settings.cell().number(),
                log.topics(),
                settings.otherCells(),
                store,
                new UserStates(
                    system, session, keyspace, settings.cell().number(), store.erased()::contains),
                log.writer(),
                clock,
                fence::open));
    Mirrors mirrors =
        Mirrors.start(
            system, logs, settings.otherCells(), fence::open, backfills::missing, backfills::lacks);
    TimelineStats stats =
        new TimelineStats(
            metrics.timer("tideline.activation", "Waking a timeline", "kind", "warm"),
            metrics.timer("tideline.activation", "Waking a timeline", "kind", "cold"));
    SharedSlices slices =
        new SharedSlices(
            store, log, config.getInt("tideline.persistence.timeline.shared-references"));
    metrics.gauge(
        "tideline.slices.hit.rate",
        "Authors whom a waking timeline need not read",
        slices::hitRate);
    metrics.gauge(
        "tideline.slices.authors", "Authors whom the next one need not read", slices::authors);
    LiveTimeline.Surroundings timelines =
        new LiveTimeline.Surroundings(
            log,
            (sources, olderThan, newerThan, limit, wanted) ->
                store.newest(slices, sources, olderThan, newerThan, limit, wanted),
            cards,
            residents,
            stats,
            cards::fetch,
            config.getInt("tideline.persistence.timeline.capacity"),
            config.getInt("tideline.persistence.timeline.inbox-capacity"));
    JournalStats journal =
        new JournalStats(
            metrics.timer("tideline.persist", "From the wish to persist an event until it was"));
    UserEntity.JournalReader events = UserEntity.journalOf(system);
    UserEntity.Surroundings entities =
        new UserEntity.Surroundings(
            clock,
            settings.cell().number(),
            fence::open,
            () -> !fence.clockOff(),
            settings.grpcAddress(),
            log.writer(),
            outbox,
            events,
            new UserRemains(system, store),
            journal,
            timelines,
            UserEntity.Limits.from(config));
    ClusterSharding sharding = ClusterSharding.get(system);
    Undelivered.answer(system);
    Departures departures = Departures.start(system);
    PlanAllocationStrategy placing =
        new PlanAllocationStrategy(
            system, PlacementSettings.from(config), weights::current, departures::isLeaving);
    TopologyFollower topology =
        TopologyFollower.start(
            system,
            settings.cell().name(),
            UserEntity.TYPE_KEY,
            weights::current,
            metrics.timer("tideline.sharding.handoff", "A shard moving to another node"));
    placement = new PlacementControl(weights, topology);
    metrics.gauge(
        "tideline.az.skew",
        "(most - least) / mean of the shards of zones by weight",
        () -> topology.current().zoneSkew());
    NodeLoads loads =
        NodeLoads.start(
            system, settings.grpcAddress(), NodeLoads::ofThisMachine, topology::announce);
    Principals principals = Principals.start(system, settings.auth(), settings.grpc().host());
    Forwarding forwarding =
        new Forwarding(
            system,
            settings.grpcAddress(),
            settings.grpc().tls(),
            topology::grpcAddressOfOwner,
            settings.askTimeout(),
            settings.grpc().maxConcurrentCallsPerConnection());
    this.forwarding = forwarding;
    topology
        .changes()
        .map(FeedNode::nodesByGrpcAddress)
        .runWith(Sink.foreach(forwarding::retain), system);
    NodeSettings.CursorKeys keys = settings.cursorKeys();
    TokenCodec tokens = new TokenCodec(KeyRing.parse(keys.keys(), keys.signingKey()));
    int cell = settings.cell().number();
    Users users =
        new Users(
            sharding, fence::open, settings.askTimeout(), tokens, cell, system.executionContext());
    Reached reached = Reached.start(system, settings.otherCells());
    reached.tellOfBackfills(backfills.listener(system)::tell);
    List<IntentApplier> intents = log.applyIntents(users::apply, reached);
    SharedKillSwitch leaving = KillSwitches.shared("leaving");
    FeedServices services =
        new FeedServices(
            users,
            principals,
            tokens,
            store,
            cards,
            new History(
                log,
                store::newest,
                cards,
                system.executionContext(),
                config.getInt("tideline.persistence.timeline.most-read-back")),
            residents,
            forwarding,
            new ClusterGrpcService(topology, loads, mirrors::sources, principals, leaving),
            fence::open,
            log.recentPosts()::lastSequence,
            log,
            log::appliedToTheEnd,
            log::awaits,
            config.getDuration("tideline.node.consistency-wait"),
            new Replication(
                users, log::end, reached, config.getDuration("tideline.node.replication-wait")),
            config.getDuration("tideline.node.watch-heartbeat"),
            logs.retention(),
            reaches(mirrors, log),
            leaving);
    measure(log, intents, journal, stats, cards, sweeper, forwarding);
    metrics.gauge(
        "tideline.over.capacity",
        "1 while the node tells clients to go elsewhere",
        () -> loads.of(settings.grpcAddress()).overCapacity() ? 1 : 0);
    check(log, intents);
    settings.otherCells().forEach(other -> watch(mirrors, other));
    watch(backfills);
    metrics.gauge(
        "tideline.lines.form",
        "Form of log lines that all nodes of all cells read, as far as is known",
        () -> Math.min(LineForms.ofMembers(system), reached.formOfOthers()));
    cells =
        new CellsControl(
            settings.otherCells(),
            mirrors::source,
            other -> log.copiesLag(other.number()),
            backfills);
    leaveInOrder(users, departures, leaving, log);
    // Whether others have users decides for how many it warms up.
    return whenItMay(() -> fence.open() && topology.known())
        .thenCompose(
            open ->
                GrpcServer.start(
                    system, settings.grpc(), services.mounts(), () -> health.ready().good()))
        .thenCompose(
            server -> {
              health.starting("it warms up and reads the posts log to its end");
              return WarmUp.run(
                      system,
                      entities,
                      topology.current().hasUsers(),
                      nobody -> forwarding.readHere(nobody, principals.ownToken(nobody)))
                  .thenCompose(warm -> whenItMay(log.tail()::caughtUp))
                  .thenApply(read -> server);
            })
        .thenCompose(
            server -> {
              // Users come at once, and other nodes pass their calls on to this one.
              takeUsers(sharding, entities, placing, sweeper, log);
              return users.open().thenRun(health::assembled).thenApply(open -> server);
            });
  }

  /**
   * A post's own cell has written all that is said of it in order; another cell's edit or delete
   * may be here long before what it is about.
   */
  private boolean isLate(PostLine line) {
    long age = System.currentTimeMillis() - HybridClock.millisOf(line.getVersion());
    return !settings.otherCells().isEmpty() && age > LATE.toMillis();
  }

  private CellReaches reaches(Mirrors mirrors, PostsLog log) {
    CellReaches reaches =
        new CellReaches(
            settings.otherCells().stream()
                .map(
                    other ->
                        new CellReaches.Source(
                            other.number(),
                            () -> mirrors.copiedToMillis(other),
                            () -> mirrors.copies(other),
                            () -> log.appliedToTheEnd(other.number())))
                .toList());
    if (!settings.otherCells().isEmpty()) {
      system
          .scheduler()
          .scheduleWithFixedDelay(
              EVERY_SECOND, EVERY_SECOND, reaches::look, system.executionContext());
    }
    return reaches;
  }

  /** When it holds; not when it takes long: then the node serves, and says that it is degraded. */
  private static CompletionStage<Void> whenItMay(BooleanSupplier holds) {
    return whenItMay(holds, System.nanoTime() + PATIENCE.toNanos());
  }

  private static CompletionStage<Void> whenItMay(BooleanSupplier holds, long giveUpAt) {
    if (holds.getAsBoolean() || System.nanoTime() - giveUpAt > 0) {
      return CompletableFuture.completedStage(null);
    }
    return CompletableFuture.runAsync(() -> {}, LATER)
        .thenCompose(later -> whenItMay(holds, giveUpAt));
  }

  private void takeUsers(
      ClusterSharding sharding,
      UserEntity.Surroundings entities,
      PlanAllocationStrategy placing,
      OutboxSweeper sweeper,
      PostsLog log) {
    sharding.init(
        Entity.of(
                UserEntity.TYPE_KEY,
                entity ->
                    UserEntity.create(
                        new UserId(entity.getEntityId()), entities, entity.getShard()))
            .withStopMessage(new UserEntity.Stop())
            .withAllocationStrategy(placing));
    OutboxSweeps.start(
        system,
        sweeper,
        (user, markedAt) ->
            sharding
                .entityRefFor(UserEntity.TYPE_KEY, user.value())
                .tell(new UserEntity.Announce(user, markedAt)),
        () -> log.writer().healthy() && !fence.clockOff());
  }

  /** First whoever can goes elsewhere, then the users move, then the rest is stopped. */
  private void leaveInOrder(
      Users users, Departures departures, SharedKillSwitch leaving, PostsLog log) {
    CoordinatedShutdown shutdown = CoordinatedShutdown.get(system);
    shutdown.addTask(
        CoordinatedShutdown.PhaseBeforeServiceUnbind(),
        "not-ready",
        () -> {
          LOG.info("This node leaves; its users move to other nodes");
          health.leaving();
          leaving.shutdown();
          return departures.handOver(UserEntity.TYPE_KEY, TO_HAND_OVER);
        });
    shutdown.addTask(
        CoordinatedShutdown.PhaseClusterLeave(),
        "no-users",
        () -> {
          LOG.info("No users are here any more");
          users.leave();
          return CompletableFuture.completedStage(Done.getInstance());
        });
    shutdown.addTask(
        CoordinatedShutdown.PhaseBeforeActorSystemTerminate(),
        "stop-log",
        () -> log.stop().thenApply(stopped -> Done.getInstance()));
  }

  private static Map<String, String> nodesByGrpcAddress(Topology topology) {
    return topology.nodes().stream()
        .collect(
            Collectors.toMap(Topology.Node::grpcAddress, Topology.Node::id, (one, other) -> other));
  }

  private void check(PostsLog log, List<IntentApplier> intents) {
    health.required("fence", () -> unless(fence.open(), fence.state()));
    health.required(
        "clock", () -> unless(!fence.clockOff(), "off by " + fence.clockOffset().negated()));
    health.degrading(
        "log",
        () -> unless(log.tail().caughtUp(), "the log has not been read yet: timelines may be old"));
    health.degrading(
        "log-writer", () -> unless(log.writer().healthy(), "the log does not take lines"));
    health.degrading(
        "log-end",
        () ->
            unless(
                log.unknownEnds().isEmpty(),
                "where these end is not known, so lags stand still: " + log.unknownEnds()));
    health.degrading("log-lag", () -> lag(tailLag(log), "lines are not applied yet"));
    health.degrading("store-lag", () -> lag(storeLag(log), "lines are not stored yet"));
    health.degrading(
        "intents-lag", () -> lag(lag(intents), "lines of intents are not applied yet"));
  }

  private void watch(Mirrors mirrors, OtherCell other) {
    String name = other.name();
    health.degrading(
        "mirror-" + name,
        () ->
            unless(
                mirrors.source(other).state() != MirrorStatus.State.BACKFILL_NEEDED,
                "what cell %s knows is not all here: BACKFILL NEEDED".formatted(name)));
    metrics.gauge(
        "tideline.mirror.lag",
        "Lines of another cell not copied yet",
        "source",
        name,
        () -> mirrors.source(other).lagLines());
    metrics.gauge(
        "tideline.mirror.lag.seconds",
        "Everything of another cell that is older has been copied",
        "source",
        name,
        () -> mirrors.source(other).lag().toMillis() / 1e3);
    metrics.gauge(
        "tideline.mirror.up",
        "1 while the lines of another cell are copied as they come",
        "source",
        name,
        () -> mirrors.copies(other) ? 1 : 0);
    metrics.counter(
        "tideline.mirror.lines",
        "Lines of another cell copied by this node",
        "source",
        name,
        () -> mirrors.lines(other));
    metrics.counter(
        "tideline.mirror.restarts",
        "Times this node began anew to copy after a failure",
        "source",
        name,
        () -> mirrors.restarts(other));
    metrics.counter(
        "tideline.mirror.losses",
        "Times this node found that lines were gone before they were copied",
        "source",
        name,
        () -> mirrors.losses(other));
  }

  private void watch(Backfills backfills) {
    metrics.gauge(
        "tideline.backfill.needed",
        "Cells of which something is not here",
        () -> backfills.wanted().stream().filter(Wanted::open).count());
    metrics.gauge(
        "tideline.backfill.running",
        "Cells for which what is known here is said again",
        () -> backfills.given().stream().filter(given -> !given.done()).count());
    metrics.counter("tideline.backfill.lines", "Lines said again by this node", backfills::lines);
  }

  /** Of this cell's own log and of the copies of others', as what follows. */
  private static long tailLag(PostsLog log) {
    return sum(log.tailLag()) + log.copiesTailLag();
  }

  private static long storeLag(PostsLog log) {
    return sum(log.storeLag()) + log.copiesStoreLag();
  }

  private static long lag(List<IntentApplier> intents) {
    return sum(intents, applier -> sum(applier.lag()));
  }

  private static Optional<String> lag(long lines, String what) {
    return unless(lines < LAGGING_LINES, lines + " " + what);
  }

  private static Optional<String> unless(boolean good, String reason) {
    return good ? Optional.empty() : Optional.of(reason);
  }

  private static long sum(List<IntentApplier> intents, ToLongFunction<IntentApplier> what) {
    return intents.stream().mapToLong(what).sum();
  }

  private static long sum(Map<Integer, Long> byPartition) {
    return byPartition.values().stream().mapToLong(Long::longValue).sum();
  }

  private void measure(
      PostsLog log,
      List<IntentApplier> intents,
      JournalStats journal,
      TimelineStats stats,
      CardCache cards,
      OutboxSweeper sweeper,
      Forwarding forwarding) {
    metrics.watch(fence);
    metrics.gauge(
        "tideline.degraded",
        "1 while /degraded answers 503",
        () -> health.degraded().good() ? 0 : 1);
    metrics.counter(
        "tideline.persist.failures", "Events the journal did not take", journal.failures::sum);
    metrics.gauge("tideline.timelines.resident", "Timelines awake on this node", residents::size);
    metrics.counter("tideline.deliveries", "References put into inboxes", log.tail()::deliveries);
    metrics.counter("tideline.log.lines", "Lines of the posts log applied", log.tail()::lines);
    metrics.counter(
        "tideline.checkpoints", "Checkpoints of timelines written", stats.checkpoints::sum);
    metrics.counter("tideline.activations.warm", "From a checkpoint", stats.warmActivations::sum);
    metrics.counter("tideline.activations.cold", "From the store", stats.coldActivations::sum);
    metrics.counter("tideline.inbox.overflows", "Timelines loaded again", stats.overflows::sum);
    metrics.counter(
        "tideline.loads.failed", "Loads of timelines that failed", stats.failedLoads::sum);
    metrics.gauge("tideline.tail.lag", "Lines not applied here yet", () -> tailLag(log));
    metrics.gauge("tideline.store.lag", "Lines not stored yet", () -> storeLag(log));
    metrics.counter("tideline.tail.restarts", "Restarts of the tail", log::tailRestarts);
    metrics.counter("tideline.tail.poison", "Lines that cannot be read", log::poison);
    metrics.counter(
        "tideline.parked.lines",
        "Lines parked by this node",
        () -> log.parkedLines() + sum(intents, IntentApplier::parked));
    metrics.counter(
        "tideline.intents.applied",
        "Intents applied to others by this node",
        () -> sum(intents, IntentApplier::applied));
    metrics.counter(
        "tideline.intents.retries",
        "Attempts to apply them that failed",
        () -> sum(intents, IntentApplier::retries));
    metrics.gauge("tideline.intents.lag", "Lines of intents not applied yet", () -> lag(intents));
    metrics.gauge("tideline.log.pending", "Lines not acknowledged yet", log.writer()::pending);
    metrics.counter("tideline.log.failures", "Appends that failed", log.writer()::failures);
    metrics.counter("tideline.log.gaps", "Gaps in authors' sequences", log.recentPosts()::gaps);
    metrics.gauge("tideline.recent.posts", "References remembered", log.recentPosts()::size);
    metrics.gauge(
        "tideline.outbox.age",
        "Seconds since the oldest row, while the log takes lines",
        // What is old while the log takes nothing is not looked at again until it does.
        () -> log.writer().healthy() ? sweeper.oldestAge().toMillis() / 1e3 : 0);
    metrics.gauge("tideline.cards.bytes", "Bytes of cached cards", cards::bytes);
    metrics.gauge("tideline.cards.hit.rate", "Look-ups found in the cache", cards::hitRate);
    metrics.counter("tideline.forwarded", "Calls passed on to the owner", forwarding::forwarded);
  }
}
