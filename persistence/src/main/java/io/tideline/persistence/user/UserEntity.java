package io.tideline.persistence.user;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.MessageLite;
import com.typesafe.config.Config;
import io.tideline.persistence.outbox.Outbox;
import io.tideline.persistence.timeline.Arrivals;
import io.tideline.persistence.timeline.Checkpoint;
import io.tideline.persistence.timeline.LiveTimeline;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.persistence.user.UserEvent.EntriesArrived;
import io.tideline.persistence.user.UserEvent.Erased;
import io.tideline.persistence.user.UserEvent.IntentAccepted;
import io.tideline.persistence.user.UserEvent.PostDeleted;
import io.tideline.persistence.user.UserEvent.PostEdited;
import io.tideline.persistence.user.UserEvent.PostPublished;
import io.tideline.persistence.user.UserEvent.RemainsDeleted;
import io.tideline.persistence.user.UserReply.Awake;
import io.tideline.persistence.user.UserReply.Decided;
import io.tideline.persistence.user.UserReply.Described;
import io.tideline.persistence.user.UserReply.Following;
import io.tideline.persistence.user.UserReply.Receipt;
import io.tideline.persistence.user.UserReply.Refusal;
import io.tideline.persistence.user.UserReply.Refused;
import io.tideline.persistence.user.UserReply.Written;
import io.tideline.protocols.CborSerializable;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.ReadMarked;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.BehaviorInterceptor;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.Signal;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.TypedActorContext;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.persistence.typed.JournalPersistFailed;
import org.apache.pekko.persistence.typed.JournalPersistRejected;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.RecoveryCompleted;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.Effect;
import org.apache.pekko.persistence.typed.javadsl.EffectBuilder;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.RetentionCriteria;
import org.apache.pekko.persistence.typed.javadsl.SignalHandler;
import org.jspecify.annotations.Nullable;

/**
 * The single writer of one user: makes intents and posts durable, announces them on the logs, and
 * keeps the timeline while somebody reads it.
 *
 * <p>Before the first of some intents is persisted, a row in the outbox says that this user may
 * have something to announce; the row goes when the logs have acknowledged everything. So whatever
 * happens between persist and append, {@link Announce} comes and the journal is read again.
 */
public final class UserEntity extends EventSourcedBehavior<UserEntity.Command, UserEvent, User> {

  public static final EntityTypeKey<Command> TYPE_KEY = EntityTypeKey.create(Command.class, "User");

  /**
   * Everything that can be asked of a user; each command names the user, so that one that went
   * astray is noticed.
   */
  public sealed interface Command extends CborSerializable {}

  /** A command that another node may send. */
  public sealed interface Addressed extends Command {
    UserId user();
  }

  /** A command that is answered. */
  public sealed interface Request extends Addressed {
    ActorRef<UserReply> replyTo();
  }

  /** A request about one feed of the user. */
  public sealed interface OfFeed extends Request {
    String surface();
  }

  /**
   * Accepts a post.
   *
   * @param createdAtMillis only for importers
   * @param contentHash tells whether a repeated key means the same post
   * @param post an encoded {@code tideline.v1.Post} that lacks what the entity decides
   * @param facts an encoded {@code tideline.log.v1.PostFacts}
   */
  public record Publish(
      UserId user,
      String key,
      @Nullable Long createdAtMillis,
      long contentHash,
      Payload post,
      Payload facts,
      ActorRef<UserReply> replyTo)
      implements Request {}

  /**
   * Replaces a post by a new version.
   *
   * @param baseVersion the version that is replaced
   * @param post the whole new post, but for its version
   */
  public record Edit(
      UserId user,
      PostId id,
      long baseVersion,
      Payload post,
      Payload facts,
      ActorRef<UserReply> replyTo)
      implements Request {}

  /** Deletes a post for ever. */
  public record Delete(UserId user, PostId id, long baseVersion, ActorRef<UserReply> replyTo)
      implements Request {}

  /**
   * Changes what the user follows, hides or has in lists.
   *
   * @param intent an encoded {@code tideline.log.v1.IntentLine} with nothing but the intent
   */
  public record Decide(UserId user, Payload intent, ActorRef<UserReply> replyTo)
      implements Request {}

  /**
   * Applies what somebody else's intent means for the user.
   *
   * @param line an encoded {@code tideline.log.v1.IntentLine}
   */
  public record Apply(UserId user, Payload line, ActorRef<UserReply> replyTo) implements Request {}

  /**
   * Applies several lines, in this order.
   *
   * @param lines encoded {@code tideline.log.v1.IntentLine}s; some may be known already
   */
  public record ApplyAll(UserId user, List<Payload> lines, ActorRef<UserReply> replyTo)
      implements Request {
    public ApplyAll {
      lines = List.copyOf(lines);
    }
  }

  /** Asks to be told when the logs have taken everything that the user has announced. */
  public record Settle(UserId user, ActorRef<UserReply> replyTo) implements Request {}

  /** Erases the user for ever; answered once nothing is left. */
  public record Erase(UserId user, ActorRef<UserReply> replyTo) implements Request {}

  /** Asks whom the user follows. */
  public record ListFollowing(
      UserId user, @Nullable UserId after, int limit, ActorRef<UserReply> replyTo)
      implements Request {}

  /** Asks what else the user has decided. */
  public record GetDecided(UserId user, ActorRef<UserReply> replyTo) implements Request {}

  /**
   * Moves the read position of a feed, at most to its newest entry.
   *
   * @param post {@code null} = the newest that there was at {@code then}
   * @param then what the feed was made of when it was read; {@code null} = now
   * @param expected the position that the caller knows, as text; {@code null} = whatever it is
   */
  public record MarkRead(
      UserId user,
      String surface,
      @Nullable PostId post,
      @Nullable Watermark then,
      @Nullable String expected,
      ActorRef<UserReply> replyTo)
      implements OfFeed {}

  /** Wakes a timeline; answered once everything that was asked for before is in its view. */
  public record Wake(UserId user, String surface, ActorRef<UserReply> replyTo) implements OfFeed {}

