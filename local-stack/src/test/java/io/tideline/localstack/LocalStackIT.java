package io.tideline.localstack;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalStackIT {
  @TempDir Path directory;

  @Test
  void both_servers_start() {
    for (int i = 0; i < 3; i++) {
      long begin = System.nanoTime();
      try (LocalStack stack = LocalStack.start(directory)) {
        System.out.println("up " + (System.nanoTime() - begin) / 1_000_000);
        assertThat(stack.cassandra().isAlive()).isTrue();
        assertThat(stack.kafka().isAlive()).isTrue();
        begin = System.nanoTime();
      }
      System.out.println("down " + (System.nanoTime() - begin) / 1_000_000);
    }
  }
}
