package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MemberCommandsTest extends ManagementCommandTest {
  MemberCommandsTest() throws IOException {
    super("");
  }

  @BeforeEach
  void one() {
    body =
        """
        {"members":[{"node":"pekko://tideline@127.0.0.1:8620","nodeUid":"-1","status":"Up",\
        "roles":["grpc-127.0.0.1:8600","management-127.0.0.1:%d"]}],"unreachable":[]}\
        """
            .formatted(server.getAddress().getPort());
  }

  @ParameterizedTest
  @ValueSource(strings = {"drain", "leave", "down --force"})
  void a_node_that_has_ended_is_not_taken_for_the_one_that_came_after_it(String command) {
    assertThat(run((command + " --timeout=1s 127.0.0.1:8620#7").split(" ")))
        .isEqualTo(ExitCode.NOT_FOUND);
    assertThat(asked).hasValue("GET /cluster/members");
    assertThat(err.toString()).contains("no member is called 127.0.0.1:8620#7");
  }

  @Test
  void a_node_is_called_by_its_addresses_and_by_its_id() {
    // As the management port says it, and `tideline nodes`: one number of 64 bits.
    var member =
        new ManagementClient.Member(
            "pekko://tideline@127.0.0.1:8620", "-1", "up", List.of("grpc-127.0.0.1:8600"));
    assertThat(List.of("127.0.0.1:8620", "127.0.0.1:8600", "127.0.0.1:8620#18446744073709551615"))
        .allMatch(member::isCalled);
    assertThat(List.of("127.0.0.1:8621", "127.0.0.1:8620#1", "127.0.0.1:8620#"))
        .noneMatch(member::isCalled);
  }
}
