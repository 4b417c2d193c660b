package io.tideline.localstack;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A real Cassandra and a real Kafka, started side by side. */
public final class LocalStack implements AutoCloseable {

  /**
   * Where both servers keep everything, their ports, and who hears what becomes of them. Port 0
   * stands for the port that the directory remembers, or else any free one. News may come from any
   * thread.
   *
   * @param kafkaProxy by which some clients of Kafka come; {@code null} = none
   * @param compiler how far the servers are compiled
   */
  public record Options(
      Path directory,
      int cassandraPort,
      int kafkaPort,
      LocalKafka.@Nullable Proxy kafkaProxy,
      Compiler compiler,
      Consumer<String> report) {
    /** In this directory, on any ports. */
    public static Options in(Path directory) {
      return new Options(directory, 0, 0, null, Compiler.QUICK, Reports.LOG);
    }

    /** The same on ports of your choice. */
    public Options withPorts(int cassandra, int kafka) {
      return new Options(directory, cassandra, kafka, kafkaProxy, compiler, report);
    }

    /** The same with Kafka behind a proxy too. */
    public Options withKafkaProxy(LocalKafka.Proxy proxy) {
      return new Options(directory, cassandraPort, kafkaPort, proxy, compiler, report);
    }

    /** The same with servers that are compiled so far. */
    public Options withCompiler(Compiler compiler) {
      return new Options(directory, cassandraPort, kafkaPort, kafkaProxy, compiler, report);
    }

    /** The same with news told to somebody else. */
    public Options withReport(Consumer<String> report) {
      return new Options(directory, cassandraPort, kafkaPort, kafkaProxy, compiler, report);
    }
  }

  private final LocalCassandra cassandra;
  private final LocalKafka kafka;

  private LocalStack(LocalCassandra cassandra, LocalKafka kafka) {
    this.cassandra = cassandra;
    this.kafka = kafka;
  }

  /** Starts both in this directory, on the ports it remembers or on free ones. */
  public static LocalStack start(Path directory) {
    return start(Options.in(directory));
  }

  /** Starts both and returns when both serve; when one fails, the other is stopped. */
  public static LocalStack start(Options options) {
    CompletableFuture<LocalCassandra> cassandra =
        inBackground(
            () ->
                LocalCassandra.start(
                    new LocalCassandra.Options(
                        options.directory().resolve("cassandra"),
                        options.cassandraPort(),
                        options.compiler(),
                        options.report())));
    CompletableFuture<LocalKafka> kafka =
        inBackground(
            () ->
                LocalKafka.start(
                    new LocalKafka.Options(
                        options.directory().resolve("kafka"),
                        options.kafkaPort(),
                        options.kafkaProxy(),
                        options.compiler(),
                        options.report())));
    try {
      CompletableFuture.allOf(cassandra, kafka).join();
      return new LocalStack(cassandra.join(), kafka.join());
    } catch (CompletionException e) {
      if (!cassandra.isCompletedExceptionally()) {
        cassandra.join().close();
      }
      if (!kafka.isCompletedExceptionally()) {
        kafka.join().close();
      }
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }

  /**
   * The stack that all tests of one Maven build share, or those of one JVM elsewhere: started when
   * first asked for, stopped when the build ends, its data gone with it. Tests keep apart by using
   * keyspaces and topics of their own. Closing it does nothing; it cannot be killed.
   */
  public static LocalStack shared() {
    return SharedStack.STACK;
  }

  /** Starts a stack that outlives this JVM; the one that runs already counts as started. */
  public static StackStatus up(Options options) {
    return new DetachedStack(options.directory()).up(options, null);
  }

  /** Stops the stack that {@link #up} started in this directory; false when there is none. */
  public static boolean down(Path directory) {
    return new DetachedStack(directory).down();
  }

  /** The stack that {@link #up} started in this directory and that has not been stopped. */
  public static Optional<StackStatus> status(Path directory) {
    return new DetachedStack(directory).status();
  }

  /**
   * Waits for servers in this directory that are about to leave because their starter is gone, and
   * fails when one runs on.
   */
  public static void awaitIdle(Path directory) {
    ServerDirectory.awaitIdle(LocalCassandra.NAME, directory.resolve("cassandra"));
    ServerDirectory.awaitIdle(LocalKafka.NAME, directory.resolve("kafka"));
  }

  /** Somebody else's running stack. */
  static LocalStack of(StackStatus status) {
    Path directory = status.directory();
    return new LocalStack(
        new LocalCassandra(
            LocalCassandra.Options.in(directory.resolve("cassandra")),
            status.cassandra().port(),
            new BorrowedServer(status.cassandra().pid())),
        new LocalKafka(
            LocalKafka.Options.in(directory.resolve("kafka")),
            status.kafka().port(),
            new BorrowedServer(status.kafka().pid())));
  }

  public LocalCassandra cassandra() {
    return cassandra;
  }

  public LocalKafka kafka() {
    return kafka;
  }

  /** Stops both in good order. Their data stay. */
  @Override
  public void close() {
    CompletableFuture<Void> kafkaStopped =
        inBackground(
            () -> {
              kafka.close();
              return null;
            });
    cassandra.close();
    kafkaStopped.join();
  }

  private static <T> CompletableFuture<T> inBackground(Supplier<T> work) {
    return CompletableFuture.supplyAsync(work, task -> new Thread(task, "local-stack").start());
  }
}
