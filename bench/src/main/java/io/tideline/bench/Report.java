package io.tideline.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Markdown that grows while the bench runs, and what becomes of it on the screen. */
public final class Report {
  private final StringBuilder text = new StringBuilder();

  public void heading(int level, String title) {
    if (text.length() > 0) text.append('\n');
    text.append("#".repeat(level)).append(' ').append(title).append("\n\n");
  }

  public void line(String line) {
    text.append(line).append('\n');
  }

  public void item(String what, String value) {
    line("- " + what + ": " + value);
  }

  /** The first row holds the titles; all columns but the first are figures. */
  public void table(List<List<String>> rows) {
    text.append('\n');
    for (int i = 0; i < rows.size(); i++) {
      line("| " + String.join(" | ", rows.get(i)) + " |");
      if (i == 0) line("|---|" + "---:|".repeat(rows.get(i).size() - 1));
    }
    text.append('\n');
  }

  void write(Path file) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(file, text.toString());
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }
}
