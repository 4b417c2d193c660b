package io.tideline.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Markdown that grows while the bench runs. */
public final class Report {
  private final Path directory;
  private final String name;
  private final StringBuilder text = new StringBuilder();
  private final Map<String, String> charts = new LinkedHashMap<>();

  /** Its files begin with the name, or with name-2, name-3 where there are such ones already. */
  public Report(Path directory, String name) {
    this.directory = directory;
    String free = name;
    for (int i = 2; Files.exists(fileOf(free)); i++) free = name + "-" + i;
    this.name = free;
  }

  private Path fileOf(String name) {
    return directory.resolve(name + ".md");
  }

  Path file() {
    return fileOf(name);
  }

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

  /** A picture of medians, in a file of its own. */
  public void chart(String name, String title, Map<String, Samples> bars) {
    charts.put(name, Chart.bars(title, bars));
    line("![%s](%s-%s.svg)".formatted(title, this.name, name));
  }

  public void write() {
    try {
      Files.createDirectories(directory);
      Files.writeString(file(), text.toString());
      for (Map.Entry<String, String> chart : charts.entrySet()) {
        Files.writeString(
            directory.resolve("%s-%s.svg".formatted(name, chart.getKey())), chart.getValue());
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write to " + directory, e);
    }
  }
}
