package io.tideline.persistence.timeline;

import java.text.Normalizer;
import java.util.Locale;

/** Tags as they are compared: case does not matter. */
public final class Tags {
  private Tags() {}

  /** The form in which equal tags are equal: compatibility-composed, case-folded. */
  public static String folded(String tag) {
    String composed = Normalizer.normalize(tag, Normalizer.Form.NFKC);
    // Upper case first: it brings together what lower case alone leaves apart, such as final sigma.
    return composed.toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT);
  }
}
