package io.tideline.client;

/**
 * A version that some users' calls go to first.
 *
 * @param share of the users, 0 to 1
 */
record Canary(String version, double share) {
  Canary {
    if (!(share >= 0 && share <= 1)) {
      throw new IllegalArgumentException("the share of a canary is 0 to 1, but this is " + share);
    }
  }

  boolean has(String user) {
    return Slice.has(version, share, user);
  }
}
