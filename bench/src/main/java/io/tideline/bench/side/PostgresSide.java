package io.tideline.bench.side;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.tideline.bench.data.Corpus;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.data.Page;
import io.tideline.protocols.v1.Card;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Feeds that are put together from follows and posts whenever they are read, in Postgres. */
public final class PostgresSide implements Side {
  private static final Path DEBIAN = Path.of("/usr/lib/postgresql");
  private static final String USER = "postgres";
  private static final int BATCH = 1_000;
  private static final String BUFFERS = "shared_buffers=512MB";

  private final int postgresPort = ServerProcess.freePort();
  private final int grpcPort = ServerProcess.freePort();
  private final List<ServerProcess> servers = new ArrayList<>();
  private final Path programs;
  private final Path data;
  private final Corpus corpus;

  private PostgresSide(Path programs, Corpus corpus) {
    this.programs = programs;
    this.corpus = corpus;
    try {
      // Not where the rest is: another user must be able to get there.
      data = Files.createTempDirectory("tideline-bench-postgres");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Starts Postgres and its front and fills them with what Tideline answered. */
  public static PostgresSide start(Path directory, Dataset dataset, Corpus corpus) {
    Path programs =
        programs()
            .orElseThrow(
                () ->
                    new CannotRun(
                        "there is no Postgres in "
                            + DEBIAN
                            + "; `apt-get install postgresql` brings it"));
    var side = new PostgresSide(programs, corpus);
    try {
      side.start(directory);
      side.fill(dataset);
      side.startFront(directory);
    } catch (RuntimeException e) {
      side.close();
      throw e;
    }
    return side;
  }

  private static Optional<Path> programs() {
    if (!Files.isDirectory(DEBIAN)) return Optional.empty();
    try (Stream<Path> versions = Files.list(DEBIAN)) {
      return versions
          .map(version -> version.resolve("bin"))
          .filter(bin -> Files.isExecutable(bin.resolve("initdb")))
          .max(Comparator.naturalOrder());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private void start(Path directory) {
    List<String> asUser = asOrdinaryUser();
    List<String> make = new ArrayList<>(asUser);
    make.addAll(
        List.of(
            programs.resolve("initdb").toString(),
            "--pgdata=" + data,
            "--username=" + USER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C"));
    String made =
        Programs.firstLineOf(
            Path.of(make.get(0)), make.subList(1, make.size()).toArray(String[]::new));
    if (made.isEmpty()) throw new CannotRun("initdb of " + programs + " fails in " + data);
    List<String> run = new ArrayList<>(asUser);
    run.addAll(
        List.of(
            programs.resolve("postgres").toString(),
            "-D",
            data.toString(),
            "-p",
            Integer.toString(postgresPort),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
            "-c",
            BUFFERS,
            // Others, too, acknowledge what is not on the disk yet.
            "-c",
            "synchronous_commit=off",
            "-c",
            "jit=off"));
    var postgres = ServerProcess.program(USER, directory.resolve("postgres.log"), run);
    servers.add(postgres);
    postgres.awaitReady(this::answers);
  }

  /** Postgres refuses to run as root. */
  private List<String> asOrdinaryUser() {
    if (!System.getProperty("user.name").equals("root")) return List.of();
    Path setpriv =
        Programs.find("setpriv")
            .orElseThrow(
                () -> new CannotRun("Postgres does not run as root, and setpriv is missing"));
    try {
      Files.setOwner(
          data, data.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName(USER));
    } catch (IOException e) {
      throw new CannotRun("Postgres does not run as root, and there is no user " + USER);
    }
    return List.of(setpriv.toString(), "--reuid=" + USER, "--regid=" + USER, "--init-groups", "--");
  }

  private boolean answers() {
    try (Connection connection = PostgresFront.connect(postgresPort)) {
      return connection.isValid(1);
    } catch (SQLException e) {
      return false;
    }
  }

  private void fill(Dataset dataset) {
    try (Connection connection = PostgresFront.connect(postgresPort);
        Statement statement = connection.createStatement()) {
      statement.execute(
          "CREATE TABLE follows (reader text, author text, PRIMARY KEY (reader, author))");
      statement.execute(
          "CREATE TABLE posts (id text PRIMARY KEY, author text NOT NULL, card bytea NOT NULL)");
      connection.setAutoCommit(false);
      try (PreparedStatement insert =
          connection.prepareStatement("INSERT INTO follows (reader, author) VALUES (?, ?)")) {
        int rows = 0;
        for (Map.Entry<String, List<String>> reader : dataset.follows().entrySet()) {
          List<String> followees = new ArrayList<>(reader.getValue());
          // One's own posts are in one's feed.
          followees.add(reader.getKey());
          for (String followee : followees) {
            insert.setString(1, reader.getKey());
            insert.setString(2, followee);
            insert.addBatch();
            if (++rows % BATCH == 0) insert.executeBatch();
          }
        }
        insert.executeBatch();
      }
      try (PreparedStatement insert = connection.prepareStatement(PostgresFront.INSERT)) {
        int rows = 0;
        for (Map.Entry<String, ByteString> card : corpus.cards().entrySet()) {
          insert.setString(1, card.getKey());
          insert.setString(2, Card.parseFrom(card.getValue()).getPost().getAuthorId());
          insert.setBytes(3, card.getValue().toByteArray());
          insert.addBatch();
          if (++rows % BATCH == 0) insert.executeBatch();
        }
        insert.executeBatch();
      }
      connection.commit();
      connection.setAutoCommit(true);
      statement.execute("CREATE INDEX ON posts (author, id DESC)");
      statement.execute("VACUUM ANALYZE");
    } catch (SQLException | InvalidProtocolBufferException e) {
      throw new IllegalStateException("Postgres could not be filled: " + e.getMessage(), e);
    }
  }

  private void startFront(Path directory) {
    var front =
        ServerProcess.front(
            "Postgres",
            directory.resolve("postgres-front.log"),
            PostgresFront.class,
            Integer.toString(grpcPort),
            Integer.toString(postgresPort));
    servers.add(0, front);
    front.awaitPort(grpcPort);
  }

  @Override
  public String name() {
    return "postgres";
  }

  @Override
  public String describe() {
    return "%s (%s, synchronous_commit=off), pages made from follows and posts when they are read, behind grpc-java on Netty (%s) with JDBC"
        .formatted(
            Programs.firstLineOf(programs.resolve("postgres"), "--version"),
            BUFFERS,
            Heap.limitOf(servers.get(0).pids().get(0)));
  }

  @Override
  public InetSocketAddress address() {
    return ServerProcess.loopback(grpcPort);
  }

  @Override
  public List<Long> processes() {
    return servers.stream().flatMap(server -> server.pids().stream()).toList();
  }

  @Override
  public String cursor(Page page) {
    return corpus.above(page);
  }

  @Override
  public boolean delivers() {
    return false;
  }

  @Override
  public void close() {
    servers.forEach(ServerProcess::close);
    try (Stream<Path> files = Files.walk(data)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + data, e);
    }
  }
}
