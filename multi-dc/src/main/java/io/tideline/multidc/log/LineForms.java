package io.tideline.multidc.log;

import java.util.Collection;
import java.util.stream.StreamSupport;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.typed.Cluster;

/**
 * Which log lines a node reads: a number that each new kind of line raises by one. Every node says
 * its own as a role of the member, every cell that of its members on its intents log. A new kind is
 * written only once every node of every cell reads it.
 */
public final class LineForms {
  /** What this build reads. */
  public static final int NEWEST = 1;

  private static final String ROLE = "reads-form-";

  private LineForms() {}

  /** What this node says to others of its cell. */
  public static String role() {
    return ROLE + NEWEST;
  }

  /** What all members of this cell read. */
  public static int ofMembers(ActorSystem<?> system) {
    return StreamSupport.stream(Cluster.get(system).state().getMembers().spliterator(), false)
        .map(Member::getRoles)
        .mapToInt(LineForms::of)
        .min()
        .orElse(0);
  }

  /** What a member with these roles reads; one that does not say so reads form 0. */
  static int of(Collection<String> roles) {
    return roles.stream()
        .filter(role -> role.startsWith(ROLE))
        .mapToInt(role -> Integer.parseInt(role.substring(ROLE.length())))
        .max()
        .orElse(0);
  }
}
