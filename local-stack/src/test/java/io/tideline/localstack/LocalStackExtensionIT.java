package io.tideline.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LocalStackExtension.class)
class LocalStackExtensionIT {
  @Test
  void a_test_is_given_the_shared_stack(LocalStack stack) {
    assertThat(stack).isSameAs(LocalStack.shared());
    assertThat(stack.cassandra().isAlive()).isTrue();
    assertThat(stack.kafka().isAlive()).isTrue();
  }

  @Test
  void no_test_can_end_the_shared_stack(LocalStack stack) {
    stack.close();
    assertThatThrownBy(() -> stack.cassandra().kill())
        .isInstanceOf(LocalStackException.class)
        .hasMessageContaining("Other tests use this server too");
    assertThatThrownBy(() -> stack.kafka().restart())
        .isInstanceOf(LocalStackException.class)
        .hasMessageContaining("already runs");

    assertThat(stack.cassandra().isAlive()).isTrue();
    assertThat(stack.kafka().isAlive()).isTrue();
  }
}
