package io.tideline.protocols;

import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;

/**
 * The keys that sign tokens; all cells share one. A new key is added everywhere first, and signs
 * only later.
 *
 * @param keys by id (0-255), each of at least 16 bytes
 */
public record KeyRing(int signingKeyId, Map<Integer, byte[]> keys) {
  private static final int MIN_KEY_BYTES = 16;

  public KeyRing {
    Map<Integer, byte[]> copy = new HashMap<>();
    keys.forEach((id, key) -> copy.put(checkedId(id), checkedKey(id, key)));
    keys = Map.copyOf(copy);
    if (!keys.containsKey(signingKeyId)) {
      throw new IllegalArgumentException(
          "the signing key "
              + signingKeyId
              + " is not among the keys "
              + new TreeSet<>(keys.keySet()));
    }
  }

  /** Reads {@code id:base64,id:base64}. */
  public static KeyRing parse(String keys, int signingKeyId) {
    Map<Integer, byte[]> parsed = new HashMap<>();
    for (String entry : keys.split(",", -1)) {
      int colon = entry.indexOf(':');
      if (colon < 0) {
        throw malformed();
      }
      try {
        int id = Integer.parseInt(entry.substring(0, colon).strip());
        byte[] key = Base64.getDecoder().decode(entry.substring(colon + 1).strip());
        if (parsed.put(id, key) != null) {
          throw new IllegalArgumentException("the key " + id + " is there twice");
        }
      } catch (NumberFormatException e) {
        throw malformed();
      }
    }
    return new KeyRing(signingKeyId, parsed);
  }

  // Says nothing of what was read: that is a secret.
  private static IllegalArgumentException malformed() {
    return new IllegalArgumentException(
        "keys are written as id:base64,id:base64 with ids of 0-255; these are not");
  }

  private static int checkedId(int id) {
    if (id < 0 || id > 0xFF) {
      throw new IllegalArgumentException("a key id is 0-255, but this is " + id);
    }
    return id;
  }

  private static byte[] checkedKey(int id, byte[] key) {
    if (key.length < MIN_KEY_BYTES) {
      throw new IllegalArgumentException(
          "a key has at least 16 bytes, but the key " + id + " has " + key.length);
    }
    return key.clone();
  }

  @Override
  public String toString() {
    return "KeyRing[" + new TreeSet<>(keys.keySet()) + ", signing " + signingKeyId + "]";
  }
}
