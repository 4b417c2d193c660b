package io.tideline.node.cli;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Ways for a node to go. */
final class MemberCommands {
  private MemberCommands() {}

  /** Has a node go when it has finished what it does. */
  @Command(
      name = "drain",
      description = {
        "Have a node hand over its shards while it still answers, finish the calls that run, and"
            + " leave; its process then ends.",
        "A SIGTERM to the process does the same."
      })
  static final class Drain extends Departure {
    @Override
    void ask(ManagementClient nodes, ManagementClient.Member member) {
      refuseUnreachable(member);
      nodes.drain(member);
    }
  }

  /** Has the cluster let a node go. */
  @Command(
      name = "leave",
      description = {
        "Have a node leave the cluster; its process then ends.",
        "Any node can be told, so this works where only some management ports can be reached."
            + " But all its shards move at once, and their users wait for seconds: `tideline drain`"
            + " moves a few at a time while the node still answers."
      })
  static final class Leave extends Departure {
    @Override
    void ask(ManagementClient nodes, ManagementClient.Member member) {
      refuseUnreachable(member);
      nodes.leave(member);
    }
  }

  /** Has the cluster go on without a node that is lost. */
  @Command(
      name = "down",
      description = {
        "Declare a node dead that cannot be reached, so that its shards start elsewhere.",
        "The cluster does so by itself, some 10 seconds after the node was lost. Do it by hand only"
            + " when the process is known to have ended: a node that still runs and is cut off"
            + " would be a second writer if its fence failed."
      })
  static final class Down extends Departure {
    @Option(names = "--force", description = "also when the node can be reached")
    private boolean force;

    @Override
    void ask(ManagementClient nodes, ManagementClient.Member member) {
      if (!member.status().equals("unreachable") && !force)
        throw new CommandFailure(
            ExitCode.USAGE,
            "%s can be reached (it is %s): use `tideline drain` or `leave`, or add --force"
                .formatted(member.grpcAddress(), member.status()));
      nodes.down(member);
    }
  }

  /** A command after which a node is no member any more. */
  abstract static class Departure implements Callable<Integer> {
    private static final long PAUSE_MILLIS = 500;

    @Mixin private ManagementOptions management = new ManagementOptions();
    @Mixin private OutputOptions output = new OutputOptions();

    @Parameters(
        index = "0",
        paramLabel = "NODE",
        description = "ADDRESS or NODE of `tideline nodes`, for example 127.0.0.1:8601")
    private String name = "";

    @Option(
        names = "--timeout",
        paramLabel = "SPAN",
        defaultValue = "3m",
        converter = EndOptions.Span.class,
        description = "how long to wait until it is gone (default: 3m)")
    private Duration timeout = Duration.ZERO;

    abstract void ask(ManagementClient nodes, ManagementClient.Member member);

    static void refuseUnreachable(ManagementClient.Member member) {
      if (member.status().equals("unreachable"))
        throw new CommandFailure(
            ExitCode.UNAVAILABLE,
            "%s cannot be reached, so it cannot be asked to go; if it is lost: `tideline down`"
                .formatted(member.grpcAddress()));
    }

    @Override
    public Integer call() {
      long startedAt = System.nanoTime();
      ManagementClient nodes = management.connect();
      List<ManagementClient.Member> members = nodes.members();
      ManagementClient.Member member =
          members.stream()
              .filter(each -> each.isCalled(name))
              .findFirst()
              .orElseThrow(
                  () ->
                      new CommandFailure(
                          ExitCode.NOT_FOUND,
                          "no member is called %s; there are %s"
                              .formatted(
                                  name,
                                  members.stream()
                                      .map(ManagementClient.Member::grpcAddress)
                                      .collect(Collectors.joining(", ")))));
      if (isLast(member, members))
        output.output().note("It is the last node: nobody serves when it is gone");
      ask(nodes, member);
      nodes.stayAwayFrom(member, members);
      awaitEnd(nodes, member, isLast(member, members), startedAt);
      return ExitCode.OK;
    }

    private static boolean isLast(
        ManagementClient.Member member, List<ManagementClient.Member> members) {
      return members.stream().allMatch(member::equals);
    }

    private void awaitEnd(
        ManagementClient nodes, ManagementClient.Member member, boolean last, long startedAt) {
      String state = state(nodes, member, last);
      String shown = "";
      while (!state.isEmpty()) {
        double seconds = (System.nanoTime() - startedAt) / 1e9;
        if (!state.equals(shown)) {
          output.output().note("%s is %s (%.1f s)".formatted(name, state, seconds));
        }
        if (seconds > timeout.toSeconds()) {
          throw new CommandFailure(
              ExitCode.UNAVAILABLE,
              "%s is still %s after %d s; it was asked to go and may yet do so"
                  .formatted(name, state, timeout.toSeconds()));
        }
        pause();
        shown = state;
        state = state(nodes, member, last);
      }
      double seconds = (System.nanoTime() - startedAt) / 1e9;
      output.output().note("%s is gone after %.1f s".formatted(name, seconds));
      if (output.output().json()) {
        Map<String, Object> gone = new LinkedHashMap<>();
        gone.put("node", name);
        gone.put("seconds", seconds);
        output.output().line(Output.document(gone));
      }
    }

    /** Empty when it is no member any more; the last node takes the list of members with it. */
    private static String state(
        ManagementClient nodes, ManagementClient.Member member, boolean last) {
      try {
        return nodes.members().stream()
            .filter(member::isSameProcess)
            .map(ManagementClient.Member::status)
            .findFirst()
            .orElse("");
      } catch (CommandFailure e) {
        if (last && e.exitCode() == ExitCode.UNAVAILABLE) return "";
        throw e;
      }
    }

    private static void pause() {
      try {
        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CommandFailure(ExitCode.FAILED, "interrupted");
      }
    }
  }
}
