package io.tideline.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class PortsTest {
  @Test
  void a_remembered_port_is_taken_again_while_it_is_free() {
    int port = Ports.choose("Kafka", 0, 0);

    assertThat(Ports.choose("Kafka", 0, port)).isEqualTo(port);
  }

  @Test
  void a_remembered_port_that_is_taken_gives_way_to_a_free_one() throws IOException {
    try (ServerSocket other = taken()) {
      assertThat(Ports.choose("Kafka", 0, other.getLocalPort())).isNotEqualTo(other.getLocalPort());
    }
  }

  @Test
  void free_ports_are_handed_out_once() {
    assertThat(Ports.choose("Kafka", 0, 0)).isNotEqualTo(Ports.choose("Kafka", 0, 0));
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void a_requested_port_that_is_taken_is_refused_and_its_owner_named() throws IOException {
    try (ServerSocket other = taken()) {
      assertThatThrownBy(() -> Ports.choose("Kafka", other.getLocalPort(), 0))
          .isInstanceOf(LocalStackException.class)
          .hasMessageContaining("Kafka cannot have port " + other.getLocalPort())
          .hasMessageContaining("taken by process " + ProcessHandle.current().pid() + " (");
    }
  }

  private static ServerSocket taken() throws IOException {
    ServerSocket socket = new ServerSocket();
    socket.bind(Ports.address(0));
    return socket;
  }
}
