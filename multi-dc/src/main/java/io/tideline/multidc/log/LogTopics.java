package io.tideline.multidc.log;

import static java.util.Objects.requireNonNull;

import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The logs of one cell, or their copies in another one: what their topics are called, and what the
 * broker knows of them.
 */
public final class LogTopics implements AutoCloseable {
  /** Where lines go that nobody could read. */
  public static final String PARKED = "tideline.parked";

  static final String INTENTS = "tideline.intents.";

  private static final Logger log = LoggerFactory.getLogger(LogTopics.class);
  private static final int REQUEST_TIMEOUT_MILLIS = 5_000;
  private static final Executor SOON = CompletableFuture.delayedExecutor(20, TimeUnit.MILLISECONDS);

  private final LogSettings settings;
  private final String cellName;
  private final Map<String, Object> connection;
  private final boolean own;
  private final Set<String> compared = ConcurrentHashMap.newKeySet();
  private @Nullable Admin admin;

  /** This cell's own. */
  public LogTopics(LogSettings settings, String cellName) {
    this(settings, cellName, settings.connection(), true);
  }

  private LogTopics(
      LogSettings settings, String cellName, Map<String, Object> connection, boolean own) {
    this.settings = settings;
    this.cellName = cellName;
    this.connection = Map.copyOf(connection);
    this.own = own;
  }

  /** The copies of another cell's logs, in this cell's Kafka. */
  public static LogTopics copiesOf(OtherCell cell, LogSettings settings) {
    return new LogTopics(settings, cell.name(), settings.connection(), false);
  }

  /** The logs of another cell, in its own Kafka. */
  public static LogTopics of(OtherCell cell, LogSettings settings) {
    return new LogTopics(settings, cell.name(), cell.connection(), false);
  }

  /** Whether these are this cell's own logs. */
  public boolean own() {
    return own;
  }

  public String posts() {
    return "tideline.posts." + cellName;
  }

  public String intents() {
    return INTENTS + cellName;
  }

  /** The consumer group that writes the posts log to the post store. */
  public String postStoreGroup() {
    return "tideline-poststore-" + cellName;
  }

  /** The consumer group that tells users what the intents log means for them. */
  public String intentsGroup() {
    return "tideline-intents-" + cellName;
  }

  /**
   * Makes this cell's own topics that are not there; those that are stay as they are. Copies are
   * made by who copies.
   */
  public CompletionStage<Void> createMissing() {
    return own
        ? create(
            List.of(
                topic(posts(), settings.partitions(), settings.retention()),
                topic(intents(), settings.partitions(), settings.retention()),
                topic(PARKED, 1, null)))
        : CompletableFuture.completedStage(null);
  }

  /** Makes the topic of a copy unless it is there. */
  public CompletionStage<Void> createCopy(String topic, int partitions) {
    return create(List.of(topic(topic, partitions, settings.retention())));
  }

  private CompletionStage<Void> create(List<NewTopic> topics) {
    return with(
        kafka -> {
          var made = kafka.createTopics(topics).values();
          return CompletableFuture.allOf(
              topics.stream()
                  .map(topic -> created(topic, requireNonNull(made.get(topic.name()))))
                  .toArray(CompletableFuture[]::new));
        });
  }

  /**
   * Which life of a log this is. Every node of every cell derives the same number from the
   * identifier that the broker gave the topic.
   */
  public CompletionStage<Integer> incarnation(String topic) {
    return described(topic).thenApply(description -> incarnation(description.topicId()));
  }

  /** Which Kafka this is: no two have the same. */
  public CompletionStage<String> clusterId() {
    return with(kafka -> kafka.describeCluster().clusterId().toCompletionStage());
  }

  /** Where the posts log begins and ends, and how far the post store has come. */
  public CompletionStage<LogBounds> bounds() {
    return bounds(posts());
  }

  /** Where the intents log begins and ends, and how far its lines have been applied. */
  public CompletionStage<LogBounds> intentBounds() {
    return bounds(intents());
  }

  /** Where one of the two begins and ends, and how far its group has come. */
  public CompletionStage<LogBounds> bounds(String topic) {
    String group = topic.equals(posts()) ? postStoreGroup() : intentsGroup();
    return described(topic).thenCompose(description -> bounds(description, group));
  }

