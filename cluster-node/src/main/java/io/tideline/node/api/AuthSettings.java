package io.tideline.node.api;

import com.typesafe.config.Config;
import java.time.Duration;
import java.util.Locale;

/** Who may call: {@code tideline.node.auth}. */
public record AuthSettings(
    Mode mode,
    String jwksFile,
    String jwksUrl,
    Duration jwksRefresh,
    String issuer,
    String audience,
    Duration clockSkew,
    String rolesClaim,
    String tenantClaim,
    int cachedTokens) {

  /** Whether callers prove who they are. */
  public enum Mode {
    NONE,
    JWT
  }

  public AuthSettings {
    if (mode == Mode.JWT) {
      if (jwksFile.isEmpty() == jwksUrl.isEmpty()) {
        throw new IllegalArgumentException(
            "tideline.node.auth.mode = jwt needs exactly one of tideline.node.auth.jwks-file and"
                + " tideline.node.auth.jwks-url");
      }
      if (issuer.isEmpty() || audience.isEmpty()) {
        throw new IllegalArgumentException(
            "tideline.node.auth.mode = jwt needs tideline.node.auth.issuer and"
                + " tideline.node.auth.audience");
      }
    }
  }

  /** Reads {@code tideline.node.auth} of the whole configuration. */
  public static AuthSettings from(Config root) {
    Config auth = root.getConfig("tideline.node.auth");
    return new AuthSettings(
        mode(auth.getString("mode")),
        auth.getString("jwks-file"),
        auth.getString("jwks-url"),
        auth.getDuration("jwks-refresh"),
        auth.getString("issuer"),
        auth.getString("audience"),
        auth.getDuration("clock-skew"),
        auth.getString("roles-claim"),
        auth.getString("tenant-claim"),
        auth.getInt("cached-tokens"));
  }

  private static Mode mode(String name) {
    try {
      return Mode.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "tideline.node.auth.mode is none or jwt, but this is \"" + name + "\"", e);
    }
  }
}
