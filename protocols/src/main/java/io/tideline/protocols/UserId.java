package io.tideline.protocols;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import org.jspecify.annotations.Nullable;

/** Names a user: 1-64 characters of {@code [A-Za-z0-9._:@-]}. */
public record UserId(@JsonValue String value) implements Comparable<UserId> {
  private static final int MAX_LENGTH = 64;

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public UserId {
    if (!isValid(value)) {
      throw new IllegalArgumentException(
          "a user id has 1-64 characters of [A-Za-z0-9._:@-], but this is " + shown(value));
    }
  }

  /**
   * The shard that has a user, as sharding computes it: 0 to {@code shardCount - 1}, but negative
   * for the one hash whose absolute value is negative.
   */
  public static int shardOf(String userId, int shardCount) {
    int hash = userId.hashCode();
    return (hash < 0 ? -hash : hash) % shardCount;
  }

  private static boolean isValid(String value) {
    int length = value.length();
    if (length == 0 || length > MAX_LENGTH) {
      return false;
    }
    for (int i = 0; i < length; i++) {
      if (!isAllowed(value.charAt(i))) {
        return false;
      }
    }
    return true;
  }

  private static boolean isAllowed(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= '0' && c <= '9')
        || (c >= 'A' && c <= 'Z')
        || c == '-'
        || c == '.'
        || c == '_'
        || c == ':'
        || c == '@';
  }

  private static String shown(String value) {
    return value.length() > MAX_LENGTH ? value.length() + " characters long" : "\"" + value + "\"";
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof UserId that && value.equals(that.value);
  }

  @Override
  public int hashCode() {
    return value.hashCode();
  }

  @Override
  public int compareTo(UserId other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