  /**
   * Asks why a post is in a feed, or why not.
   *
   * @param line the encoded line that the store has of it; {@code null} = none
   * @param deletedAt hybrid time; 0 = it is not deleted
   */
  public record Explain(
      UserId user,
      String surface,
      PostId post,
      @Nullable Payload line,
      long deletedAt,
      ActorRef<UserReply> replyTo)
      implements OfFeed {}

  /** Asks what is known of the home timeline. */
  public record Describe(UserId user, ActorRef<UserReply> replyTo) implements Request {}

  /**
   * Asks to put on the logs what may not be there yet.
   *
   * @param markedAt of the user's outbox row that is old; 0 when nobody has seen one
   */
  public record Announce(UserId user, long markedAt) implements Addressed {}

  /** Asks the entity to leave this node. */
  public record Stop() implements Command {}

  private record Drain() implements Command {}

  private record IdleCheck() implements Command {}

  private record Run(Runnable task) implements Command {}

  private record RulesExpired() implements Command {}

  private record DeleteRemains() implements Command {}

  private record RemainsGone(int posts, long events, @Nullable Throwable failure)
      implements Command {}

  /**
   * What an entity lives on.
   *
   * @param fenceOpen false when this node may no longer be the owner of its users
   * @param clockTrusted false when this node's time would harm the order of what it writes
   * @param grpcAddress of this node
   */
  public record Surroundings(
      HybridClock clock,
      int cell,
      BooleanSupplier fenceOpen,
      BooleanSupplier clockTrusted,
      String grpcAddress,
      LogPort log,
      Outbox outbox,
      JournalReader journal,
      Remains remains,
      JournalStats stats,
      LiveTimeline.Surroundings timelines,
      Limits limits) {}

  /** The journal that the configuration names; it must be Cassandra's. */
  public static JournalReader journalOf(ActorSystem<?> system) {
    return (user, from, to) ->
        UserJournal.events(system, user, from, to, event -> (UserEvent) event);
  }

  /** Reads the events of a user between two journal sequence numbers, both inclusive. */
  public interface JournalReader {
    CompletionStage<List<UserEvent>> read(PersistenceId user, long from, long to);
  }

  /** What is stored of an erased user. */
  public interface Remains {
    /**
     * Completes once the post store has none of the user's posts, the journal no event up to this
     * number, and no snapshot is there.
     *
     * @return how many posts there were
     */
    CompletionStage<Integer> delete(UserId user, long lastEvent);
  }

  /**
   * What one user may take.
   *
   * @param follows how many a user may follow
   * @param keysPerDay how many posts a user may publish within 24 hours
   * @param waiting how many commands may wait for the outbox
   * @param passivateAfter when nobody asks for anything
   * @param retryAfter when the logs did not take what was announced
   */
  public record Limits(
      int follows, int keysPerDay, int waiting, Duration passivateAfter, Duration retryAfter) {

    /** Reads {@code tideline.persistence.user}. */
    public static Limits from(Config root) {
      Config user = root.getConfig("tideline.persistence.user");
      return new Limits(
          user.getInt("max-follows"),
          user.getInt("max-posts-per-day"),
          user.getInt("max-waiting-commands"),
          user.getDuration("passivate-after"),
          user.getDuration("announce-again-after"));
    }
  }

  private static final Drain DRAIN = new Drain();
  private static final Duration FENCED_PAUSE = Duration.ofMillis(500);
  private static final Duration POSTPONED_BY = Duration.ofMillis(20);
  private static final int MOST_POSTPONED = 100;
  private static final Duration OUTBOX_LINGER = Duration.ofSeconds(1);
  // Well below the age at which a sweeper takes a row for something left unannounced.
  private static final Duration LONGEST_LINGER = Duration.ofSeconds(3);
  private static final int CHANGES_WORTH_A_CHECKPOINT = 32;
  // Few enough that those of many users have room in the log's writer.
  private static final int EVENTS_ANNOUNCED_AT_ONCE = 500;
  private static final int LONGEST_ANNOUNCE_PAUSE = 8;
  private static final int MOST_ANNOUNCED_TWICE = 1;
  private static final Duration LONGEST_WAIT_FOR_THE_PAST = Duration.ofMillis(500);

  private final UserId user;
  private final Surroundings around;
  private final ActorContext<Command> context;
  private final TimerScheduler<Command> timers;
  private final ActorRef<ClusterSharding.ShardCommand> shard;
  private final LiveTimeline.Owner owner;

  private final Map<String, LiveTimeline> timelines = new HashMap<>();
  private long lastCommandNanos = System.nanoTime();
  private boolean stopping;
  private int postponed;

  // The outbox and what of this life the logs have not acknowledged.
  private boolean marked;
  private boolean marking;
  private boolean announcing;
  private boolean failedMeanwhile;
  private boolean unsure;
  // Commands have waited once for what earlier lives have left.
  private boolean pastAwaited;
  private final List<Request> waiting = new ArrayList<>();
  private final List<Settle> settling = new ArrayList<>();
  private final TreeSet<Long> unannounced = new TreeSet<>();
  private final Set<Long> rowsSeen = new HashSet<>();
  private long markedAt;
  private long markedNanos;
  private long recoveredTo;
  // Of what was recovered, how far the logs have it; how often they were tried in vain since.
  private long announced;
  private int announcedInVain;
  private long epoch;

  // The user is erased, but some of it may still be stored; the outbox row stays until none is.
  private boolean erasing;
  private boolean deletingRemains;
  private final List<Erase> erasers = new ArrayList<>();

