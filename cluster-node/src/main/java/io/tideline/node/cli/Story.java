package io.tideline.node.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** What a demo tells, and whether it held. */
final class Story {
  private final Consumer<String> out;
  private final List<String> failures = new ArrayList<>();
  private final long startedAt = System.nanoTime();
  private int checks;

  Story(Consumer<String> out) {
    this.out = out;
  }

  /** Whether each check has held so far. */
  boolean holds() {
    return failures.isEmpty();
  }

  void line(String text) {
    out.accept(text);
  }

  void chapter(String title) {
    line("");
    line(title);
  }

  void say(String text, Object... values) {
    line("   " + format(text, values));
  }

  void check(boolean holds, String claim, Object... values) {
    String text = format(claim, values);
    checks++;
    if (!holds) failures.add(text);
    say((holds ? "[ok] " : "[NOT SO] ") + text);
  }

  /** Says at the end what came of all checks. */
  void sum() {
    line("");
    if (holds()) {
      line(
          format(
              "All %d checks held, after %.0f s.", checks, (System.nanoTime() - startedAt) / 1e9));
    } else {
      line("These did not hold:");
      failures.forEach(failure -> line("   " + failure));
    }
  }

  private static String format(String text, Object... values) {
    return values.length == 0 ? text : String.format(Locale.ROOT, text, values);
  }
}
