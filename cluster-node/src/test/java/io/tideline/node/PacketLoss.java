package io.tideline.node;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * A part of all packets to and from some ports of the loopback device gets lost, by {@code
 * iptables} with its {@code statistic} match: only root may ask for it, where the kernel has both.
 */
final class PacketLoss implements AutoCloseable {
  private final List<List<String>> rules = new ArrayList<>();

  private PacketLoss() {}

  /** Whether this machine can lose packets. */
  static boolean isPossible() {
    List<String> rule = rule("--dport", 1, 0.01);
    return run(asked("-A", rule)).code == 0 && run(asked("-D", rule)).code == 0;
  }

  /**
   * @param part of the packets, from 0 to 1, in each direction
   */
  static PacketLoss of(double part, int... ports) {
    PacketLoss loss = new PacketLoss();
    for (int port : ports) {
      for (String end : List.of("--dport", "--sport")) {
        List<String> rule = rule(end, port, part);
        Ended added = run(asked("-A", rule));
        if (added.code != 0) throw new IllegalStateException("iptables says: " + added.said);
        loss.rules.add(rule);
      }
    }
    return loss;
  }

  private static List<String> rule(String end, int port, double part) {
    String rule =
        "INPUT -i lo -p tcp %s %d -m statistic --mode random --probability %s -j DROP"
            .formatted(end, port, part);
    return List.of(rule.split(" ", -1));
  }

  private static List<String> asked(String what, List<String> rule) {
    return Stream.concat(Stream.of("-w", what), rule.stream()).toList();
  }

  /** How many packets were lost so far. */
  long lost() {
    List<String> ports = rules.stream().map(rule -> rule.get(6)).toList();
    return Arrays.stream(run(List.of("-w", "-L", "INPUT", "-v", "-n", "-x")).said.split("\n", -1))
        .map(String::strip)
        .filter(line -> line.contains("statistic"))
        .filter(
            line ->
                ports.stream()
                    .anyMatch(port -> line.contains("dpt:" + port) || line.contains("spt:" + port)))
        .mapToLong(line -> Long.parseLong(line.substring(0, line.indexOf(' '))))
        .sum();
  }

  private record Ended(int code, String said) {}

  private static Ended run(List<String> arguments) {
    List<String> command = new ArrayList<>(List.of("iptables"));
    command.addAll(arguments);
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Ended(process.waitFor(), said);
    } catch (IOException e) {
      return new Ended(-1, "there is no iptables: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while iptables ran", e);
    }
  }

  @Override
  public void close() {
    for (List<String> rule : rules) run(asked("-D", rule));
  }
}
