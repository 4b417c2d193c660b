package io.tideline.multidc;

import io.tideline.localstack.LocalKafka;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Another broker in the cluster of a local Kafka, which is its controller. */
record SecondBroker(Process process) implements AutoCloseable {

  /**
   * @param directory where the first one has its own, called {@code one}
   */
  static SecondBroker of(LocalKafka first, Path directory) throws IOException {
    Path one = directory.resolve("one");
    Path two = Files.createDirectories(directory.resolve("two"));
    Path properties = two.resolve("kafka.properties");
    List<String> configuration =
        new ArrayList<>(Files.readAllLines(one.resolve("kafka.properties")));
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      configuration.add("listeners=PLAINTEXT://127.0.0.1:" + free.getLocalPort());
      configuration.add("advertised.listeners=PLAINTEXT://127.0.0.1:" + free.getLocalPort());
    }
    configuration.addAll(
        List.of("process.roles=broker", "node.id=2", "log.dirs=" + two.resolve("data")));
    Files.write(properties, configuration);
    List<String> jvm = new ArrayList<>(Files.readAllLines(one.resolve("jvm.args")));
    jvm.removeIf(argument -> argument.contains("-XX:ArchiveClassesAtExit"));
    jvm.replaceAll(
        argument -> argument.contains("kafka.properties") ? "\"" + properties + "\"" : argument);
    Path arguments = Files.write(two.resolve("jvm.args"), jvm);
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    return new SecondBroker(
        new ProcessBuilder(java, "@" + arguments)
            .redirectErrorStream(true)
            .redirectOutput(two.resolve("console").toFile())
            .start());
  }

  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() throws InterruptedException {
    kill();
  }
}
