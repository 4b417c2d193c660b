package io.tideline.node.api;

import com.google.rpc.BadRequest.FieldViolation;
import io.tideline.persistence.timeline.Tags;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Checks the fields of one request and collects everything that is wrong with them.
 *
 * <p>A field that is wrong yields a stand-in value; {@link #check} throws before anybody uses it.
 */
public final class FieldViolations {
  /** The details travel in trailers, which clients limit to 8 KiB. */
  private static final int MOST_REPORTED = 10;

  private static final int LONGEST_URL = 2_048;
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,32}");
  private static final int LONGEST_LANGUAGE = 35;
  private static final Pattern LANGUAGE = Pattern.compile("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*");
  // Nor may it have what becomes one of these when tags are compared, such as a full-width #.
  private static final Pattern TAG = Pattern.compile("[^#,\\s\\p{Z}\\p{Cc}]+");
  private static final UserId NOBODY = new UserId("nobody");

  private final List<FieldViolation> violations = new ArrayList<>();

  public UserId userId(String field, String text) {
    try {
      return new UserId(text);
    } catch (IllegalArgumentException e) {
      reject(field, describe(e));
      return NOBODY;
    }
  }

  /** Several users, none of whom is the given one. */
  List<UserId> others(String field, List<String> texts, UserId user) {
    List<UserId> others = new ArrayList<>(texts.size());
    for (int i = 0; i < texts.size() && !enough(); i++) {
      String name = field.endsWith("s") ? field + "[" + i + "]" : field;
      UserId other = userId(name, texts.get(i));
      if (other.equals(user)) reject(name, "expected another user than user_id");
      others.add(other);
    }
    return others;
  }

  public PostId postId(String field, String text) {
    try {
      return PostId.parse(text);
    } catch (IllegalArgumentException e) {
      reject(field, describe(e));
      return PostId.MIN;
    }
  }

  /** What a caller names a thing of its own. */
  public String name(String field, String text) {
    if (!NAME.matcher(text).matches()) {
      reject(field, "expected 1-32 characters of [A-Za-z0-9._-]");
    }
    return text;
  }

  public String language(String field, String text) {
    if (text.length() > LONGEST_LANGUAGE || !LANGUAGE.matcher(text).matches()) {
      reject(field, "expected a BCP 47 tag such as en or pt-BR");
    }
    return text;
  }

  /** Text of so many code points; of another length it is not to be worked on any further. */
  public String text(String field, String text, int shortest, int longest) {
    // Code points are at most as many as chars and at least half as many.
    int length =
        text.length() > 2L * longest ? text.length() : text.codePointCount(0, text.length());
    if (length >= shortest && length <= longest) return text;
    reject(
        field,
        "expected %,d-%,d characters, but there are %,d".formatted(shortest, longest, length));
    return "";
  }

  /** A tag as it is compared. */
  public String tag(String field, String text) {
    String folded = Tags.folded(text(field, text, 1, 100));
    if (!folded.isEmpty() && !TAG.matcher(folded).matches()) {
      reject(field, "expected a tag without #, commas and spaces");
    }
    return folded;
  }

  /** An unsigned 32-bit page size of 1 to {@code most}, where 0 means {@code whenZero}. */
  public int pageSize(String field, int size, int whenZero, int most) {
    return size == 0 ? whenZero : (int) range(field, Integer.toUnsignedLong(size), 1, most);
  }

  public long range(String field, long value, long least, long most) {
    if (value < least || value > most) {
      reject(field, "expected %,d-%,d, but it is %,d".formatted(least, most, value));
      return least;
    }
    return value;
  }

  /** When something is to end, in milliseconds since 1970; 0 = never. */
  public void endMillis(String field, long millis) {
    long now = System.currentTimeMillis();
    if (millis != 0 && millis <= now) {
      reject(
          field,
          "expected 0 or a time to come in milliseconds since 1970, later than %d, but it is %d"
              .formatted(now, millis));
    }
  }

  /**
   * How many elements a repeated field may have; says how many of them are to be looked at: of too
   * many not all.
   */
  public int size(String field, int size, int least, int most) {
    if (size >= least && size <= most) return size;
    reject(field, "expected %,d-%,d elements, but there are %,d".formatted(least, most, size));
    return Math.min(size, most);
  }

  /** An absolute http or https URL. */
  public String url(String field, String text) {
    if (text.length() > LONGEST_URL) {
      reject(
          field,
          "expected a URL of at most %,d characters, but there are %,d"
              .formatted(LONGEST_URL, text.length()));
    } else if (!isHttpUrl(text)) {
      reject(field, "expected an absolute http or https URL");
    }
    return text;
  }

  /** Notes anything else that is wrong with a field: what was expected, and what came instead. */
  public void reject(String field, String description) {
    if (enough()) return;
    violations.add(FieldViolation.newBuilder().setField(field).setDescription(description).build());
  }

  /** Throws {@code INVALID_ARGUMENT} that names what is wrong, the first ten fields of it. */
  public void check() {
    if (!violations.isEmpty()) {
      throw StatusMapping.invalidFields(StatusMapping.INVALID_FIELDS, violations);
    }
  }

  /** Whether as much is wrong as can be told: the rest need not be looked at. */
  private boolean enough() {
    return violations.size() >= MOST_REPORTED;
  }

  private static boolean isHttpUrl(String text) {
    try {
      URI uri = new URI(text);
      String scheme = uri.getScheme();
      // Not the host: the JDK finds none in names that are not ASCII.
      return ("https".equalsIgnoreCase(scheme) || "http".equalsIgnoreCase(scheme))
          && uri.getRawAuthority() != null;
    } catch (URISyntaxException e) {
      return false;
    }
  }

  private static String describe(IllegalArgumentException invalid) {
    String message = invalid.getMessage();
    return message == null ? "not valid" : message;
  }
}