  /**
   * The bounds of before, with how far the post store has come now: as much as the broker tells
   * while a partition has no leader.
   */
  public CompletionStage<LogBounds> storedNow(LogBounds before) {
    return described(posts())
        .thenCompose(
            description ->
                incarnation(description.topicId()) == before.incarnation()
                    ? committed(posts(), postStoreGroup()).thenApply(before::doneTo)
                    : CompletableFuture.completedStage(before));
  }

  /**
   * Where the lines of a user end in one of the two: of one partition, so that others may be
   * without a leader.
   */
  public CompletionStage<Positions> end(String topic, int cell, UserId user) {
    return described(topic)
        .thenCompose(
            description -> {
              int number = LogWriter.partitionOf(user, description.partitions().size());
              LogPartition partition =
                  new LogPartition(cell, incarnation(description.topicId()), number);
              return offsets(description.name(), List.of(number), OffsetSpec.latest())
                  .thenApply(
                      ends -> Positions.EMPTY.with(partition, requireNonNull(ends.get(number))));
            });
  }

  /** Where one of the two ends: less to ask for than {@link #bounds(String)}. */
  public CompletionStage<LogEnds> ends(String topic) {
    return described(topic)
        .thenCompose(
            description ->
                offsets(description, OffsetSpec.latest())
                    .thenApply(ends -> new LogEnds(incarnation(description.topicId()), ends)));
  }

  private CompletionStage<LogBounds> bounds(TopicDescription description, String group) {
    CompletionStage<Map<Integer, Long>> begins = offsets(description, OffsetSpec.earliest());
    CompletionStage<Map<Integer, Long>> ends = offsets(description, OffsetSpec.latest());
    return committed(description.name(), group)
        .thenCombine(begins, BoundsByPartition::new)
        .thenCombine(ends, (known, end) -> known.upTo(end))
        .thenApply(bounds -> new LogBounds(incarnation(description.topicId()), bounds));
  }

  private record BoundsByPartition(Map<Integer, Long> done, Map<Integer, Long> begins) {
    Map<Integer, LogBounds.Partition> upTo(Map<Integer, Long> ends) {
      Map<Integer, LogBounds.Partition> bounds = new HashMap<>();
      begins.forEach(
          (partition, begin) ->
              bounds.put(
                  partition,
                  new LogBounds.Partition(
                      begin,
                      ends.getOrDefault(partition, begin),
                      done.getOrDefault(partition, 0L))));
      return bounds;
    }
  }

  @Override
  public void close() {
    Admin made;
    synchronized (this) {
      made = admin;
    }
    // Waits for the client's thread, which may want the lock for what is asked for next.
    if (made != null) {
      made.close(Duration.ZERO);
    }
  }

  static int incarnation(Uuid topicId) {
    long mixed = topicId.getMostSignificantBits() * 31 + topicId.getLeastSignificantBits();
    return (int) (mixed ^ mixed >>> 32);
  }

  NewTopic topic(String name, int partitions, @Nullable Duration retention) {
    Optional<Short> replicas =
        settings.replicationFactor() == 0
            ? Optional.empty()
            : Optional.of((short) settings.replicationFactor());
    Map<String, String> configs = new HashMap<>();
    configs.put("cleanup.policy", "delete");
    configs.put("retention.ms", String.valueOf(retention == null ? -1 : retention.toMillis()));
    // One broker that is lost must not have been the only one that had a line.
    if (settings.replicationFactor() >= 3) configs.put("min.insync.replicas", "2");
    return new NewTopic(name, Optional.of(partitions), replicas).configs(configs);
  }

  private CompletableFuture<Void> created(NewTopic topic, KafkaFuture<Void> made) {
    return made.toCompletionStage()
        .thenRun(() -> log.info("Created the topic {}", topic.name()))
        .exceptionallyCompose(failure -> unlessItExists(topic, failure))
        .thenCompose(
            done ->
                served(
                    topic.name(),
                    System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(REQUEST_TIMEOUT_MILLIS)))
        .toCompletableFuture();
  }

