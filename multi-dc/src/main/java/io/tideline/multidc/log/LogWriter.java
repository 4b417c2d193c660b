package io.tideline.multidc.log;

import io.tideline.persistence.user.LogPort;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.PostLine;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Utils;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Appends to the logs of this cell: one producer per node, fed by a thread of its own because the
 * producer may block.
 */
public final class LogWriter implements LogPort {
  private static final Logger log = LoggerFactory.getLogger(LogWriter.class);
  private static final String STOPPED = "the node stopped before the line was appended";
  private static final int MAX_BLOCK_MILLIS = 1_000;
  // What is appended together is read together, by every node: that saves more than the append
  // itself. A line that comes alone is sent at once.
  private static final Duration PACE = Duration.ofMillis(10);
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(3);
  private static final Duration OLD_FAILURE = Duration.ofSeconds(30);

  private final LogSettings settings;
  private final LogTopics topics;
  private final Supplier<Producer<byte[], byte[]>> newProducer;
  private final BlockingQueue<Waiting> queue;
  private final AtomicInteger unacknowledged = new AtomicInteger();
  private final LongAdder appended = new LongAdder();
  private final LongAdder failures = new LongAdder();
  private final Thread thread = new Thread(this::run, "tideline-log-writer");
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();
  private volatile @Nullable Throwable lastError;
  private volatile long lastFailureNanos;
  private volatile boolean stopping;
  private volatile boolean ended;
  private volatile boolean broken;
  // Confined to the thread.
  private @Nullable Producer<byte[], byte[]> producer;
  private long lastSentNanos = System.nanoTime();
  // False while lines are sent that have waited together.
  private boolean pacing;

  // Lines that the producer has, in the order of their age.
  private final Queue<Waiting> sent = new ArrayDeque<>();

  private record Waiting(
      ProducerRecord<byte[], byte[]> line,
      long since,
      AtomicBoolean done,
      CompletableFuture<Void> appended) {}

  public LogWriter(LogSettings settings, LogTopics topics) {
    this(settings, topics, () -> producerOf(settings));
  }

