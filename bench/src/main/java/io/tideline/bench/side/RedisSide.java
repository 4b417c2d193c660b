package io.tideline.bench.side;

import com.google.protobuf.ByteString;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.tideline.bench.data.Corpus;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.data.Page;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The usual way: timelines in Redis behind a gRPC front. */
public final class RedisSide implements Side {
  private static final String PROGRAM = "redis-server";

  private final int redisPort = ServerProcess.freePort();
  private final int grpcPort = ServerProcess.freePort();
  private final String version;
  private final List<ServerProcess> servers = new ArrayList<>();

  private RedisSide(String version) {
    this.version = version;
  }

  /** Starts Redis and its front and fills them with what Tideline answered. */
  public static RedisSide start(Path directory, Dataset dataset, Corpus corpus) {
    Path program =
        Programs.find(PROGRAM)
            .orElseThrow(
                () ->
                    new CannotRun(
                        "there is no redis-server on the PATH; `apt-get install redis-server`"
                            + " brings it"));
    var side = new RedisSide(Programs.firstLineOf(program, "--version"));
    try {
      side.start(program, directory, dataset, corpus);
    } catch (RuntimeException e) {
      side.close();
      throw e;
    }
    return side;
  }

  private void start(Path program, Path directory, Dataset dataset, Corpus corpus) {
    Path data = directory.resolve("redis");
    try {
      Files.createDirectories(data);
    } catch (IOException e) {
      throw new CannotRun("cannot make " + data + ": " + e.getMessage());
    }
    var redis =
        ServerProcess.program(
            PROGRAM,
            directory.resolve("redis.log"),
            List.of(
                program.toString(),
                "--port",
                Integer.toString(redisPort),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                data.toString()));
    servers.add(redis);
    redis.awaitPort(redisPort);
    fill(corpus);
    Path followers = directory.resolve("followers");
    FollowersFile.write(followers, dataset.followers());
    var front =
        ServerProcess.front(
            "Redis",
            directory.resolve("redis-front.log"),
            RedisFront.class,
            Integer.toString(grpcPort),
            Integer.toString(redisPort),
            followers.toString());
    servers.add(0, front);
    front.awaitPort(grpcPort);
  }

  private void fill(Corpus corpus) {
    RedisClient client = RedisClient.create(RedisURI.create("127.0.0.1", redisPort));
    try (StatefulRedisConnection<byte[], byte[]> connection =
            client.connect(ByteArrayCodec.INSTANCE);
        var window = new Window(1_000)) {
      RedisAsyncCommands<byte[], byte[]> redis = connection.async();
      for (Map.Entry<String, ByteString> card : corpus.cards().entrySet()) {
        window.run(
            () -> redis.set(RedisFront.cardKey(card.getKey()), card.getValue().toByteArray()));
      }
      corpus
          .timelines()
          .forEach(
              (reader, ids) -> {
                byte[][] newestFirst =
                    ids.stream()
                        .map(id -> id.getBytes(StandardCharsets.US_ASCII))
                        .toArray(byte[][]::new);
                window.run(() -> redis.rpush(RedisFront.timelineKey(reader), newestFirst));
              });
    } finally {
      client.shutdown();
    }
  }

  @Override
  public String name() {
    return "redis";
  }

  @Override
  public String describe() {
    return "%s, nothing kept on disk, behind grpc-java on Netty (%s) with Lettuce"
        .formatted(version, Heap.limitOf(servers.get(0).pids().get(0)));
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
    return page.offset() == 0 ? "" : Integer.toString(page.offset());
  }

  @Override
  public void close() {
    servers.forEach(ServerProcess::close);
  }
}
