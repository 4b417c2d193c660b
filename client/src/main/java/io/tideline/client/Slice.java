package io.tideline.client;

/** A part of all users, always the same ones; a larger slice has those of a smaller one too. */
final class Slice {
  private Slice() {}

  /**
   * Whether a user belongs to a slice.
   *
   * @param name slices of different names are independent of each other
   * @param share of all users, 0 to 1
   */
  static boolean has(String name, double share, String user) {
    return (mixed(31 * name.hashCode() + user.hashCode()) >>> 1) < share * 0x1p31;
  }

  /** MurmurHash3's last step: spreads what differs little, as the hashes of names do. */
  private static int mixed(int hash) {
    int mixed = (hash ^ (hash >>> 16)) * 0x85ebca6b;
    mixed = (mixed ^ (mixed >>> 13)) * 0xc2b2ae35;
    return mixed ^ (mixed >>> 16);
  }
}
