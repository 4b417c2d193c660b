package io.tideline.bench.micro;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.tideline.persistence.user.Payload;
import io.tideline.persistence.user.UserEvent;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializers;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** The event of a post as the journal keeps it, CBOR: written and read by a node's settings. */
@State(Scope.Thread)
public class JournalEventBenchmark {
  private final ActorSystem system = ActorSystem.create("bench", settings());
  private final Serialization serialization = SerializationExtension.get(system);
  private final UserEvent event = published();
  private final int serializer = serialization.findSerializerFor(event).identifier();
  private final String manifest =
      Serializers.manifestFor(serialization.findSerializerFor(event), event);
  private final byte[] bytes = serialization.serialize(event).get();

  private static Config settings() {
    return ConfigFactory.parseString("pekko.loglevel = off")
        .withFallback(ConfigFactory.parseResources("serialization.conf"))
        .withFallback(ConfigFactory.defaultReference());
  }

  private static UserEvent published() {
    var author = new UserId("author-1");
    long now = HybridClock.ofMillis(1_750_000_000_000L);
    PostId id = PostId.of(now, 1, author, "key");
    byte[] line = Lines.published(id, author, Lines.post(id, author)).toByteArray();
    return new UserEvent.PostPublished(id, "key", 4711, now, new Payload(line), 16);
  }

  UserEvent event() {
    return event;
  }

  @TearDown
  public void stop() {
    system.terminate();
    system.getWhenTerminated().toCompletableFuture().join();
  }

  @Benchmark
  public byte[] encode() {
    return serialization.serialize(event).get();
  }

  @Benchmark
  public Object decode() {
    return serialization.deserialize(bytes, serializer, manifest).get();
  }
}
