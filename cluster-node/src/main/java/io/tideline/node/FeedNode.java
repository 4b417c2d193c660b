package io.tideline.node;

import org.apache.pekko.actor.typed.ActorSystem;

/** One assembled node: storage, log, entities, services and what operators see of them. */
public final class FeedNode {
  private FeedNode() {}

  public static FeedNode start(ActorSystem<?> system, NodeSettings settings) {
    return new FeedNode();
  }
}
