package io.tideline.node.api;

import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;

class PekkoHttpServerTest extends GrpcServerContract {
  private static final ActorTestKit KIT = TestServer.kit("PekkoHttpServerTest");

  PekkoHttpServerTest() {
    super(KIT, "pekko-http");
  }

  @AfterAll
  static void stopKit() {
    KIT.shutdownTestKit();
  }
}
