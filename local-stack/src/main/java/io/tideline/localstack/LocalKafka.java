package io.tideline.localstack;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A real Kafka, broker and controller in one, in a JVM of its own that ends with this one. */
public final class LocalKafka implements AutoCloseable {
  static final String NAME = "Kafka";
  private static final long NEEDED_BYTES = 256L << 20;

  /**
   * Where Kafka keeps everything, its port, and who hears what becomes of it. Port 0 stands for the
   * port that the directory remembers, or else any free one. News may come from any thread.
   *
   * @param proxy by which some clients come; {@code null} = none
   * @param compiler how far it is compiled
   */
  public record Options(
      Path directory, int port, @Nullable Proxy proxy, Compiler compiler, Consumer<String> report) {
    /** In this directory, on any port. */
    public static Options in(Path directory) {
      return new Options(directory, 0, null, Compiler.QUICK, Reports.LOG);
    }

    /** The same on a port of your choice. */
    public Options withPort(int port) {
      return new Options(directory, port, proxy, compiler, report);
    }

    /** The same behind a proxy too. */
    public Options withProxy(Proxy proxy) {
      return new Options(directory, port, proxy, compiler, report);
    }

    /** The same with news told to somebody else. */
    public Options withReport(Consumer<String> report) {
      return new Options(directory, port, proxy, compiler, report);
    }
  }

  /**
   * What leads to Kafka by a port of its own. Who comes by it is told to come by it again.
   *
   * @param port where the proxy listens
   * @param leadsTo where Kafka listens to what comes from there
   */
  public record Proxy(int port, int leadsTo) {}

  private final Options options;
  private final int port;
  private volatile RunningServer process;

  LocalKafka(Options options, int port, RunningServer process) {
    this.options = options;
    this.port = port;
    this.process = process;
  }

  /** Starts Kafka and returns when its broker is part of its cluster. */
  public static LocalKafka start(Options options) {
    ServerProcess.Blueprint blueprint = blueprint(options);
    return new LocalKafka(options, blueprint.port(), ServerProcess.start(blueprint));
  }

  /** The port that clients connect to. */
  public int port() {
    return port;
  }

  /** The address for a client: {@code 127.0.0.1:port}. */
  public String bootstrapServers() {
    return Ports.LOOPBACK + ":" + port;
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
    ClassPath classPath = ClassPath.of(NAME);
    ServerDirectory directory = ServerDirectory.claim(NAME, options.directory(), NEEDED_BYTES);
    int port = Ports.choose(NAME, options.port(), directory.rememberedPort("port"));
    int controllerPort = Ports.choose(NAME, 0, directory.rememberedPort("controller-port"));
    directory.remember("port", port);
    directory.remember("controller-port", controllerPort);
    Path properties = writeConfiguration(directory, port, controllerPort, options.proxy());
    return new ServerProcess.Blueprint(
        NAME,
        directory,
        JavaHome.current(),
        classPath,
        jvmFlags(directory, options.compiler()),
        List.of("kafka.Kafka", properties.toString(), clusterId(directory)),
        port,
        () -> knowsItsBroker(port),
        options.report());
  }

  private static Path writeConfiguration(
      ServerDirectory directory, int port, int controllerPort, @Nullable Proxy proxy) {
    Path data = directory.resolve("data");
    if (data.toString().contains(",")) {
      throw new LocalStackException(
          "Kafka cannot live in %s: it takes the comma for a separator.".formatted(data));
    }
    String broker = "PLAINTEXT://%s:%d".formatted(Ports.LOOPBACK, port);
    String controller = "%s:%d".formatted(Ports.LOOPBACK, controllerPort);
    Properties properties = new Properties();
    properties.setProperty("listeners", broker + ",CONTROLLER://" + controller);
    properties.setProperty("advertised.listeners", broker);
    properties.setProperty("controller.quorum.voters", "1@" + controller);
    if (proxy != null) {
      properties.setProperty(
          "listeners",
          "%s,CONTROLLER://%s,PROXY://%s:%d"
              .formatted(broker, controller, Ports.LOOPBACK, proxy.leadsTo()));
      properties.setProperty(
          "advertised.listeners",
          "%s,PROXY://%s:%d".formatted(broker, Ports.LOOPBACK, proxy.port()));
      properties.setProperty(
          "listener.security.protocol.map",
          "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXY:PLAINTEXT");
    }
    properties.setProperty("log.dirs", data.toString());
    Path file = directory.resolve("kafka.properties");
    try {
      try (Writer writer = Files.newBufferedWriter(file)) {
        writer.write(Resources.text("kafka.properties"));
        properties.store(writer, null);
      }
      Files.write(directory.resolve("log4j2.xml"), Resources.bytes("kafka-log4j2.xml"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return file;
  }

  private static String clusterId(ServerDirectory directory) {
    Path file = directory.resolve("cluster-id");
    try {
      if (!Files.exists(file)) {
        UUID id = UUID.randomUUID();
        byte[] bytes =
            ByteBuffer.allocate(16)
                .putLong(id.getMostSignificantBits())
                .putLong(id.getLeastSignificantBits())
                .array();
        Files.writeString(file, Base64.getUrlEncoder().withoutPadding().encodeToString(bytes));
      }
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> jvmFlags(ServerDirectory directory, Compiler compiler) {
    List<String> flags = new ArrayList<>();
    flags.add("-Xms32m");
    flags.add("-Xmx128m");
    flags.add("-Xss256k");
    flags.add("-XX:+UseSerialGC");
    flags.addAll(compiler.flags());
    flags.add("-XX:+ExitOnOutOfMemoryError");
    flags.add("-XX:+PerfDisableSharedMem");
    flags.add("-Djava.net.preferIPv4Stack=true");
    flags.add("-Djava.awt.headless=true");
    flags.add("-Dkafka.logs.dir=" + directory.resolve("logs"));
    flags.add("-Dlog4j2.configurationFile=" + directory.resolve("log4j2.xml").toUri());
    return flags;
  }

  /** Asks for metadata, version 4, of no topics: a broker that serves appears in the answer. */
  private static boolean knowsItsBroker(int port) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(Ports.address(port), 1000);
      socket.setSoTimeout(2000);
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      ByteBuffer request = ByteBuffer.allocate(19);
      request.putInt(15);
      request.putShort((short) 3).putShort((short) 4);
      request.putInt(1).putShort((short) -1);
      request.putInt(0).put((byte) 0);
      out.write(request.array());
      DataInputStream in = new DataInputStream(socket.getInputStream());
      in.readInt();
      int correlation = in.readInt();
      in.readInt();
      return correlation == 1 && in.readInt() > 0;
    }
  }
}
