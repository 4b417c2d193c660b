package io.tideline.node.api;

import io.grpc.Status;
import io.tideline.node.ops.WarmUp;
import io.tideline.persistence.user.Payload;
import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.ConsistencyToken;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;

/** Asks the entities of users, wherever they live, and turns refusals into statuses. */
public final class Users {
  private static final Duration RETRY_SOON = Duration.ofSeconds(1);
  private static final Duration TO_BE_FOUND = Duration.ofSeconds(5);
  private static final Duration FIRST_PATIENCE = Duration.ofMillis(500);
  private static final Duration ELSEWHERE_AT_ONCE = Duration.ofMillis(50);
  private static final Duration MOVED_SOON = Duration.ofMillis(50);

  private final ClusterSharding sharding;
  private final BooleanSupplier fenceOpen;
  private final Duration timeout;
  private final TokenCodec tokens;
  private final int cell;
  private final Executor executor;
  private volatile boolean open;

  /**
   * @param fenceOpen without it nothing is passed on: what waited in the socket of a node that
   *     stood still may have been repeated elsewhere meanwhile, and undone again
   * @param executor on which answers are worked on
   */
  public Users(
      ClusterSharding sharding,
      BooleanSupplier fenceOpen,
      Duration timeout,
      TokenCodec tokens,
      int cell,
      Executor executor) {
    this.sharding = sharding;
    this.fenceOpen = fenceOpen;
    this.timeout = timeout;
    this.tokens = tokens;
    this.cell = cell;
    this.executor = executor;
  }

  /**
   * Done when this node finds the owners of users, or after 5 s; until then whoever calls is sent
   * elsewhere.
   */
  public CompletionStage<Void> open() {
    UserId nobody = WarmUp.nobody();
    return sharding
        .entityRefFor(UserEntity.TYPE_KEY, nobody.value())
        .<UserReply>ask(
            replyTo -> new UserEntity.ListFollowing(nobody, null, 1, replyTo), TO_BE_FOUND)
        .handle(
            (found, failure) -> {
              open = true;
              return null;
            });
  }

  /** This node has no users any more and finds nobody's owner: callers must go elsewhere. */
  public void leave() {
    open = false;
  }

  /**
   * Asks for something that changes nothing, or wakes a timeline; again when no answer comes soon,
   * because what is on its way to a node that dies is lost.
   */
  <R extends UserReply> CompletionStage<R> ask(
      UserId user, Class<R> expected, Function<ActorRef<UserReply>, UserEntity.Command> command) {
    return asked(user, command, FIRST_PATIENCE).thenApply(reply -> expected.cast(accepted(reply)));
  }

  private CompletionStage<UserReply> asked(
      UserId user, Function<ActorRef<UserReply>, UserEntity.Command> command, Duration patience) {
    return asked(user, command, patience, MOVED_SOON, System.nanoTime() + timeout.toNanos());
  }

  /**
   * @param patience before it is asked again without an answer to the first time
   * @param pause before it is asked again when the shard was about to move, and nothing was done
   */
  private CompletionStage<UserReply> asked(
      UserId user,
      Function<ActorRef<UserReply>, UserEntity.Command> command,
      Duration patience,
      Duration pause,
      long giveUpAt) {
    if (!open) {
      return CompletableFuture.failedStage(
          StatusMapping.unavailable(
              "NO_USERS_HERE", "this node starts or has left", Map.of(), ELSEWHERE_AT_ONCE));
    }
    if (!fenceOpen.getAsBoolean()) return CompletableFuture.failedStage(StatusMapping.fenced());
    Duration left = Duration.ofNanos(giveUpAt - System.nanoTime());
    boolean last = patience.compareTo(left) >= 0;
    // Whatever follows a stage of the toolkit's runs on the common pool, and with one or two
    // processors that is a new thread each time.
    return sharding
        .entityRefFor(UserEntity.TYPE_KEY, user.value())
        .<UserReply>ask(command::apply, last ? left : patience)
        .handleAsync(
            (reply, failure) -> {
              if (failure != null) {
                return !last && isTimeout(failure)
                    ? asked(user, command, patience.multipliedBy(2), pause, giveUpAt)
                    : CompletableFuture.<UserReply>failedStage(failure);
              }
              return wentAstray(reply) && isBefore(giveUpAt, pause.multipliedBy(2))
                  ? after(pause)
                      .thenCompose(
                          now -> asked(user, command, patience, pause.multipliedBy(2), giveUpAt))
                  : CompletableFuture.completedStage(reply);
            },
            executor)
        .thenCompose(Function.identity());
  }

