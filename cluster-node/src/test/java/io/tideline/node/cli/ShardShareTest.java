package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.tideline.protocols.v1.Node;
import io.tideline.protocols.v1.NodeState;
import io.tideline.protocols.v1.Topology;
import java.util.ArrayDeque;
import java.util.Deque;
import org.junit.jupiter.api.Test;

class ShardShareTest {
  private final Deque<Topology> answers = new ArrayDeque<>();

  private Topology next() {
    Topology next = answers.poll();
    if (next == null) throw Status.UNAVAILABLE.asRuntimeException();
    return next;
  }

  private ShardShare share() {
    return new ShardShare("host-0", this::next);
  }

  /** Two nodes, the first with so many of 20 shards. */
  private static Topology topology(int shards) {
    Topology.Builder topology = Topology.newBuilder().addNodes(node(0)).addNodes(node(1));
    for (int i = 0; i < 20; i++) topology.putShardOwners(i, i < shards ? "id-0" : "id-1");
    return topology.build();
  }

  private static Node node(int number) {
    return Node.newBuilder()
        .setNodeId("id-" + number)
        .setGrpcAddress("host-" + number)
        .setState(NodeState.NODE_STATE_UP)
        .build();
  }

  @Test
  void a_node_is_back_when_it_has_about_what_it_had() {
    answers.add(topology(10));
    answers.add(topology(9));
    ShardShare share = share();
    assertThat(share.reached()).isTrue();
    assertThat(share.shards()).isEqualTo(9);
  }

  @Test
  void a_node_with_fewer_is_not_back() {
    answers.add(topology(10));
    answers.add(topology(3));
    assertThat(share().reached()).isFalse();
  }

  @Test
  void nobody_answering_means_not_yet() {
    answers.add(topology(10));
    assertThat(share().reached()).isFalse();
  }

  @Test
  void nobody_answering_before_asks_for_nothing() {
    ShardShare share = share();
    answers.add(topology(0));
    assertThat(share.reached()).isTrue();
  }
}
