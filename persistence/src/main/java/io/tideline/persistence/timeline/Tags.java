package io.tideline.persistence.timeline;

import java.text.Normalizer;
import java.util.Locale;

/** Tags as they are compared: case does not matter. */
public final class Tags {
  private Tags() {}

  /** The form in which equal tags are equal: compatibility-composed, case-folded. */
  public static String folded(String tag) {
    String lower = composed(tag).toLowerCase(Locale.ROOT);
    // There and back: it brings together what lower case alone leaves apart, such as final sigma.
    return composed(lower.toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT));
  }

  private static String composed(String text) {
    return Normalizer.normalize(text, Normalizer.Form.NFKC);
  }
}