  private static boolean isTimeout(Throwable failure) {
    return failure instanceof TimeoutException || failure.getCause() instanceof TimeoutException;
  }

  private static boolean isBefore(long nanoTime, Duration needed) {
    return nanoTime - System.nanoTime() > needed.toNanos();
  }

  private static boolean wentAstray(UserReply reply) {
    return reply instanceof UserReply.Refused refused
        && refused.why() == UserReply.Refusal.MISROUTED;
  }

  private CompletionStage<Void> after(Duration pause) {
    return CompletableFuture.runAsync(
        () -> {},
        CompletableFuture.delayedExecutor(pause.toMillis(), TimeUnit.MILLISECONDS, executor));
  }

  /** Asks for something that is better not done twice. */
  <R extends UserReply> CompletionStage<R> askOnce(
      UserId user, Class<R> expected, Function<ActorRef<UserReply>, UserEntity.Command> command) {
    return asked(user, command, timeout).thenApply(reply -> expected.cast(accepted(reply)));
  }

  /** Asks for a write. */
  CompletionStage<UserReply.Written> write(
      UserId user, Function<ActorRef<UserReply>, UserEntity.Command> command) {
    return askOnce(user, UserReply.Written.class, command);
  }

  /**
   * What became of a decision.
   *
   * @param changed how much of it was new
   */
  record Decided(int changed, String token) {}

  /** Asks to change what the user follows, hides or has in lists. */
  CompletionStage<Decided> decide(UserId user, IntentLine intent) {
    Payload encoded = new Payload(intent.toByteArray());
    return write(user, replyTo -> new UserEntity.Decide(user, encoded, replyTo))
        .thenApply(written -> new Decided(written.changed(), tokenOf(user, written)));
  }

  /** Applies to a user what others have decided, or the user in another cell. */
  public CompletionStage<Void> apply(UserId user, List<IntentLine> lines) {
    List<Payload> encoded = lines.stream().map(line -> new Payload(line.toByteArray())).toList();
    return write(user, replyTo -> applied(user, encoded, replyTo)).thenAccept(written -> {});
  }

  /** Nodes of version 0.1 know no other way, and have nothing else to apply. */
  private static UserEntity.Command applied(
      UserId user, List<Payload> lines, ActorRef<UserReply> replyTo) {
    return lines.size() == 1
        ? new UserEntity.Apply(user, lines.get(0), replyTo)
        : new UserEntity.ApplyAll(user, lines, replyTo);
  }

  /** What a read hands in to see this write. */
  String tokenOf(UserId user, UserReply.Written written) {
    return tokens.encode(
        new ConsistencyToken(cell, user, written.postSequence(), written.at(), written.post()));
  }

  String tokenOf(UserId user, long postSequence, long at) {
    return tokens.encode(new ConsistencyToken(cell, user, postSequence, at, null));
  }

  private static UserReply accepted(UserReply reply) {
    if (!(reply instanceof UserReply.Refused refused)) return reply;
    String reason = refused.why().name();
    throw switch (refused.why()) {
      case ALREADY_EXISTS ->
          StatusMapping.failure(Status.Code.ALREADY_EXISTS, reason, refused.detail());
      case LIMIT_REACHED ->
          StatusMapping.failure(Status.Code.RESOURCE_EXHAUSTED, reason, refused.detail());
      case UNKNOWN_LIST -> StatusMapping.failure(Status.Code.NOT_FOUND, reason, refused.detail());
      case NOT_FOLLOWED, ERASED ->
          StatusMapping.failure(Status.Code.FAILED_PRECONDITION, reason, refused.detail());
      case READ_POSITION_MOVED ->
          StatusMapping.failure(
              Status.Code.ABORTED,
              reason,
              "the read position is " + refused.detail(),
              Map.of("read_post_id", refused.detail()));
      case UNAVAILABLE, FENCED, MISROUTED, ERASING ->
          StatusMapping.unavailable(reason, refused.detail(), Map.of(), RETRY_SOON);
    };
  }
}
