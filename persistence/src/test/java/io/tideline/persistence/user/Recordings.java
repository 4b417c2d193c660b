package io.tideline.persistence.user;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What each released version has written, from {@code compat/}; this module's tests read it. */
final class Recordings {
  private static final Path VERSIONS = Path.of("..", "compat");

  private Recordings() {}

  /** The files of that name of all versions. */
  static List<Path> files(String name) {
    try (Stream<Path> versions = Files.list(VERSIONS)) {
      return versions
          .map(version -> version.resolve(name))
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Everything in them, by a name that no two versions use. */
  static Map<String, String> of(String name) {
    Map<String, String> all = new TreeMap<>();
    for (Path file : files(name)) {
      Properties recorded = new Properties();
      try (Reader in = Files.newBufferedReader(file)) {
        recorded.load(in);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      for (String key : recorded.stringPropertyNames()) {
        if (all.put(key, recorded.getProperty(key)) != null) {
          throw new AssertionError(key + " in " + file + " has the name of an older recording");
        }
      }
    }
    return all;
  }
}
