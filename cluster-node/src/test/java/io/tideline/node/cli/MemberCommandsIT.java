package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.node.ops.Health;
import io.tideline.node.ops.ManagementServer;
import io.tideline.node.ops.ManagementSettings;
import io.tideline.node.ops.TestCell;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.ActorSystem;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;

/** Three nodes, of which one after the other goes. */
@Timeout(120)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class MemberCommandsIT {
  private static TestCell cell;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeAll
  static void start() throws Exception {
    cell = TestCell.ofNodes(3, "tideline.node.management.token = secret");
    for (int i = 0; i < 3; i++)
      ManagementServer.start(
              cell.node(i),
              ManagementSettings.from(cell.node(i).settings().config()),
              new Health(),
              Optional::empty,
              Optional::empty)
          .toCompletableFuture()
          .get(20, TimeUnit.SECONDS);
  }

  @AfterAll
  static void stop() {
    cell.close();
  }

  @Test
  @Order(1)
  void without_the_token_nobody_is_sent_away() {
    assertThat(run("leave", grpc(1), "--token=secre")).isEqualTo(ExitCode.DENIED);
    assertThat(err.toString()).contains("token");
    assertThat(run("drain", grpc(1), "--token=secre")).isEqualTo(ExitCode.DENIED);
    assertThat(run("down", grpc(1), "--force", "--token=secre")).isEqualTo(ExitCode.DENIED);
  }

  @Test
  @Order(2)
  void a_name_that_no_node_has_is_answered_with_those_that_there_are() {
    assertThat(run("leave", "127.0.0.1:1", "--token=secret")).isEqualTo(ExitCode.NOT_FOUND);
    assertThat(err.toString()).contains("127.0.0.1:1").contains(grpc(0)).contains(grpc(2));
  }

  @Test
  @Order(3)
  void a_node_that_answers_is_not_declared_dead() {
    assertThat(run("down", grpc(1), "--token=secret")).isEqualTo(ExitCode.USAGE);
    assertThat(err.toString()).contains("can be reached").contains("drain");
  }

  @Test
  @Order(4)
  void where_no_node_listens_one_can_try_again() {
    assertThat(tideline("leave", grpc(1), "--management=127.0.0.1:1", "--token=secret"))
        .isEqualTo(ExitCode.UNAVAILABLE);
    assertThat(err.toString()).contains("127.0.0.1:1").contains("management port");
  }

  @Test
  @Order(5)
  void a_node_that_is_drained_has_left_and_ended_when_the_command_returns() throws Exception {
    assertThat(run("drain", grpc(1), "--token=secret", "--output=json"))
        .withFailMessage(err::toString)
        .isZero();
    assertThat(out.toString().lines()).singleElement().asString().startsWith("{\"node\":");
    cell.node(1).getWhenTerminated().toCompletableFuture().get(10, TimeUnit.SECONDS);
  }

  @Test
  @Order(6)
  void one_that_is_asked_itself_leaves_too() throws Exception {
    String management = management(2);
    assertThat(tideline("leave", cluster(2), "--management=" + management, "--token=secret"))
        .isZero();
    assertThat(out.toString()).contains(cluster(2) + " is gone after");
    cell.node(2).getWhenTerminated().toCompletableFuture().get(20, TimeUnit.SECONDS);
  }

  @Test
  @Order(7)
  void the_last_one_goes_by_force_and_is_told_so() throws Exception {
    assertThat(run("down", grpc(0), "--force", "--token=secret")).isZero();
    assertThat(out.toString()).contains("the last node").contains("is gone after");
    cell.node(0).getWhenTerminated().toCompletableFuture().get(20, TimeUnit.SECONDS);
  }

  private int run(String command, String node, String... more) {
    String[] all = new String[more.length + 3];
    all[0] = command;
    all[1] = node;
    all[2] = "--management=" + management(0);
    System.arraycopy(more, 0, all, 3, more.length);
    return tideline(all);
  }

  private int tideline(String... args) {
    var tideline = Tideline.commandLine();
    tideline.setOut(new PrintWriter(out));
    tideline.setErr(new PrintWriter(err));
    return tideline.execute(args);
  }

  private static String grpc(int node) {
    return address(node, "grpc.port");
  }

  private static String cluster(int node) {
    return address(node, "cluster.port");
  }

  private static String management(int node) {
    return address(node, "management.port");
  }

  private static String address(int node, String port) {
    ActorSystem<?> system = cell.node(node);
    return "127.0.0.1:" + system.settings().config().getInt("tideline.node." + port);
  }
}
