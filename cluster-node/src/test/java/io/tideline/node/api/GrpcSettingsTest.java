package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class GrpcSettingsTest {
  @Test
  void the_defaults_are_netty_on_loopback_with_limits() {
    assertThat(settings(""))
        .returns(GrpcSettings.Transport.NETTY, GrpcSettings::transport)
        .returns("127.0.0.1", GrpcSettings::host)
        .returns(1 << 20, GrpcSettings::maxMessageBytes)
        .returns(Duration.ofSeconds(10), GrpcSettings::drainGrace);
    assertThat(settings("").tls().enabled()).isFalse();
  }

  @Test
  void what_does_not_fit_is_named() {
    assertThatThrownBy(() -> settings("transport = carrier-pigeon"))
        .hasMessageContaining("tideline.node.grpc.transport")
        .hasMessageContaining("carrier-pigeon");
    assertThatThrownBy(() -> settings("max-message-size = 3 GiB"))
        .hasMessageContaining("tideline.node.grpc.max-message-size");
    assertThatThrownBy(() -> settings("tls.certificate-chain = chain.pem"))
        .hasMessageContaining("private-key");
    assertThatThrownBy(() -> settings("tls.client-authority = ca.pem"))
        .hasMessageContaining("certificate-chain");
    assertThatThrownBy(() -> settings("tls.node-authority = ca.pem"))
        .hasMessageContaining("certificate-chain");
  }

  private static GrpcSettings settings(String overrides) {
    return GrpcSettings.from(TestServer.config("tideline.node.grpc", overrides));
  }
}
