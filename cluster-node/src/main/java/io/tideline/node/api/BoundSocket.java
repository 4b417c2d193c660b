package io.tideline.node.api;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.Done;

/** A transport that accepts calls. */
interface BoundSocket {
  InetSocketAddress address();

  /** Accepts nothing new, lets running calls finish for so long, then ends the rest. */
  CompletionStage<Done> drain(Duration grace);
}
