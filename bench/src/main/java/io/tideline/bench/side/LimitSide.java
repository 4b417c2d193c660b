package io.tideline.bench.side;

import io.tideline.bench.data.Page;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A bare gRPC server that has Tideline's answers in memory: nothing in Java is faster. */
public final class LimitSide implements Side {
  private final int port = ServerProcess.freePort();
  private final ServerProcess server;

  private LimitSide(Path directory, Path answers) {
    long megabytes = 256 + 3 * (answers.toFile().length() >> 20);
    server =
        ServerProcess.java(
            name(),
            directory.resolve("limit.log"),
            List.of("-Xmx" + megabytes + "m"),
            System.getProperty("java.class.path"),
            Map.of(),
            LimitServer.class.getName(),
            Integer.toString(port),
            answers.toString());
  }

  /**
   * Starts the server.
   *
   * @param answers as {@link TidelineSide} has written them
   */
  public static LimitSide start(Path directory, Path answers) {
    var side = new LimitSide(directory, answers);
    try {
      side.server.awaitPort(side.port);
    } catch (RuntimeException e) {
      side.close();
      throw e;
    }
    return side;
  }

  @Override
  public String name() {
    return "limit";
  }

  @Override
  public String describe() {
    return "grpc-java on Netty (%s), which has whole answers in memory"
        .formatted(Heap.limitOf(server.pids().get(0)));
  }

  @Override
  public InetSocketAddress address() {
    return ServerProcess.loopback(port);
  }

  @Override
  public List<Long> processes() {
    return server.pids();
  }

  @Override
  public String cursor(Page page) {
    return page.cursor();
  }

  @Override
  public boolean takesPosts() {
    return false;
  }

  @Override
  public void close() {
    server.close();
  }
}
