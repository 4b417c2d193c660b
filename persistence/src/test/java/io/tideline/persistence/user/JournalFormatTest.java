package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.tideline.persistence.timeline.Checkpoint;
import io.tideline.persistence.timeline.Facts;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.StoredCheckpoint;
import io.tideline.persistence.user.UserEvent.EntriesArrived;
import io.tideline.persistence.user.UserEvent.Erased;
import io.tideline.persistence.user.UserEvent.IntentAccepted;
import io.tideline.persistence.user.UserEvent.IntentApplied;
import io.tideline.persistence.user.UserEvent.PostDeleted;
import io.tideline.persistence.user.UserEvent.PostEdited;
import io.tideline.persistence.user.UserEvent.PostPublished;
import io.tideline.persistence.user.UserEvent.RemainsDeleted;
import io.tideline.protocols.KnownRules;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import io.tideline.protocols.Watermark;
import java.io.IOException;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.SerializerWithStringManifest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** What has ever been written to a journal or a snapshot can be read for ever. */
final class JournalFormatTest {
  private static final ActorTestKit KIT =
      ActorTestKit.create(
          "JournalFormatTest",
          ConfigFactory.parseString("pekko.actor.provider = local")
              .withFallback(ConfigFactory.load()));
  private static final Serialization SERIALIZATION = SerializationExtension.get(KIT.system());

  private static final PostId POST = PostId.parse("01M7X11AQT0000231N12BGQ79J");
  private static final UserId BOB = new UserId("bob");
  private static final UserId CID = new UserId("cid");
  private static final Facts FACTS =
      new Facts(List.of("tide"), "en", List.of(CID), true, null, BOB, POST, CID);
  private static final LogPartition PARTITION = new LogPartition(1, 0x5a5a1234, 3);
  private static final long AT = 117_650_014_783_275_008L;
  private static final Payload LINE = new Payload(new byte[] {8, 1, 18, 2, 3, 4});
  private static final Checkpoint CHECKPOINT =
      new Checkpoint(
          List.of(new PostRef(POST.hi(), POST.lo(), AT, BOB, PARTITION, 42, PostRef.EDITED, FACTS)),
          Positions.EMPTY.with(PARTITION, 43),
          PostId.MIN,
          AT);
  private static final Watermark READ =
      new Watermark(Positions.EMPTY.with(PARTITION, 43), AT, PostId.MIN, POST);
  private static final Watermark READ_IN_A_CELL =
      new Watermark(
          READ.positions(),
          AT,
          PostId.MIN,
          POST,
          new KnownRules(2, Map.of(1, AT, 2, AT + 5), 0x9f3c01aa));
  private static final Graph GRAPH =
      new Graph(
          Map.of(
              BOB,
              Register.of(AT, 1, AT + 1, new Follow(false, List.of("en", "de")))
                  .merge(Register.of(AT - 9, 2, AT - 8, null))
                  .merge(Register.of(AT - 5, 1, AT - 5, Follow.EVERYTHING)),
              CID,
              Register.of(AT, 1, AT, null)),
          Map.of("tide", Register.of(AT, 1, AT, true)),
          Map.of("close", Register.of(AT, 1, AT, new UserList("Close", true))),
          Map.of("close", Map.of(BOB, Register.of(AT, 1, AT, true))),
          AT + 1);
  private static final Filters FILTERS =
      new Filters(
          Map.of(CID, Register.of(AT, 1, AT, 1_800_000_000_000L), BOB, Register.of(4, 1, 5, 0L)),
          Map.of(CID, Register.of(AT, 1, AT, true)),
          Map.of(BOB, Register.of(AT, 2, AT + 1, null)),
          Map.of(
              "r1",
              Register.of(AT, 1, AT, new MuteRule("No storms", "storm", "", true, 0))
                  .merge(Register.of(AT + 1, 1, AT + 1, new MuteRule("", "", "tide", false, 9)))),
          AT + 1);

