package io.tideline.node.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tideline.node.ops.NodeLoads.Load;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
@Tag("alone")
class NodeLoadsIT {
  private static final String RECORDED =
      "bf646e6f6465"
          + "6d31302e302e302e313a38363030"
          + "63637075fb3fe0000000000000"
          + "6c6f7665724361706163697479f5ff";

  private static TestCell cell;

  @BeforeAll
  static void start() throws Exception {
    cell = TestCell.ofNodes(2, "");
  }

  @AfterAll
  static void stop() {
    cell.close();
  }

  @Test
  void every_node_knows_how_busy_each_is_and_when_one_has_too_much() {
    AtomicLong passed = new AtomicLong();
    AtomicInteger changes = new AtomicInteger();
    List<NodeLoads> loads =
        List.of(
            start(0, 0.25, passed, changes::incrementAndGet),
            start(1, 0.95, passed, changes::incrementAndGet));
    await()
        .untilAsserted(
            () ->
                assertThat(loads)
                    .allSatisfy(
                        seen -> {
                          assertThat(seen.of("node-0").cpu()).isEqualTo(0.25);
                          assertThat(seen.of("node-1").cpu()).isEqualTo(0.95);
                        }));
    assertThat(loads).noneMatch(seen -> seen.of("node-1").overCapacity());
    assertThat(loads.get(0).of("nobody")).isEqualTo(new Load("nobody", 0, false));
    assertThat(changes).hasValue(0);

    passed.addAndGet(Capacity.LONG_ENOUGH.toNanos());
    await().until(() -> loads.stream().allMatch(seen -> seen.of("node-1").overCapacity()));
    assertThat(loads).noneMatch(seen -> seen.of("node-0").overCapacity());
    assertThat(changes).hasValue(2);
  }

  @Test
  void what_nodes_tell_each_other_keeps_its_form() throws Exception {
    Serialization serialization = SerializationExtension.get(cell.node(0).classicSystem());
    Load load = new Load("10.0.0.1:8600", 0.5, true);
    int id = serialization.findSerializerFor(load).identifier();
    String manifest = Serializers.manifestFor(serialization.findSerializerFor(load), load);

    assertThat(HexFormat.of().formatHex(serialization.serialize(load).get())).isEqualTo(RECORDED);
    assertThat(manifest).isEqualTo("io.tideline.node.ops.NodeLoads$Load");
    assertThat(serialization.deserialize(HexFormat.of().parseHex(RECORDED), id, manifest).get())
        .isEqualTo(load);
  }

  private static NodeLoads start(int node, double cpu, AtomicLong passed, Runnable changed) {
    return NodeLoads.start(
        cell.node(node),
        "node-" + node,
        () -> cpu,
        changed,
        Duration.ofMillis(200),
        () -> System.nanoTime() + passed.get());
  }
}
