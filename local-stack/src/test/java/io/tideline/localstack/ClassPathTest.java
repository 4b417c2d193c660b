package io.tideline.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.jar.JarFile;
import org.junit.jupiter.api.Test;

class ClassPathTest {
  @Test
  void each_server_has_its_own_jars() {
    assertThat(ClassPath.of("Cassandra").toString())
        .contains("cassandra-all")
        .doesNotContain("kafka");
    assertThat(ClassPath.of("Kafka").toString()).contains("kafka_2.13").doesNotContain("cassandra");
  }

  @Test
  void nothing_of_the_servers_is_on_the_class_path_of_the_application() {
    for (String name :
        new String[] {"org.apache.cassandra.service.CassandraDaemon", "kafka.Kafka"}) {
      assertThatThrownBy(() -> Class.forName(name)).isInstanceOf(ClassNotFoundException.class);
    }
  }

  @Test
  void the_jar_for_a_detached_stack_holds_the_whole_package() throws IOException {
    try (JarFile jar = new JarFile(ClassPath.packageJar().toFile())) {
      assertThat(jar.stream().map(Object::toString))
          .contains(
              "io/tideline/localstack/Supervisor.class",
              "io/tideline/localstack/LocalStack$Options.class",
              "io/tideline/localstack/kafka.class-path",
              "io/tideline/localstack/build.properties");
    }
  }
}
