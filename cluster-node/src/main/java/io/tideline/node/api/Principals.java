package io.tideline.node.api;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.grpc.Status;
import io.tideline.protocols.UserId;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.grpc.javadsl.Metadata;
import org.jspecify.annotations.Nullable;

/** Tells who calls, and whether they may do what they ask for. */
public final class Principals {
  private static final String BEARER = "bearer ";
  private static final String OWN = "own/";
  private static final String OWN_ALGORITHM = "HmacSHA256";

  /** Null when everybody may do everything. */
  private final @Nullable TokenVerifier tokens;

  /** Signs what this process asks itself; told to nobody, and new in each life of it. */
  private final SecretKeySpec ownKey;

  private Principals(@Nullable TokenVerifier tokens) {
    this.tokens = tokens;
    byte[] random = new byte[32];
    new SecureRandom().nextBytes(random);
    ownKey = new SecretKeySpec(random, OWN_ALGORITHM);
  }

  /**
   * Starts what {@code settings} ask for.
   *
   * @throws IllegalArgumentException when others than this machine could reach a node that checks
   *     nobody, or when the keys are in a file that cannot be read
   */
  public static Principals start(ActorSystem<?> system, AuthSettings settings, String grpcHost) {
    return switch (settings.mode()) {
      case NONE -> {
        requireLoopback(grpcHost);
        yield new Principals(null);
      }
      case JWT -> new Principals(new TokenVerifier(system, settings));
    };
  }

  private static void requireLoopback(String grpcHost) {
    boolean loopback;
    try {
      loopback = InetAddress.getByName(grpcHost).isLoopbackAddress();
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(
          "tideline.node.grpc.host names no address: \"" + grpcHost + "\"", e);
    }
    if (!loopback) {
      throw new IllegalArgumentException(
          ("tideline.node.auth.mode = none lets everybody do everything, so tideline.node.grpc.host"
                  + " must be a loopback address such as 127.0.0.1, but it is \"%s\"; bind there,"
                  + " or set tideline.node.auth.mode = jwt")
              .formatted(grpcHost));
    }
  }

  /**
   * The verified caller. Fails with {@code UNAUTHENTICATED}, or with {@code UNAVAILABLE} while the
   * issuer's keys are being read; never waits for them.
   */
  public Principal authenticate(Metadata metadata) {
    if (tokens == null) {
      return Principal.EVERYBODY;
    }
    String authorization = metadata.getText("authorization").orElse("");
    if (!authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      throw TokenVerifier.unauthenticated(
          "TOKEN_MISSING", "expected the metadata \"authorization: Bearer <token>\"");
    }
    String token = authorization.substring(BEARER.length()).trim();
    if (!token.startsWith(OWN)) return tokens.verify(token);
    String user = token.substring(token.lastIndexOf('/') + 1);
    boolean right =
        MessageDigest.isEqual(token.getBytes(US_ASCII), ownToken(user).getBytes(US_ASCII));
    return right ? new Principal(user, Set.of(), "") : tokens.verify(token);
  }

  /** With it this process may ask itself in the name of this user, and nobody else anybody. */
  public String ownToken(UserId user) {
    return ownToken(user.value());
  }

  private String ownToken(String user) {
    try {
      Mac mac = Mac.getInstance(OWN_ALGORITHM);
      mac.init(ownKey);
      return OWN + HexFormat.of().formatHex(mac.doFinal(user.getBytes(UTF_8))) + "/" + user;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has " + OWN_ALGORITHM, e);
    }
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

  /** Fails with {@code PERMISSION_DENIED} unless the caller is that user or an admin. */
  public void requireUserOrAdmin(Principal caller, UserId user) {
    if (!caller.subject().equals(user.value())) {
      requireRole(caller, Principal.ADMIN);
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
