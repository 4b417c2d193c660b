package io.tideline.node.api;

import static java.util.Objects.requireNonNull;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.typesafe.config.ConfigFactory;
import io.grpc.Status;
import io.tideline.persistence.user.UserEntity;
import io.tideline.persistence.user.UserReply;
import io.tideline.protocols.KeyRing;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is asked again, and what is not, when a user's shard moves or its node is gone. */
class UsersTest {
  private static final UserReply MOVING =
      new UserReply.Refused(UserReply.Refusal.MISROUTED, "the user moves to another node");
  private static final UserReply FOUND = new UserReply.Following(List.of(), false);
  private static final AtomicInteger asked = new AtomicInteger();
  private static volatile IntFunction<@Nullable UserReply> entity = time -> FOUND;
  private static ActorTestKit kit;
  private static ClusterSharding sharding;

  private final UserId user = new UserId("ann");
  private volatile boolean fenceOpen = true;

  @BeforeAll
  static void start() {
    kit =
        ActorTestKit.create(
            ConfigFactory.parseString(
                    """
                    pekko.actor.provider = cluster
                    pekko.remote.artery.canonical { hostname = 127.0.0.1, port = 0 }
                    pekko.cluster.jmx.enabled = off
                    """)
                .withFallback(ConfigFactory.defaultReference()));
    Cluster cluster = Cluster.get(kit.system());
    cluster.manager().tell(new Join(cluster.selfMember().address()));
    sharding = ClusterSharding.get(kit.system());
    sharding.init(
        Entity.of(
            UserEntity.TYPE_KEY,
            context ->
                Behaviors.receiveMessage(
                    message -> {
                      UserReply reply = entity.apply(asked.incrementAndGet());
                      if (reply != null) ((UserEntity.Request) message).replyTo().tell(reply);
                      return Behaviors.same();
                    })));
  }

  @AfterAll
  static void stop() {
    kit.shutdownTestKit();
  }

  @BeforeEach
  void nobodyHasAsked() {
    entity = time -> FOUND;
    asked.set(0);
  }

  private Users users(Duration timeout) throws Exception {
    Users users =
        new Users(
            sharding,
            () -> fenceOpen,
            timeout,
            new TokenCodec(new KeyRing(1, Map.of(1, new byte[32]))),
            1,
            kit.system().executionContext());
    users.open().toCompletableFuture().get(20, SECONDS);
    asked.set(0);
    return users;
  }

  private CompletionStage<UserReply.Following> read(Users users) {
    return users.ask(
        user,
        UserReply.Following.class,
        replyTo -> new UserEntity.ListFollowing(user, null, 1, replyTo));
  }

  private CompletionStage<UserReply.Following> once(Users users) {
    return users.askOnce(
        user,
        UserReply.Following.class,
        replyTo -> new UserEntity.ListFollowing(user, null, 1, replyTo));
  }

  private static void isFound(CompletionStage<UserReply.Following> answer) throws Exception {
    assertThat(answer.toCompletableFuture().get(20, SECONDS)).isEqualTo(FOUND);
  }

  private static IntFunction<UserReply> movingFor(Duration time) {
    long there = System.nanoTime() + time.toNanos();
    return number -> System.nanoTime() < there ? MOVING : FOUND;
  }

  @Test
  void a_node_that_stood_still_passes_nothing_on() throws Exception {
    Users users = users(Duration.ofSeconds(10));
    fenceOpen = false;
    assertThat(catchThrowable(() -> once(users).toCompletableFuture().get(20, SECONDS)))
        .hasMessageContaining("cut off from its cell");
    assertThat(asked.get()).isZero();
    fenceOpen = true;
    isFound(once(users));
  }

  @Test
  void a_read_is_asked_again_until_the_shard_has_moved() throws Exception {
    Users users = users(Duration.ofSeconds(10));
    entity = movingFor(Duration.ofSeconds(1));
    isFound(read(users));
    assertThat(asked.get()).as("twice as long each time").isBetween(3, 6);
  }

  @Test
  void a_write_is_asked_again_until_the_shard_has_moved() throws Exception {
    Users users = users(Duration.ofSeconds(10));
    entity = movingFor(Duration.ofSeconds(1));
    isFound(once(users));
    assertThat(asked.get()).isBetween(3, 6);
  }

  @Test
  void a_shard_that_moves_for_too_long_is_reported_in_time() throws Exception {
    Duration timeout = Duration.ofSeconds(1);
    Users users = users(timeout);
    entity = time -> MOVING;
    long began = System.nanoTime();
    Throwable failure = catchThrowable(() -> isFound(read(users)));
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(timeout);
    assertThat(Status.fromThrowable(requireNonNull(failure)).getCode())
        .isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void a_read_without_an_answer_is_asked_again() throws Exception {
    Users users = users(Duration.ofSeconds(10));
    entity = time -> time < 2 ? null : FOUND;
    isFound(read(users));
    assertThat(asked.get()).isEqualTo(2);
  }

  @Test
  void what_is_better_not_done_twice_is_not_asked_again() throws Exception {
    Users users = users(Duration.ofSeconds(2));
    entity = time -> null;
    assertThatThrownBy(() -> isFound(once(users)))
        .isInstanceOf(ExecutionException.class)
        .hasRootCauseInstanceOf(TimeoutException.class);
    assertThat(asked.get()).isEqualTo(1);
  }
}
