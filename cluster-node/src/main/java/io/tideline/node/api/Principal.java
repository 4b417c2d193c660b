package io.tideline.node.api;

import java.util.Set;

/** Who calls: a verified subject, what it may do, and the tenant it belongs to (or ""). */
public record Principal(String subject, Set<String> roles, String tenant) {
  /** May act for every user. */
  public static final String SERVICE = "service";

  /** May act for every user and give posts a time in the past. */
  public static final String IMPORT = "import";

  /** May do everything. */
  public static final String ADMIN = "admin";

  static final Principal EVERYBODY = new Principal("", Set.of(SERVICE, IMPORT, ADMIN), "");

  public Principal {
    roles = Set.copyOf(roles);
  }
}
