package io.tideline.localstack;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** A real Cassandra, one node, in a JVM of its own that ends with this one. */
public final class LocalCassandra implements AutoCloseable {
  /** The name of the one data center. */
  public static final String DATA_CENTER = "datacenter1";

  static final String NAME = "Cassandra";
  private static final long NEEDED_BYTES = 512L << 20;

  /**
   * Where Cassandra keeps everything, its CQL port, and who hears what becomes of it. Port 0 stands
   * for the port that the directory remembers, or else any free one. News may come from any thread.
   *
   * @param compiler how far it is compiled
   */
  public record Options(Path directory, int port, Compiler compiler, Consumer<String> report) {
    /** In this directory, on any port. */
    public static Options in(Path directory) {
      return new Options(directory, 0, Compiler.QUICK, Reports.LOG);
    }

    /** The same on a port of your choice. */
    public Options withPort(int port) {
      return new Options(directory, port, compiler, report);
    }

    /** The same compiled so far. */
    public Options withCompiler(Compiler compiler) {
      return new Options(directory, port, compiler, report);
    }

    /** The same with news told to somebody else. */
    public Options withReport(Consumer<String> report) {
      return new Options(directory, port, compiler, report);
    }
  }

  private final Options options;
  private final int port;
  private volatile RunningServer process;

  LocalCassandra(Options options, int port, RunningServer process) {
    this.options = options;
    this.port = port;
    this.process = process;
  }

  /** Starts Cassandra and returns when it answers CQL. */
  public static LocalCassandra start(Options options) {
    ServerProcess.Blueprint blueprint = blueprint(options);
    return new LocalCassandra(options, blueprint.port(), ServerProcess.start(blueprint));
  }

  /** The CQL port. */
  public int port() {
    return port;
  }

  /** The address for a driver: {@code 127.0.0.1:port}. */
  public String contactPoint() {
    return Ports.LOOPBACK + ":" + port;
  }

  /** The same as a driver in this JVM takes it. */
  public InetSocketAddress address() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  /** The process id of the server. */
  public long pid() {
    return process.pid();
  }

  /** Whether the server's process is there. */
  public boolean isAlive() {
    return process.isAlive();
  }

  /** Ends the server at once, as a crash would; {@link #restart} brings it back. */
  public void kill() {
    process.kill();
  }

  /** Stops the server if it runs and starts it again with the same data on the same port. */
  public void restart() {
    process.stop();
    process = ServerProcess.start(blueprint(options.withPort(port)));
  }

  /** Stops the server in good order. Its data stay. */
  @Override
  public void close() {
    process.stop();
  }

  private static ServerProcess.Blueprint blueprint(Options options) {
    JavaHome java = JavaHome.forCassandra();
    ClassPath classPath = ClassPath.of(NAME);
    ServerDirectory directory = ServerDirectory.claim(NAME, options.directory(), NEEDED_BYTES);
    int port = Ports.choose(NAME, options.port(), directory.rememberedPort("port"));
    int storagePort = Ports.choose(NAME, 0, directory.rememberedPort("storage-port"));
    directory.remember("port", port);
    directory.remember("storage-port", storagePort);
    writeConfiguration(directory, port, storagePort);
    return new ServerProcess.Blueprint(
        NAME,
        directory,
        java,
        classPath,
        jvmFlags(directory, classPath, options.compiler()),
        List.of("org.apache.cassandra.service.CassandraDaemon"),
        port,
        () -> answersCql(port),
        options.report());
  }

  private static void writeConfiguration(ServerDirectory directory, int port, int storagePort) {
    String yaml =
        Resources.text("cassandra.yaml")
            .replace("${directory}", directory.path().toString())
            .replace("${native_transport_port}", Integer.toString(port))
            .replace("${storage_port}", Integer.toString(storagePort));
    try {
      Files.createDirectories(directory.resolve("tmp"));
      Files.writeString(directory.resolve("cassandra.yaml"), yaml);
      Files.write(directory.resolve("logback.xml"), Resources.bytes("cassandra-logback.xml"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> jvmFlags(
      ServerDirectory directory, ClassPath classPath, Compiler compiler) {
    List<String> flags = new ArrayList<>();
    flags.add("-Xms64m");
    flags.add("-Xmx512m");
    flags.add("-Xss256k");
    flags.add("-XX:+UseSerialGC");
    flags.addAll(compiler.flags());
    flags.add("-XX:+ExitOnOutOfMemoryError");
    flags.add("-XX:+PerfDisableSharedMem");
    flags.add("-XX:+UnlockDiagnosticVMOptions");
    flags.add("-XX:+AllowArchivingWithJavaAgent");
    flags.add("-javaagent:" + classPath.jar("jamm-"));
    flags.addAll(Resources.lines("cassandra-module-flags.txt"));
    flags.add("-Djava.net.preferIPv4Stack=true");
    flags.add("-Djdk.attach.allowAttachSelf=true");
    flags.add("-Dio.netty.tryReflectionSetAccessible=true");
    flags.add("-Dcassandra.config=" + directory.resolve("cassandra.yaml").toUri());
    flags.add("-Dcassandra.storagedir=" + directory.path());
    flags.add("-Dcassandra.logdir=" + directory.resolve("logs"));
    flags.add("-Dlogback.configurationFile=" + directory.resolve("logback.xml"));
    flags.add("-Djava.io.tmpdir=" + directory.resolve("tmp"));
    flags.add("-Dcassandra-foreground=yes");
    flags.add("-Dcassandra.skip_wait_for_gossip_to_settle=0");
    flags.add("-Dcassandra.ring_delay_ms=0");
    flags.add("-Dcassandra.load_ring_state=false");
    flags.add("-Dcassandra.superuser_setup_delay_ms=0");
    flags.add("-Dcassandra.shutdown_announce_in_ms=0");
    // There is no other node to take leave of, and that would take two seconds.
    flags.add("-Dcassandra.test.messagingService.nonGracefulShutdown=true");
    return flags;
  }

  /** Sends an OPTIONS frame of the native protocol, version 4, and waits for SUPPORTED. */
  private static boolean answersCql(int port) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(Ports.address(port), 1000);
      socket.setSoTimeout(2000);
      socket.getOutputStream().write(new byte[] {4, 0, 0, 0, 5, 0, 0, 0, 0});
      DataInputStream in = new DataInputStream(socket.getInputStream());
      byte[] header = in.readNBytes(9);
      return header.length == 9 && header[0] == (byte) 0x84 && header[4] == 6;
    }
  }
}
