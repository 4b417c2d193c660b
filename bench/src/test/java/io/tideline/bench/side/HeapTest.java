package io.tideline.bench.side;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

class HeapTest {
  @Test
  void how_large_a_heap_may_become_is_asked_of_the_process() {
    String bytes =
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
            .getVMOption("MaxHeapSize")
            .getValue();

    assertThat(Heap.limitOf(ProcessHandle.current().pid()))
        .isEqualTo("heap of %,d MiB", Long.parseLong(bytes) >> 20);
  }
}