  LogWriter(
      LogSettings settings, LogTopics topics, Supplier<Producer<byte[], byte[]>> newProducer) {
    this.settings = settings;
    this.topics = topics;
    this.newProducer = newProducer;
    this.queue = new ArrayBlockingQueue<>(settings.maxUnacknowledged());
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public CompletionStage<Void> append(PostLine line) {
    return append(topics.posts(), line.getAuthorId(), line.toByteArray());
  }

  @Override
  public CompletionStage<Void> append(IntentLine line) {
    return append(topics.intents(), line.getUserId(), line.toByteArray());
  }

  /** Says again of a post what other cells lack. */
  public CompletionStage<Void> append(PostLine line, SaidAgain again) {
    return append(topics.posts(), line.getAuthorId(), line.toByteArray(), again);
  }

  /** Says again of a user what other cells lack. */
  public CompletionStage<Void> append(IntentLine line, SaidAgain again) {
    return append(topics.intents(), line.getUserId(), line.toByteArray(), again);
  }

  private CompletionStage<Void> append(String topic, String key, byte[] value, SaidAgain again) {
    ProducerRecord<byte[], byte[]> line =
        new ProducerRecord<>(topic, key.getBytes(StandardCharsets.UTF_8), value);
    again.addTo(line.headers());
    return append(line);
  }

  /** In which partition of a log the lines of a user are; as Kafka places keys. */
  public static int partitionOf(UserId user, int partitions) {
    byte[] key = user.value().getBytes(StandardCharsets.UTF_8);
    return Utils.toPositive(Utils.murmur2(key)) % partitions;
  }

  private CompletionStage<Void> append(String topic, String key, byte[] value) {
    return append(new ProducerRecord<>(topic, key.getBytes(StandardCharsets.UTF_8), value));
  }

  CompletionStage<Void> append(ProducerRecord<byte[], byte[]> line) {
    if (stopping) {
      return refused(STOPPED);
    }
    if (unacknowledged.incrementAndGet() > settings.maxUnacknowledged()) {
      unacknowledged.decrementAndGet();
      return refused(
          settings.maxUnacknowledged() + " lines wait for the log already; the line was not taken");
    }
    Waiting waiting =
        new Waiting(line, System.nanoTime(), new AtomicBoolean(), new CompletableFuture<>());
    queue.add(waiting);
    if (ended && queue.remove(waiting)) {
      failed(waiting, new LogUnavailableException(STOPPED));
    }
    return waiting.appended();
  }

  private CompletionStage<Void> refused(String why) {
    failures.increment();
    return CompletableFuture.failedFuture(new LogUnavailableException(why));
  }

  @Override
  public boolean busy() {
    return pending() > settings.maxUnacknowledged() / 10;
  }

  /** How many lines wait for their acknowledgement. */
  public int pending() {
    return unacknowledged.get();
  }

  public long appended() {
    return appended.sum();
  }

  public long failures() {
    return failures.sum();
  }

  /** Why the last append failed; null once one has succeeded after it. */
  public @Nullable Throwable lastError() {
    return lastError;
  }

  /**
   * False from a failed append to the next one that succeeds, or until none was tried for so long
   * that the failure says nothing any more; from when lines are appended no more, though nobody has
   * stopped this, for ever.
   */
  public boolean healthy() {
    return !broken
        && (lastError == null || System.nanoTime() - lastFailureNanos > OLD_FAILURE.toNanos());
  }

  /** Appends what is waiting, for a few seconds at most, and fails the rest. */
  public CompletionStage<Void> stop() {
    stopping = true;
    return stopped;
  }

  private void run() {
    long end = Long.MAX_VALUE;
    try {
      while (System.nanoTime() < end && !(stopping && queue.isEmpty())) {
        Waiting next = queue.poll(100, TimeUnit.MILLISECONDS);
        if (next != null) {
          awaitPace();
          send(next);
          pacing = queue.isEmpty();
          lastSentNanos = System.nanoTime();
        }
        failOverdue();
        end = stopping ? Math.min(end, System.nanoTime() + CLOSE_TIMEOUT.toNanos()) : end;
      }
    } catch (Throwable e) {
      broken = true;
      log.error("The log writer has ended; this node appends no more lines", e);
    } finally {
      stopping = true;
      closeProducer(CLOSE_TIMEOUT);
      ended = true;
      for (Waiting left = queue.poll(); left != null; left = queue.poll()) {
        failed(left, new LogUnavailableException(STOPPED));
      }
      sent.forEach(left -> failed(left, new LogUnavailableException(STOPPED)));
      stopped.complete(null);
    }
  }

  private void awaitPace() throws InterruptedException {
    long wait = lastSentNanos + PACE.toNanos() - System.nanoTime();
    if (pacing && wait > 0 && !stopping) {
      TimeUnit.NANOSECONDS.sleep(wait);
    }
  }

  private void send(Waiting waiting) {
    if (isOverdue(waiting)) {
      failed(waiting, overdue());
      return;
    }
    try {
      var unused =
          producer().send(waiting.line(), (metadata, failure) -> acknowledged(waiting, failure));
      sent.add(waiting);
    } catch (RuntimeException | Error e) {
      failed(waiting, e);
      // Some errors a producer never leaves behind; a new one does.
      closeProducer(Duration.ZERO);
    }
  }

  // The producer keeps its own time, but not while it waits for the broker to introduce it.
  private void failOverdue() {
    for (Waiting oldest = sent.peek(); oldest != null; oldest = sent.peek()) {
      if (!oldest.done().get()) {
        if (!isOverdue(oldest)) {
          return;
        }
        failed(oldest, overdue());
      }
      sent.remove();
    }
  }

  private boolean isOverdue(Waiting waiting) {
    return System.nanoTime() - waiting.since() > settings.deliveryTimeout().toNanos();
  }

  private LogUnavailableException overdue() {
    return new LogUnavailableException("the log took no line for " + settings.deliveryTimeout());
  }

  private void acknowledged(Waiting waiting, @Nullable Exception failure) {
    if (failure != null) {
      failed(waiting, failure);
    } else if (waiting.done().compareAndSet(false, true)) {
      unacknowledged.decrementAndGet();
      appended.increment();
      if (lastError != null) {
        lastError = null;
        log.info("The log takes lines again");
      }
      waiting.appended().complete(null);
    }
  }

  private void failed(Waiting waiting, Throwable failure) {
    if (waiting.done().compareAndSet(false, true)) {
      unacknowledged.decrementAndGet();
      failures.increment();
      if (lastError == null) {
        log.warn("The log does not take lines; they are appended again later", failure);
      }
      lastFailureNanos = System.nanoTime();
      lastError = failure;
      waiting.appended().completeExceptionally(failure);
    }
  }

  private Producer<byte[], byte[]> producer() {
    if (producer == null) {
      producer = newProducer.get();
    }
    return producer;
  }

  private static Producer<byte[], byte[]> producerOf(LogSettings settings) {
    Map<String, Object> properties = settings.connection();
    properties.put("client.id", "tideline-log-writer");
    properties.put("acks", "all");
    properties.put("enable.idempotence", true);
    properties.put("compression.type", "lz4");
    properties.put("linger.ms", 1);
    properties.put("max.block.ms", MAX_BLOCK_MILLIS);
    properties.put("request.timeout.ms", (int) settings.deliveryTimeout().toMillis() / 2);
    properties.put("delivery.timeout.ms", (int) settings.deliveryTimeout().toMillis());
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  private void closeProducer(Duration timeout) {
    Producer<byte[], byte[]> old = producer;
    producer = null;
    if (old != null) {
      try {
        old.close(timeout);
      } catch (RuntimeException | Error e) {
        log.error("A producer could not be closed; the next line gets a new one", e);
      }
    }
  }
}
