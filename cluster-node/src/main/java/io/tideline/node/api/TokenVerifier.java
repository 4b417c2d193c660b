package io.tideline.node.api;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.source.ImmutableJWKSet;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import com.nimbusds.jwt.proc.ExpiredJWTException;
import io.grpc.Status;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorSystem;
import org.jspecify.annotations.Nullable;

/**
 * Turns signed tokens into principals; verified ones are remembered until they expire or the keys
 * change.
 */
final class TokenVerifier {
  /** Only public-key signatures: the node holds no secret that could sign. */
  private static final Set<JWSAlgorithm> ALGORITHMS =
      Set.of(
          JWSAlgorithm.RS256,
          JWSAlgorithm.RS384,
          JWSAlgorithm.RS512,
          JWSAlgorithm.PS256,
          JWSAlgorithm.PS384,
          JWSAlgorithm.PS512,
          JWSAlgorithm.ES256,
          JWSAlgorithm.ES384,
          JWSAlgorithm.ES512);

  private static final Duration KEYS_RETRY = Duration.ofSeconds(1);

  private final AuthSettings settings;
  private final SigningKeys keys;
  private final Cache<String, Verified> verified;
  private final DefaultJWTClaimsVerifier<SecurityContext> claimsVerifier;

  TokenVerifier(ActorSystem<?> system, AuthSettings settings) {
    this.settings = settings;
    this.verified =
        Caffeine.newBuilder()
            .maximumSize(settings.cachedTokens())
            .expireAfter(Expiry.<String, Verified>creating((token, known) -> known.remaining()))
            .build();
    this.claimsVerifier =
        new DefaultJWTClaimsVerifier<>(
            settings.audience(),
            new JWTClaimsSet.Builder().issuer(settings.issuer()).build(),
            Set.of("sub", "exp"));
    claimsVerifier.setMaxClockSkew((int) settings.clockSkew().toSeconds());
    this.keys = SigningKeys.start(system, settings);
  }

  /**
   * @param keys what it was verified with: once others are in force it counts no more
   */
  private record Verified(Principal principal, Instant expiresAt, JWKSet keys) {
    Duration remaining() {
      Duration left = Duration.between(Instant.now(), expiresAt);
      return left.isNegative() ? Duration.ZERO : left;
    }
  }

  Principal verify(String token) {
    Verified known = verified.getIfPresent(token);
    if (known != null && known.keys().equals(keys.current())) {
      return known.principal();
    }
    Verified fresh = verifyNow(token);
    verified.put(token, fresh);
    return fresh.principal();
  }

  private Verified verifyNow(String token) {
    JWKSet current = keys.current();
    if (current == null) {
      throw keysAreBeingRead();
    }
    try {
      SignedJWT jwt = SignedJWT.parse(token);
      String keyId = jwt.getHeader().getKeyID();
      if (keyId != null && current.getKeyByKeyId(keyId) == null && keys.readSoon()) {
        throw keysAreBeingRead();
      }
      JWTClaimsSet claims = processor(current).process(jwt, null);
      return new Verified(principalOf(claims), claims.getExpirationTime().toInstant(), current);
    } catch (ExpiredJWTException e) {
      throw unauthenticated("TOKEN_EXPIRED", "the token has expired");
    } catch (BadJOSEException | ParseException | JOSEException e) {
      throw unauthenticated("TOKEN_INVALID", "the token is not valid: " + e.getMessage());
    }
  }

  private DefaultJWTProcessor<SecurityContext> processor(JWKSet current) {
    DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();
    processor.setJWSTypeVerifier(
        new DefaultJOSEObjectTypeVerifier<>(
            JOSEObjectType.JWT, new JOSEObjectType("at+jwt"), null));
    processor.setJWSKeySelector(
        new JWSVerificationKeySelector<>(ALGORITHMS, new ImmutableJWKSet<>(current)));
    processor.setJWTClaimsSetVerifier(claimsVerifier);
    return processor;
  }

  private Principal principalOf(JWTClaimsSet claims) throws ParseException {
    String tenant = claims.getStringClaim(settings.tenantClaim());
    return new Principal(
        claims.getSubject(),
        rolesOf(claims.getClaim(settings.rolesClaim())),
        tenant == null ? "" : tenant);
  }

  private static Set<String> rolesOf(@Nullable Object claim) {
    if (claim instanceof String names) {
      return Set.copyOf(List.of(names.trim().split("\\s+")));
    } else if (claim instanceof List<?> names) {
      return names.stream().map(String::valueOf).collect(Collectors.toUnmodifiableSet());
    }
    return Set.of();
  }

  private static ApiException keysAreBeingRead() {
    return StatusMapping.unavailable(
        "SIGNING_KEYS_UNKNOWN",
        "the issuer's signing keys are being read; try again",
        Map.of(),
        KEYS_RETRY);
  }

  static ApiException unauthenticated(String reason, String message) {
    return StatusMapping.failure(Status.Code.UNAUTHENTICATED, reason, message);
  }
}