  // A partition whose leader is not ready when a writer's first batch comes, but is when the second
  // comes, never takes the first one (KAFKA-15591): nobody writes before the leaders have answered.
  private CompletionStage<Void> served(String topic, long deadlineNanos) {
    return described(topic)
        .thenCompose(description -> offsets(description, OffsetSpec.latest()))
        .<Void>thenApply(ends -> null)
        .exceptionallyCompose(
            failure ->
                cause(failure) instanceof RetriableException
                        && System.nanoTime() - deadlineNanos < 0
                    ? CompletableFuture.runAsync(() -> {}, SOON)
                        .thenCompose(waited -> served(topic, deadlineNanos))
                    : CompletableFuture.failedStage(failure));
  }

  private CompletionStage<Void> unlessItExists(NewTopic topic, Throwable failure) {
    if (!(cause(failure) instanceof TopicExistsException)) {
      return CompletableFuture.failedStage(failure);
    }
    // Who copies looks at the copies.
    return own && !topic.name().equals(PARKED)
        ? described(topic.name())
            .thenAccept(found -> compare(topic, found.partitions().size()))
            .exceptionally(unknown -> null)
        : CompletableFuture.completedStage(null);
  }

  private void compare(NewTopic wanted, int found) {
    if (found != wanted.numPartitions() && compared.add(wanted.name())) {
      log.error(
          "The topic {} has {} partitions, not {} as tideline.multi-dc.log.topics.partitions says."
              + " That cannot be changed any more, as a key must stay in its partition: set the key"
              + " to what there is",
          wanted.name(),
          found,
          wanted.numPartitions());
    }
  }

  private static @Nullable Throwable cause(Throwable failure) {
    return failure instanceof CompletionException ? failure.getCause() : failure;
  }

  private CompletionStage<TopicDescription> described(String topic) {
    return with(kafka -> kafka.describeTopics(List.of(topic)).allTopicNames().toCompletionStage())
        .thenApply(descriptions -> requireNonNull(descriptions.get(topic)));
  }

  private CompletionStage<Map<Integer, Long>> offsets(TopicDescription log, OffsetSpec spec) {
    return offsets(log.name(), IntStream.range(0, log.partitions().size()).boxed().toList(), spec);
  }

  private CompletionStage<Map<Integer, Long>> offsets(
      String topic, List<Integer> partitions, OffsetSpec spec) {
    Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
    partitions.forEach(number -> asked.put(new TopicPartition(topic, number), spec));
    return with(kafka -> kafka.listOffsets(asked).all().toCompletionStage())
        .thenApply(found -> byPartition(found, ListOffsetsResultInfo::offset));
  }

  private CompletionStage<Map<Integer, Long>> committed(String topic, String group) {
    return with(kafka ->
            kafka
                .listConsumerGroupOffsets(group)
                .partitionsToOffsetAndMetadata()
                .toCompletionStage())
        .thenApply(found -> ofTopic(topic, found));
  }

  private static Map<Integer, Long> ofTopic(
      String topic, Map<TopicPartition, OffsetAndMetadata> found) {
    Map<TopicPartition, OffsetAndMetadata> committed = new HashMap<>(found);
    committed.keySet().removeIf(partition -> !partition.topic().equals(topic));
    committed.values().removeIf(offset -> offset == null);
    return byPartition(committed, OffsetAndMetadata::offset);
  }

  private static <T> Map<Integer, Long> byPartition(
      Map<TopicPartition, T> found, Function<T, Long> offset) {
    Map<Integer, Long> offsets = new HashMap<>();
    found.forEach((partition, value) -> offsets.put(partition.partition(), offset.apply(value)));
    return offsets;
  }

  private <T> CompletionStage<T> with(Function<Admin, CompletionStage<T>> request) {
    try {
      return request.apply(admin());
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  // Not made before it is needed: making it fails while no broker's name can be resolved.
  private synchronized Admin admin() {
    if (admin == null) {
      Map<String, Object> properties = new HashMap<>(connection);
      properties.put("client.id", "tideline-admin-" + cellName);
      properties.put("request.timeout.ms", REQUEST_TIMEOUT_MILLIS);
      properties.put("default.api.timeout.ms", REQUEST_TIMEOUT_MILLIS);
      admin = Admin.create(properties);
    }
    return admin;
  }
}