  public static Behavior<Command> create(
      UserId user, Surroundings around, ActorRef<ClusterSharding.ShardCommand> shard) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers -> {
                  UserEntity entity = new UserEntity(user, around, context, timers, shard);
                  return Behaviors.intercept(() -> new Meanwhile(entity), entity);
                }));
  }

  /**
   * Does what must not wait for the journal: takes what arrives, and sees the end of an entity,
   * also between a failure of the journal and the next attempt.
   */
  private static final class Meanwhile extends BehaviorInterceptor<Command, Command> {
    private final UserEntity entity;

    Meanwhile(UserEntity entity) {
      super(Command.class);
      this.entity = entity;
    }

    @Override
    public Behavior<Command> aroundReceive(
        TypedActorContext<Command> context, Command command, ReceiveTarget<Command> target) {
      if (!(command instanceof Drain)) return target.apply(context, command);
      entity.drain();
      return Behaviors.same();
    }

    @Override
    public Behavior<Command> aroundSignal(
        TypedActorContext<Command> context, Signal signal, SignalTarget<Command> target) {
      if (signal instanceof PostStop) entity.leave();
      return target.apply(context, signal);
    }
  }

  private UserEntity(
      UserId user,
      Surroundings around,
      ActorContext<Command> context,
      TimerScheduler<Command> timers,
      ActorRef<ClusterSharding.ShardCommand> shard) {
    super(
        persistenceId(user),
        SupervisorStrategy.restartWithBackoff(Duration.ofMillis(200), Duration.ofSeconds(5), 0.2));
    this.user = user;
    this.around = around;
    this.context = context;
    this.timers = timers;
    this.shard = shard;
    ActorRef<Command> self = context.getSelf();
    this.owner = task -> self.tell(new Run(task));
  }

  public static PersistenceId persistenceId(UserId user) {
    return PersistenceId.of(TYPE_KEY.name(), user.value());
  }

  @Override
  public User emptyState() {
    return User.EMPTY;
  }

  @Override
  public EventHandler<User, UserEvent> eventHandler() {
    return User::after;
  }

  @Override
  public RetentionCriteria retentionCriteria() {
    return RetentionCriteria.snapshotEvery(100, 2);
  }

  @Override
  public SignalHandler<User> signalHandler() {
    return newSignalHandlerBuilder()
        .onSignal(RecoveryCompleted.instance(), this::onRecovered)
        .onSignal(
            JournalPersistFailed.class, (state, failed) -> around.stats().failures.increment())
        .onSignal(
            JournalPersistRejected.class, (state, refused) -> around.stats().failures.increment())
        .onSignal(PreRestart.instance(), state -> onJournalFailed())
        .build();
  }

  @Override
  public CommandHandler<Command, UserEvent, User> commandHandler() {
    return newCommandHandlerBuilder()
        .forAnyState()
        .onCommand(Request.class, this::onRequest)
        .onCommand(Announce.class, this::onAnnounce)
        .onCommand(Run.class, this::onRun)
        .onCommand(IdleCheck.class, this::onIdleCheck)
        .onCommand(RulesExpired.class, (state, expired) -> onRulesExpired(state))
        .onCommand(DeleteRemains.class, this::onDeleteRemains)
        .onCommand(RemainsGone.class, this::onRemainsGone)
        .onCommand(Stop.class, this::onStop)
        .build();
  }

  private void onRecovered(User state) {
    recoveredTo = lastSequenceNumber(context);
    unsure = recoveredTo > state.announcedTo();
    announced = state.announcedTo();
    announcedInVain = 0;
    pastAwaited = false;
    around.clock().observe(state.lastAt());
    epoch = around.clock().next();
    checkIdleIn(passivateAfter());
    // A restart ends all timers: what was put off until later is due now.
    if (stopping || postponed > 0) context.getSelf().tell(new Stop());
    context.getSelf().tell(DRAIN);
    // The journal may hold what failed to be acknowledged.
    refreshTimelines(state);
    User.Erasure erasure = state.erasure();
    erasing = erasure != null && !erasure.done();
    if (erasing) {
      List.copyOf(timelines.keySet()).forEach(this::stopTimeline);
      context.getSelf().tell(new Announce(user, 0));
    }
  }

  private void leave() {
    List.copyOf(timelines.keySet()).forEach(this::stopTimeline);
    forgetOutstanding();
  }

  /** The entity lives on and recovers, however long that takes; until then its feed is read. */
  private void onJournalFailed() {
    for (String surface : List.copyOf(timelines.keySet())) {
      if (!requireNonNull(timelines.get(surface)).settled()) stopTimeline(surface);
    }
    forgetOutstanding();
  }

  private void stopTimeline(String surface) {
    LiveTimeline timeline = timelines.remove(surface);
    if (timeline != null) timeline.stop("the timeline has left this node");
  }

  private void forgetOutstanding() {
    for (Request request : waiting) refuse(request, Refusal.UNAVAILABLE, "the user is moving");
    waiting.clear();
    for (Settle request : settling) refuse(request, Refusal.UNAVAILABLE, "the user is moving");
    settling.clear();
    for (Erase request : erasers) refuse(request, Refusal.UNAVAILABLE, "the user is moving");
    erasers.clear();
    deletingRemains = false;
    unannounced.clear();
    rowsSeen.clear();
    marked = false;
    marking = false;
    announcing = false;
  }

  private Effect<UserEvent, User> onRequest(User state, Request request) {
    if (!request.user().equals(user)) {
      return refuse(request, Refusal.MISROUTED, "this is the entity of " + user);
    }
    if (!around.fenceOpen().getAsBoolean()) {
      return refuse(request, Refusal.FENCED, "this node may no longer own " + user);
    }
    lastCommandNanos = System.nanoTime();
    if (request instanceof Settle settle) return onSettle(state, settle);
    if (request instanceof Erase erase) return onErase(state, erase);
    if (state.erasure() != null && isWrite(request)) {
      return refuse(request, Refusal.ERASED, user + " is erased");
    }
    if (request instanceof OfFeed of && !Rules.exists(of.surface(), state.graph())) {
      return refuse(request, Refusal.UNKNOWN_LIST, user + " has no such list");
    }
    if (request instanceof Publish publish) return onPublish(state, publish);
    if (request instanceof Edit edit) return onEdit(state, edit);
    if (request instanceof Delete delete) return onDelete(state, delete);
    if (request instanceof Decide decide) return onDecide(state, decide);
    if (request instanceof Apply apply) return onApply(state, apply, List.of(apply.line()));
    if (request instanceof ApplyAll all) return onApply(state, all, all.lines());
    if (request instanceof ListFollowing list) return onListFollowing(state, list);
    if (request instanceof GetDecided get) return onGetDecided(state, get);
    if (request instanceof MarkRead mark) return onMarkRead(state, mark);
    if (request instanceof Explain explain) return onExplain(state, explain);
    if (request instanceof Describe describe) return onDescribe(state, describe);
    return onWake(state, (Wake) request);
  }

  /** What others decide is no write: it changes nothing in who is erased. */
  private static boolean isWrite(Request request) {
    return request instanceof Publish
        || request instanceof Edit
        || request instanceof Delete
        || request instanceof Decide
        || request instanceof MarkRead;
  }

  private Effect<UserEvent, User> onPublish(User state, Publish command) {
    long at = state.timeOfPost(around.clock());
    Long createdAt = command.createdAtMillis();
    if (createdAt != null) {
      PostId id = PostId.imported(createdAt, user, command.key());
      PostLine line = lines(state).published(id, id.hi(), command.post(), command.facts());
      return announce(
          state,
          command,
          to -> new PostPublished(id, "", command.contentHash(), at, payload(line), to),
          id);
    }
    Posting.Accepted before = state.posting().under(command.key(), at);
    if (before != null) {
      if (before.contentHash() != command.contentHash()) {
        return refuse(
            command,
            Refusal.ALREADY_EXISTS,
            "the idempotency key was used for another post, " + before.post());
      }
      return written(command, state, before.post(), 0);
    }
    int keysPerDay = around.limits().keysPerDay();
    // Counted only when it may matter: keys of yesterday go with the next post.
    if (state.posting().recentKeys().size() >= keysPerDay
        && state.posting().keysAt(at) >= keysPerDay) {
      return refuse(
          command, Refusal.LIMIT_REACHED, "more than " + keysPerDay + " posts within 24 hours");
    }
    PostId id = PostId.of(at, around.cell(), user, command.key());
    PostLine line = lines(state).published(id, at, command.post(), command.facts());
    return announce(
        state,
        command,
        to -> new PostPublished(id, command.key(), command.contentHash(), at, payload(line), to),
        id);
  }

  private Effect<UserEvent, User> onEdit(User state, Edit command) {
    long at = state.timeOfEdit(command.baseVersion(), around.cell(), around.clock());
    PostLine line = lines(state).edited(command.id(), at, command.post(), command.facts());
    return announce(
        state, command, to -> new PostEdited(command.id(), at, payload(line), to), command.id());
  }

  private Effect<UserEvent, User> onDelete(User state, Delete command) {
    long at = around.clock().nextAfter(Math.max(state.lastAt(), command.baseVersion()));
    PostLine line = lines(state).deleted(command.id(), at);
    return announce(
        state, command, to -> new PostDeleted(command.id(), at, payload(line), to), command.id());
  }

  private Effect<UserEvent, User> onDecide(User state, Decide command) {
    IntentLine asked = User.line(command.intent());
    Intents.Decision decision =
        new Intents(user, state, around.limits().follows(), nowMillis()).decide(asked);
    Refusal refusal = decision.refusal();
    if (refusal != null) return refuse(command, refusal, decision.detail());
    IntentLine what = decision.line();
    if (what == null) return written(command, state, null, 0);
    IntentLine line = lines(state).intent(what, state.timeOf(what, around.clock()));
    return announce(
        state, command, to -> new IntentAccepted(payload(line), to), null, decision.changed());
  }

  private Effect<UserEvent, User> onApply(User state, Request command, List<Payload> payloads) {
    List<IntentLine> lines = payloads.stream().map(User::line).toList();
    for (IntentLine line : lines) {
      around.clock().observe(line.getAt());
      if (line.hasUserErased() && state.erasure() == null) {
        return erase(state, command, line.getAt());
      }
    }
    List<UserEvent> learned = state.learned(lines, around.clock().nextAfter(state.lastAt()));
    if (learned.isEmpty()) return written(command, state, null, 0);
    return persist(learned)
        .thenRun(
            now -> {
              refreshTimelines(now);
              reply(command, now, null, learned.size());
            });
  }

  private Effect<UserEvent, User> onListFollowing(User state, ListFollowing command) {
    UserId after = command.after();
    List<UserId> page =
        state.graph().followees().stream()
            .filter(followee -> after == null || followee.compareTo(after) > 0)
            .sorted()
            .limit(command.limit() + 1L)
            .toList();
    boolean more = page.size() > command.limit();
    List<UserId> shown = more ? page.subList(0, command.limit()) : page;
    return Effect()
        .none()
        .thenRun(after2 -> command.replyTo().tell(new Following(List.copyOf(shown), more)));
  }

  private Effect<UserEvent, User> onGetDecided(User state, GetDecided command) {
    Graph graph = state.graph();
    Filters filters = state.filters();
    command
        .replyTo()
        .tell(
            new Decided(
                graph.followedTags().stream().sorted().toList(),
                graph.listIds().stream().sorted().map(id -> listOf(graph, id)).toList(),
                filters.mutedUsers().stream()
                    .filter(muted -> filters.muted(muted, nowMillis()))
                    .sorted()
                    .map(muted -> mute(filters, muted))
                    .toList(),
                filters.blockedUsers().stream().sorted().toList(),
                filters.ruleIds().stream()
                    .sorted()
                    .map(id -> rule(filters, id))
                    .filter(rule -> rule.rule().inForce(nowMillis()))
                    .toList()));
    return Effect().none();
  }

  private static Decided.ListOf listOf(Graph graph, String id) {
    return new Decided.ListOf(id, requireNonNull(graph.list(id, Graph.NOW)), graph.members(id));
  }

  private static Decided.Mute mute(Filters filters, UserId muted) {
    Long until = requireNonNull(filters.mutes().get(muted)).value();
    return new Decided.Mute(muted, until == null ? 0 : until);
  }

  private static Decided.Rule rule(Filters filters, String id) {
    return new Decided.Rule(id, requireNonNull(requireNonNull(filters.rules().get(id)).value()));
  }

  private Effect<UserEvent, User> onMarkRead(User state, MarkRead command) {
    LiveTimeline awake = awake(state, command.surface());
    TimelineView view = awake.view();
    if (view == null) return again(awake, command);
    PostId position = state.readState().of(command.surface()).newest();
    String known = position.equals(PostId.MIN) ? "NONE" : position.toString();
    if (command.expected() != null && !known.equals(command.expected())) {
      return refuse(command, Refusal.READ_POSITION_MOVED, known);
    }
    Watermark now = view.watermark();
    Watermark then = command.then() == null ? now : command.then();
    PostId wanted = command.post() == null ? then.newest() : command.post();
    Watermark read =
        new Watermark(
            then.positions(),
            then.rulesAt(),
            // What arrives late, however old, is unread.
            PostId.MIN,
            wanted.compareTo(now.newest()) < 0 ? wanted : now.newest(),
            then.knownRules());
    if (!state.readState().movedBy(command.surface(), read)) {
      return written(command, state, position, 0);
    }
    long at = around.clock().nextAfter(state.lastAt());
    IntentLine line =
        lines(state)
            .intent(
                IntentLine.newBuilder()
                    .setReadMarked(
                        ReadMarked.newBuilder()
                            .setSurface(command.surface())
                            .setWatermark(read.toProto()))
                    .build(),
                at);
    PostId after = state.readState().merge(line).of(command.surface()).newest();
    return announce(state, command, to -> new IntentAccepted(payload(line), to), after, 1);
  }

  /** The command is looked at again once the timeline is complete. */
  private Effect<UserEvent, User> again(LiveTimeline awake, Request request) {
    awake.whenSettled(
        () -> context.getSelf().tell(request),
        reason -> refuse(request, Refusal.UNAVAILABLE, reason));
    return Effect().none();
  }

  private Effect<UserEvent, User> onWake(User state, Wake command) {
    awake(state, command.surface())
        .whenSettled(
            () -> command.replyTo().tell(new Awake(around.grpcAddress())),
            reason -> refuse(command, Refusal.UNAVAILABLE, reason));
    return Effect().none();
  }

  private Effect<UserEvent, User> onExplain(User state, Explain command) {
    LiveTimeline awake = awake(state, command.surface());
    TimelineView view = awake.view();
    if (view == null) return again(awake, command);
    command
        .replyTo()
        .tell(
            new Explanations((Rules) view.rules(), view, awake)
                .of(command.post(), command.line(), command.deletedAt()));
    return Effect().none();
  }

  private Effect<UserEvent, User> onDescribe(User state, Describe command) {
    LiveTimeline awake = awake(state, ResidentTimelines.HOME);
    if (awake.view() == null) return again(awake, command);
    LiveTimeline.Description is = awake.describe();
    command
        .replyTo()
        .tell(
            new Described(
                around.grpcAddress(),
                is.entries(),
                is.duplicates(),
                is.floor(),
                state.checkpointed().positions(),
                is.positions(),
                around.timelines().arrivals().applied(),
                state.graph().followees().size(),
                state.graph().followedTags().size(),
                is.watchers(),
                is.cold(),
                is.activation().toNanos() / 1000));
    return Effect().none();
  }

  private LiveTimeline awake(User state, String surface) {
    LiveTimeline there = timelines.get(surface);
    if (there != null) return there;
    ActorRef<Command> self = context.getSelf();
    Rules rules = rules(state, surface);
    LiveTimeline timeline =
        new LiveTimeline(
            user,
            surface,
            around.timelines(),
            owner,
            () -> self.tell(DRAIN),
            around.fenceOpen(),
            rules);
    timelines.put(surface, timeline);
    timeline.showReadTo(state.readState().of(surface));
    boolean home = surface.equals(ResidentTimelines.HOME);
    timeline.wake(home ? state.checkpoint() : null);
    lookAgainWhenRulesExpire(rules);
    return timeline;
  }

  private Rules rules(User state, String surface) {
    return new Rules(user, surface, state.graph(), state.filters(), nowMillis(), around.cell());
  }

  private long nowMillis() {
    return HybridClock.millisOf(around.clock().next());
  }

  private void refreshTimelines(User state) {
    for (String surface : List.copyOf(timelines.keySet())) {
      if (!Rules.exists(surface, state.graph())) {
        stopTimeline(surface);
        continue;
      }
      Rules rules = rules(state, surface);
      LiveTimeline timeline = requireNonNull(timelines.get(surface));
      timeline.changed(rules);
      timeline.showReadTo(state.readState().of(surface));
      lookAgainWhenRulesExpire(rules);
    }
  }

  private void lookAgainWhenRulesExpire(Rules rules) {
    if (rules.expiresAtMillis() == Long.MAX_VALUE) return;
    long wait = Math.max(1, rules.expiresAtMillis() - nowMillis());
    Duration most = Duration.ofDays(1);
    Duration delay = wait > most.toMillis() ? most : Duration.ofMillis(wait);
    timers.startSingleTimer("rules", new RulesExpired(), delay);
  }

  private Effect<UserEvent, User> onRulesExpired(User state) {
    refreshTimelines(state);
    return Effect().none();
  }

  private void drain() {
    if (timelines.isEmpty()) return;
    if (around.fenceOpen().getAsBoolean()) timelines.values().forEach(LiveTimeline::drain);
    else timers.startSingleTimer("drain", DRAIN, FENCED_PAUSE);
  }

  private Effect<UserEvent, User> onRun(User state, Run command) {
    command.task().run();
    return Effect().none();
  }

  // --- durable, then announced ---

  private Effect<UserEvent, User> announce(
      User state, Request request, Function<Long, UserEvent> event, @Nullable PostId post) {
    return announce(state, request, event, post, 1);
  }

  private Effect<UserEvent, User> announce(
      User state,
      Request request,
      Function<Long, UserEvent> event,
      @Nullable PostId post,
      int changed) {
    if (!around.clockTrusted().getAsBoolean()) {
      return refuse(request, Refusal.UNAVAILABLE, "the clock of this node is off");
    }
    if (!marked) return waitForOutbox(request);
    if (announcing && isPastLong() && !pastAwaited) return waitForPast(request);
    UserEvent durable = event.apply(announcedTo(state));
    return persist(durable)
        .thenRun(
            now -> {
              long sequence = lastSequenceNumber(context);
              unannounced.add(sequence);
              append(sequence, durable);
              if (durable instanceof IntentAccepted) refreshTimelines(now);
              reply(request, now, post, changed);
            });
  }

  private void reply(Request request, User now, @Nullable PostId post, int changed) {
    // Persisted, but perhaps behind another writer: only the owner may promise.
    if (around.fenceOpen().getAsBoolean()) {
      request
          .replyTo()
          .tell(new Written(post, line(request, now), at(request, now, post), changed));
    } else {
      refuse(request, Refusal.FENCED, "this node may no longer own " + user);
    }
  }

  private void append(long sequence, UserEvent event) {
    if (!around.fenceOpen().getAsBoolean()) {
      // Another node may own the user by now; it finds the event in the journal, or never will.
      onAppended(sequence, new IllegalStateException("this node may no longer own " + user));
      return;
    }
    Lines.append(around.log(), event)
        .whenComplete((done, failure) -> owner.execute(() -> onAppended(sequence, failure)));
  }

  private void onAppended(long sequence, @Nullable Throwable failure) {
    if (failure == null) {
      unannounced.remove(sequence);
      if (unannounced.isEmpty() && !unsure) onAllAnnounced();
    } else if (announcing) {
      failedMeanwhile = true;
    } else if (!timers.isTimerActive("announce")) {
      announceLater("event " + sequence, failure);
    }
  }

  /** Ever more seldom, up to eight times as late: while the log is away very many users wait. */
  private void announceLater(String what, Throwable failure) {
    if (announcedInVain == 0) {
      context
          .getLog()
          .warn("{}: the log did not take {}; announcing again until it does", user, what, failure);
    }
    long factor = Math.min(LONGEST_ANNOUNCE_PAUSE, 1L << Math.min(announcedInVain++, 10));
    long most = around.limits().retryAfter().toMillis() * factor;
    Duration pause = Duration.ofMillis(ThreadLocalRandom.current().nextLong(most / 2, most + 1));
    timers.startSingleTimer("announce", new Announce(user, 0), pause);
  }

  private long announcedTo(User state) {
    if (unsure) return Math.max(announced, state.announcedTo());
    long last = lastSequenceNumber(context);
    return unannounced.isEmpty() ? last : unannounced.first() - 1;
  }

  /**
   * Whether an event that says no more of the past than the last one did would make the next life
   * announce too much of it again.
   */
  private boolean isPastLong() {
    return unsure && recoveredTo - announced > MOST_ANNOUNCED_TWICE;
  }

  private Effect<UserEvent, User> waitForPast(Request request) {
    if (waiting.size() >= around.limits().waiting()) {
      return refuse(request, Refusal.UNAVAILABLE, "too many commands wait for the logs");
    }
    waiting.add(request);
    if (waiting.size() == 1) {
      timers.startSingleTimer("past", new Run(this::waitNoLonger), LONGEST_WAIT_FOR_THE_PAST);
    }
    return Effect().none();
  }

  private void waitNoLonger() {
    pastAwaited = true;
    timers.cancel("past");
    if (marking) return;
    List<Request> requests = List.copyOf(waiting);
    waiting.clear();
    requests.forEach(context.getSelf()::tell);
  }

  private Effect<UserEvent, User> waitForOutbox(Request request) {
    if (waiting.size() >= around.limits().waiting()) {
      return refuse(request, Refusal.UNAVAILABLE, "too many commands wait for the outbox");
    }
    waiting.add(request);
    if (!marking) {
      marking = true;
      long at = around.clock().next();
      markedAt = at;
      around
          .outbox()
          .mark(user, at)
          .whenComplete((done, failure) -> owner.execute(() -> onMarked(at, failure)));
    }
    return Effect().none();
  }

  private void onMarked(long at, @Nullable Throwable failure) {
    if (!marking || at != markedAt) return;
    marking = false;
    List<Request> requests = List.copyOf(waiting);
    waiting.clear();
    if (failure != null) {
      context.getLog().warn("{}: the outbox could not be written", user, failure);
      requests.forEach(r -> refuse(r, Refusal.UNAVAILABLE, "the outbox could not be written"));
      return;
    }
    marked = true;
    markedNanos = System.nanoTime();
    // An earlier life may have left something unannounced. Before the requests, so that their
    // lines do not go out twice.
    if (unsure) context.getSelf().tell(new Announce(user, 0));
    requests.forEach(context.getSelf()::tell);
    lingerThenClear();
  }

  private Effect<UserEvent, User> onSettle(User state, Settle command) {
    if (!unsure && unannounced.isEmpty()) return written(command, state, null, 0);
    if (settling.size() >= around.limits().waiting()) {
      return refuse(command, Refusal.UNAVAILABLE, "too many wait for the logs");
    }
    settling.add(command);
    if (unsure) context.getSelf().tell(new Announce(user, 0));
    return Effect().none();
  }

  private void onAllAnnounced() {
    if (!unsure) {
      for (Settle request : settling) request.replyTo().tell(new Written(null, 0, 0, 0));
      settling.clear();
    }
    if (erasing) context.getSelf().tell(new DeleteRemains());
    else lingerThenClear();
  }

  /** Whoever writes on and on would put the end off for ever. */
  private void lingerThenClear() {
    boolean longEnough = marked && System.nanoTime() - markedNanos > LONGEST_LINGER.toNanos();
    if (longEnough) clearOutbox();
    else timers.startSingleTimer("clear", new Run(this::clearOutbox), OUTBOX_LINGER);
  }

  private void clearOutbox() {
    if (erasing || unsure || !unannounced.isEmpty() || !waiting.isEmpty()) return;
    // The next owner may rely on a row that was seen here.
    if (!around.fenceOpen().getAsBoolean()) return;
    clearRows();
  }

  /** Done when all of them are cleared; what fails is logged. */
  private CompletionStage<Void> clearRows() {
    if (marked) rowsSeen.add(markedAt);
    marked = false;
    CompletableFuture<?>[] cleared =
        rowsSeen.stream()
            .map(at -> clearRow(at).toCompletableFuture())
            .toArray(CompletableFuture<?>[]::new);
    rowsSeen.clear();
    return CompletableFuture.allOf(cleared);
  }

  private CompletionStage<Void> clearRow(long at) {
    return around
        .outbox()
        .clear(user, at)
        .whenComplete(
            (done, failure) -> {
              if (failure != null) {
                owner.execute(
                    () -> context.getLog().warn("{}: outbox row not removed", user, failure));
              }
            });
  }

  private Effect<UserEvent, User> onAnnounce(User state, Announce command) {
    if (!command.user().equals(user)) return Effect().none();
    if (!around.fenceOpen().getAsBoolean()) {
      timers.startSingleTimer("announce", command, around.limits().retryAfter());
      return Effect().none();
    }
    if (command.markedAt() > 0) {
      // The next mark must be later: clearing this one removes what is earlier in its minute.
      around.clock().observe(command.markedAt());
      rowsSeen.add(command.markedAt());
    }
    if (announcing) return Effect().none();
    long from = announcedTo(state) + 1;
    long last = lastSequenceNumber(context);
    if (from > last) {
      lingerThenClear();
      return Effect().none();
    }
    if (around.log().busy()) {
      announceLater("events from " + from, new IllegalStateException("many lines wait for it"));
      return Effect().none();
    }
    announcing = true;
    failedMeanwhile = false;
    long to = Math.min(last, from + EVENTS_ANNOUNCED_AT_ONCE - 1);
    around
        .journal()
        .read(persistenceId(user), from, to)
        .thenCompose(events -> Lines.appendAll(around.log(), events))
        .whenComplete((done, failure) -> owner.execute(() -> onAnnounced(to, to < last, failure)));
    return Effect().none();
  }

  private void onAnnounced(long to, boolean more, @Nullable Throwable failure) {
    announcing = false;
    if (failure != null) {
      waitNoLonger();
      announceLater("events up to " + to, failure);
      return;
    }
    announcedInVain = 0;
    announced = to;
    if (to >= recoveredTo) unsure = false;
    if (!isPastLong()) waitNoLonger();
    unannounced.headSet(to, true).clear();
    if ((more || failedMeanwhile) && (unsure || !unannounced.isEmpty())) {
      context.getSelf().tell(new Announce(user, 0));
    } else if (unannounced.isEmpty()) {
      onAllAnnounced();
    }
  }

  // --- the end of a user ---

  private Effect<UserEvent, User> onErase(User state, Erase command) {
    User.Erasure erasure = state.erasure();
    if (erasure == null) {
      if (!around.clockTrusted().getAsBoolean()) {
        return refuse(command, Refusal.UNAVAILABLE, "the clock of this node is off");
      }
      return erase(state, command, around.clock().nextAfter(state.lastAt()));
    }
    if (erasure.done()) {
      command.replyTo().tell(receipt(state, erasure));
    } else if (erasers.size() >= around.limits().waiting()) {
      return refuse(command, Refusal.ERASING, "not everything of " + user + " is deleted yet");
    } else {
      erasers.add(command);
      context.getSelf().tell(new DeleteRemains());
    }
    return Effect().none();
  }

  /**
   * @param request of somebody here, or what another cell has accepted
   */
  private Effect<UserEvent, User> erase(User state, Request request, long at) {
    if (!marked) return waitForOutbox(request);
    // Whatever is before it needs no announcement any more.
    Erased erased = new Erased(at, payload(lines(state).erased(at)), lastSequenceNumber(context));
    return persist(erased)
        .thenRun(
            now -> {
              erasing = true;
              if (request instanceof Erase command) erasers.add(command);
              else reply(request, now, null, 1);
              List.copyOf(timelines.keySet()).forEach(this::stopTimeline);
              long sequence = lastSequenceNumber(context);
              unsure = false;
              unannounced.clear();
              unannounced.add(sequence);
              append(sequence, erased);
            });
  }

  private Effect<UserEvent, User> onDeleteRemains(User state, DeleteRemains command) {
    if (!erasing || deletingRemains || unsure || !unannounced.isEmpty()) return Effect().none();
    if (!around.fenceOpen().getAsBoolean()) {
      // Another owner may have written in its place what is the last event of all here.
      timers.startSingleTimer("remains", command, around.limits().retryAfter());
      return Effect().none();
    }
    deletingRemains = true;
    // The last event of all is the one that says so.
    long before = lastSequenceNumber(context) - 1;
    around
        .remains()
        .delete(user, before)
        .whenComplete(
            (posts, failure) ->
                context
                    .getSelf()
                    .tell(new RemainsGone(failure == null ? posts : 0, before, failure)));
    return Effect().none();
  }

  private Effect<UserEvent, User> onRemainsGone(User state, RemainsGone command) {
    deletingRemains = false;
    if (!erasing) return Effect().none();
    if (command.failure() != null || !around.fenceOpen().getAsBoolean()) {
      context.getLog().warn("{} is erased, but not everything is deleted", user, command.failure());
      for (Erase request : erasers) {
        refuse(request, Refusal.ERASING, "not everything of " + user + " is deleted yet");
      }
      erasers.clear();
      timers.startSingleTimer("remains", new DeleteRemains(), around.limits().retryAfter());
      return Effect().none();
    }
    return persist(
            new RemainsDeleted(
                command.posts(), command.events(), nowMillis(), lastSequenceNumber(context)))
        .thenRun(
            now -> {
              erasing = false;
              clearRows().whenComplete((done, failure) -> owner.execute(() -> tellErasers(now)));
            });
  }

  private void tellErasers(User now) {
    Receipt receipt = receipt(now, requireNonNull(now.erasure()));
    erasers.forEach(request -> request.replyTo().tell(receipt));
    erasers.clear();
  }

  private static Receipt receipt(User state, User.Erasure erasure) {
    return new Receipt(
        erasure.at(),
        state.posting().sequence(),
        erasure.posts(),
        erasure.events(),
        erasure.doneAtMillis());
  }

  // --- going to sleep ---

  /** Who only writes is cheap to wake again, and there may be very many of them. */
  private Duration passivateAfter() {
    Duration limit = around.limits().passivateAfter();
    return timelines.isEmpty() ? limit.dividedBy(10) : limit;
  }

  private void checkIdleIn(Duration delay) {
    timers.startSingleTimer("idle", new IdleCheck(), delay);
  }

  /** They do not wait for the whole entity to be idle: its home feed may be watched for days. */
  private void letListsSleep() {
    Duration limit = around.limits().passivateAfter();
    for (String surface : List.copyOf(timelines.keySet())) {
      if (surface.equals(ResidentTimelines.HOME)) continue;
      LiveTimeline list = requireNonNull(timelines.get(surface));
      if (list.settled() && list.idle().compareTo(limit) >= 0) stopTimeline(surface);
    }
  }

  private Effect<UserEvent, User> onIdleCheck(User state, IdleCheck command) {
    letListsSleep();
    Duration limit = passivateAfter();
    Duration idle = Duration.ofNanos(System.nanoTime() - lastCommandNanos);
    for (LiveTimeline timeline : timelines.values()) {
      if (timeline.idle().compareTo(idle) < 0) idle = timeline.idle();
    }
    LiveTimeline home = timelines.get(ResidentTimelines.HOME);
    boolean busy = !waiting.isEmpty() || announcing || !unannounced.isEmpty() || erasing;
    if (idle.compareTo(limit) >= 0 && !busy) {
      shard.tell(new ClusterSharding.Passivate<>(context.getSelf()));
      checkIdleIn(limit);
      return Effect().none();
    }
    Duration rest = limit.minus(idle);
    checkIdleIn(rest.toMillis() < 1000 ? Duration.ofSeconds(1) : rest);
    Checkpoint soonLost = home == null ? null : home.checkpoint();
    if (soonLost != null && state.checkpoint() != null && isWarmer(soonLost, state)) {
      return checkpointed(state, soonLost);
    }
    return Effect().none();
  }

  private Effect<UserEvent, User> onStop(User state, Stop command) {
    // Again: the checkpoint that it was to leave with has failed.
    if (stopping) return Effect().stop();
    // Who asked before this was known gets an answer; the next owner must not wait long for it.
    boolean asked = !waiting.isEmpty() || !settling.isEmpty() || !erasers.isEmpty();
    if (asked && postponed++ < MOST_POSTPONED) {
      timers.startSingleTimer("stop", command, POSTPONED_BY);
      return Effect().none();
    }
    stopping = true;
    LiveTimeline home = timelines.get(ResidentTimelines.HOME);
    Checkpoint now = home == null ? null : home.checkpoint();
    if (now == null
        || state.erasure() != null
        || !around.fenceOpen().getAsBoolean()
        || !worthIt(state, now)) {
      return Effect().stop();
    }
    return checkpointed(state, now).thenStop();
  }

  private boolean worthIt(User state, Checkpoint now) {
    return state.checkpoint() == null
        || state.checkpointed().changesTo(now.entries()) >= CHANGES_WORTH_A_CHECKPOINT
        || isWarmer(now, state);
  }

  /** Whether a timeline can wake by this checkpoint that could not by the last one. */
  private boolean isWarmer(Checkpoint now, User state) {
    Arrivals arrivals = around.timelines().arrivals();
    return !arrivals.reachesBack(state.checkpointed().positions())
        && arrivals.reachesBack(now.positions());
  }

  private EffectBuilder<UserEvent, User> checkpointed(User state, Checkpoint now) {
    around.timelines().stats().checkpoints.increment();
    return persist(new EntriesArrived(new Payload(state.checkpointed().differenceTo(now))))
        .thenRun((User then) -> requireNonNull(then.checkpoint()).hold(now));
  }

  // --- small change ---

  private EffectBuilder<UserEvent, User> persist(UserEvent event) {
    return persist(List.of(event));
  }

  private EffectBuilder<UserEvent, User> persist(List<UserEvent> events) {
    long askedAt = System.nanoTime();
    return Effect()
        .persist(events)
        .thenRun(() -> around.stats().persistedIn(System.nanoTime() - askedAt));
  }

  private Lines lines(User state) {
    return new Lines(user, around.cell(), epoch, state);
  }

  private Effect<UserEvent, User> written(
      Request request, User state, @Nullable PostId post, int changed) {
    request
        .replyTo()
        .tell(new Written(post, line(request, state), at(request, state, post), changed));
    return Effect().none();
  }

  /** The version of what was written: an imported or repeated post has one of long before. */
  private static long at(Request request, User state, @Nullable PostId post) {
    return request instanceof Publish && post != null ? post.hi() : state.lastAt();
  }

  /** What the posts log must have brought; decisions are seen by whoever asks the entity. */
  private static long line(Request request, User state) {
    boolean posts =
        request instanceof Publish || request instanceof Edit || request instanceof Delete;
    return posts ? state.posting().sequence() : 0;
  }

  private Effect<UserEvent, User> refuse(Request request, Refusal why, String detail) {
    request.replyTo().tell(new Refused(why, detail));
    return Effect().none();
  }

  private static Payload payload(MessageLite line) {
    return new Payload(line.toByteArray());
  }
}
