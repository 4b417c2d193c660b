package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.timeline.Verdict;
import io.tideline.persistence.user.UserEntity.Addressed;
import io.tideline.persistence.user.UserEntity.Announce;
import io.tideline.persistence.user.UserEntity.Apply;
import io.tideline.persistence.user.UserEntity.ApplyAll;
import io.tideline.persistence.user.UserEntity.Decide;
import io.tideline.persistence.user.UserEntity.Delete;
import io.tideline.persistence.user.UserEntity.Describe;
import io.tideline.persistence.user.UserEntity.Edit;
import io.tideline.persistence.user.UserEntity.Erase;
import io.tideline.persistence.user.UserEntity.Explain;
import io.tideline.persistence.user.UserEntity.GetDecided;
import io.tideline.persistence.user.UserEntity.ListFollowing;
import io.tideline.persistence.user.UserEntity.MarkRead;
import io.tideline.persistence.user.UserEntity.Publish;
import io.tideline.persistence.user.UserEntity.Settle;
import io.tideline.persistence.user.UserEntity.Stop;
import io.tideline.persistence.user.UserEntity.Wake;
import io.tideline.persistence.user.UserReply.Awake;
import io.tideline.persistence.user.UserReply.Decided;
import io.tideline.persistence.user.UserReply.Described;
import io.tideline.persistence.user.UserReply.Explained;
import io.tideline.persistence.user.UserReply.Following;
import io.tideline.persistence.user.UserReply.Receipt;
import io.tideline.persistence.user.UserReply.Refusal;
import io.tideline.persistence.user.UserReply.Refused;
import io.tideline.persistence.user.UserReply.Written;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.jackson.JacksonCborSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What nodes say to each other arrives as it was sent. */
class MessageFormatTest {
  // Part of what is recorded: the address to reply to.
  private static final ActorTestKit SYSTEM = ActorTestKit.create("recorded");
  private static final ActorRef<UserReply> REPLY_TO = SYSTEM.system().deadLetters();
  private static final Serialization SERIALIZATION = SerializationExtension.get(SYSTEM.system());
  private static final UserId ANN = new UserId("ann");
  private static final UserId BEA = new UserId("bea");
  private static final PostId POST = new PostId(1_750_000_000_000L << 16, -5);
  private static final Positions POSITIONS =
      Positions.EMPTY.with(new LogPartition(1, 7, 3), 17).with(new LogPartition(2, -8, 0), 0);
  private static final Watermark MARK = new Watermark(POSITIONS, 12, PostId.MIN, POST);
  private static final Payload BYTES = new Payload(new byte[] {1, 2, (byte) 0xff});

  @AfterAll
  static void stop() {
    SYSTEM.shutdownTestKit();
  }

  static Stream<Object> messages() {
    return Stream.of(
        new Publish(ANN, "key", null, -7, BYTES, BYTES, REPLY_TO),
        new Publish(ANN, "key", 1_600_000_000_000L, -7, BYTES, BYTES, REPLY_TO),
        new Edit(ANN, POST, 12, BYTES, BYTES, REPLY_TO),
        new Delete(ANN, POST, 12, REPLY_TO),
        new Decide(ANN, BYTES, REPLY_TO),
        new Apply(ANN, BYTES, REPLY_TO),
        new ApplyAll(ANN, List.of(BYTES, BYTES), REPLY_TO),
        new Settle(ANN, REPLY_TO),
        new Erase(ANN, REPLY_TO),
        new ListFollowing(ANN, null, 20, REPLY_TO),
        new ListFollowing(ANN, BEA, 20, REPLY_TO),
        new GetDecided(ANN, REPLY_TO),
        new MarkRead(ANN, "home", null, null, null, REPLY_TO),
        new MarkRead(ANN, "list:close", POST, MARK, "NONE", REPLY_TO),
        new Wake(ANN, "home", REPLY_TO),
        new Explain(ANN, "home", POST, null, 0, REPLY_TO),
        new Explain(ANN, "home", POST, BYTES, 12, REPLY_TO),
        new Describe(ANN, REPLY_TO),
        new Announce(ANN, 17),
        new Stop(),
        new Written(POST, 3, 4, 5),
        new Written(null, 3, 4, 0),
        new Refused(Refusal.FENCED, "why"),
        new Following(List.of(ANN), true),
        new Decided(List.of(), List.of(), List.of(), List.of(), List.of()),
        new Decided(
            List.of("tide"),
            List.of(new Decided.ListOf("close", new UserList("Close", true), List.of(BEA))),
            List.of(new Decided.Mute(BEA, 17)),
            List.of(BEA),
            List.of(new Decided.Rule("r1", new MuteRule("No storms", "storm", "", true, 18)))),
        new Explained(Verdict.MUTE_RULE, -1, BEA, "tide", "r1", POST, 12, true),
        new Explained(null, 3, null, null, null, null, 0, false),
        new Described("node", 1, 2, POST, POSITIONS, POSITIONS, POSITIONS, 3, 4, 5, true, 6),
        new Awake("127.0.0.1:8080"),
        new Receipt(1, 2, 3, 4, 5));
  }

  @ParameterizedTest
  @MethodSource("messages")
  void a_message_arrives_as_it_was_sent(Object message) throws IOException {
    assertThat(SERIALIZATION.serializerFor(message.getClass()))
        .isInstanceOf(JacksonCborSerializer.class);
    Object arrived = SYSTEM.serializationTestKit().verifySerialization(message, true);
    assertThat(arrived).isEqualTo(message);
  }

  @Test
  void what_another_version_says_is_understood() throws IOException {
    Map<String, String> recorded = Recordings.of("messages.properties");
    Map<String, Integer> seen = new HashMap<>();
    List<String> missing = new ArrayList<>();
    for (Object message : messages().toList()) {
      String kind = message.getClass().getSimpleName();
      String name = kind + "." + seen.merge(kind, 1, Integer::sum);
      String bytes = recorded.remove(name);
      if (bytes == null) missing.add(name + "=" + written(message));
      else assertThat(read(message.getClass(), bytes)).as(name).isEqualTo(message);
    }
    assertThat(missing)
        .withFailMessage("Add to messages.properties in compat/:%n%s", String.join("\n", missing))
        .isEmpty();
    assertThat(recorded).as("recordings that nothing is compared with").isEmpty();
  }

  private static String written(Object message) {
    return Base64.getEncoder().encodeToString(SERIALIZATION.serialize(message).get());
  }

  private static Object read(Class<?> type, String bytes) throws IOException {
    int serializer = SERIALIZATION.serializerFor(type).identifier();
    return SERIALIZATION
        .deserialize(Base64.getDecoder().decode(bytes), serializer, type.getName())
        .get();
  }

  @Test
  void every_message_that_crosses_nodes_is_tried() {
    assertThat(messages().map(Object::getClass).distinct())
        .containsAll(recordsOf(Addressed.class).toList())
        .containsAll(recordsOf(UserReply.class).toList());
  }

  private static Stream<Class<?>> recordsOf(Class<?> type) {
    return type.isRecord()
        ? Stream.of(type)
        : Arrays.stream(type.getPermittedSubclasses()).flatMap(MessageFormatTest::recordsOf);
  }
}