  /** One of each, by the name it is recorded under. */
  private static final Map<String, Object> SAMPLES =
      new TreeMap<>(
          Map.of(
              "PostPublished", new PostPublished(POST, "key-1", 4_711, AT, LINE, 6),
              "PostEdited", new PostEdited(POST, AT, LINE, 7),
              "PostDeleted", new PostDeleted(POST, AT, LINE, 8),
              "IntentAccepted", new IntentAccepted(LINE, 9),
              "IntentApplied", new IntentApplied(LINE, AT),
              "EntriesArrived", new EntriesArrived(new Payload(CHECKPOINT.encode())),
              "User",
                  new User(
                      GRAPH,
                      FILTERS,
                      new ReadState(
                          Map.of("home", READ, Rules.surfaceOf("close"), Watermark.NOTHING)),
                      new Posting(5, Map.of("key-1", new Posting.Accepted(POST, 4_711, AT))),
                      new StoredCheckpoint(CHECKPOINT.encode()),
                      3,
                      AT,
                      9,
                      null),
              "Erased", new Erased(AT, LINE, 10),
              "RemainsDeleted", new RemainsDeleted(3, 10, 1_763_650_000_123L, 11),
              "ErasedUser",
                  new User(
                      Graph.EMPTY,
                      Filters.EMPTY,
                      ReadState.EMPTY,
                      new Posting(6, Map.of()),
                      null,
                      0,
                      AT,
                      11,
                      new User.Erasure(AT, 3, 10, 1_763_650_000_123L))));

  static {
    ReadState read =
        new ReadState(
            Map.of("home", READ_IN_A_CELL, Rules.surfaceOf("close"), READ_IN_A_CELL.uncertain()));
    SAMPLES.put(
        "UserOfCells",
        new User(Graph.EMPTY, Filters.EMPTY, read, Posting.EMPTY, null, 0, AT, 0, null));
  }

  @AfterAll
  static void stop() {
    KIT.shutdownTestKit();
  }

  @Test
  void every_kind_of_event_is_recorded() {
    assertThat(SAMPLES.values())
        .extracting(Object::getClass)
        .filteredOn(UserEvent.class::isAssignableFrom)
        .containsExactlyInAnyOrder(UserEvent.class.getPermittedSubclasses());
  }

  @Test
  void what_was_recorded_is_still_read_as_what_it_was() {
    Map<String, String> recorded = Recordings.of("journal.properties");
    SAMPLES.forEach(
        (name, sample) -> {
          String bytes = recorded.remove(name);
          assertThat(bytes)
              .as("add to journal.properties in compat/: %s=%s", name, written(sample))
              .isNotNull();
          assertThat(read(sample, bytes)).isEqualTo(sample);
        });
    assertThat(recorded).as("recordings that nothing is compared with").isEmpty();
  }

  @Test
  void what_is_written_now_is_read_again_under_the_name_of_its_class() {
    SAMPLES.forEach(
        (name, sample) -> {
          assertThat(read(sample, written(sample))).isEqualTo(sample);
          String inJournals = sample instanceof User ? "User" : "UserEvent$" + name;
          assertThat(serializer(sample).manifest(sample))
              .isEqualTo("io.tideline.persistence.user." + inJournals);
        });
  }

  private static String written(Object sample) {
    return Base64.getEncoder().encodeToString(serializer(sample).toBinary(sample));
  }

  private static Object read(Object sample, String bytes) {
    try {
      return serializer(sample)
          .fromBinary(Base64.getDecoder().decode(bytes), sample.getClass().getName());
    } catch (IOException e) {
      throw new AssertionError(sample.getClass() + " cannot be read", e);
    }
  }

  private static SerializerWithStringManifest serializer(Object sample) {
    return (SerializerWithStringManifest) SERIALIZATION.findSerializerFor(sample);
  }
}
