package io.tideline.multidc.log;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Another cell, whose logs are copied to this one.
 *
 * @param name as in its topics' names
 * @param number as in its posts' ids
 * @param bootstrapServers where its Kafka is reached from here
 * @param clientProperties handed to every client of that Kafka
 */
public record OtherCell(
    String name, int number, String bootstrapServers, Map<String, String> clientProperties) {

  private static final String KEY = "tideline.multi-dc.cells";
  private static final int MOST = 255;
  private static final Pattern NAME = Pattern.compile("[a-z0-9-]{1,32}");
  private static final Pattern SERVERS =
      Pattern.compile("[^,:\\s]+:\\d{1,5}(\\s*,\\s*[^,:\\s]+:\\d{1,5})*");

  public OtherCell {
    clientProperties = Map.copyOf(clientProperties);
  }

  /** What every client of its Kafka is given. */
  public Map<String, Object> connection() {
    Map<String, Object> connection = new HashMap<>(clientProperties);
    connection.put("bootstrap.servers", bootstrapServers);
    return connection;
  }

  /**
   * Reads {@code tideline.multi-dc.cells}.
   *
   * @param ownName the name of the cell that this node is in
   * @param ownNumber its number
   * @throws IllegalArgumentException naming the key that does not fit
   */
  public static List<OtherCell> from(Config root, String ownName, int ownNumber) {
    List<OtherCell> cells = new ArrayList<>();
    Set<String> names = new HashSet<>(Set.of(ownName));
    Set<Integer> numbers = new HashSet<>(Set.of(ownNumber));
    for (Config config : root.getConfigList(KEY)) {
      OtherCell cell = cell(config, KEY + "[" + cells.size() + "]");
      if (!names.add(cell.name)) {
        throw new IllegalArgumentException(
            "%s names \"%s\" twice, or names this node's own cell: list the others, each once"
                .formatted(KEY, cell.name));
      }
      if (!numbers.add(cell.number)) {
        throw new IllegalArgumentException(
            ("%s gives \"%s\" the number %d, which another cell has or this node's own:"
                    + " every cell has one of its own")
                .formatted(KEY, cell.name, cell.number));
      }
      cells.add(cell);
    }
    return List.copyOf(cells);
  }

  private static OtherCell cell(Config config, String key) {
    String name = text(config, key, "name", NAME, "1-32 characters of [a-z0-9-]");
    String servers =
        text(config, key, "bootstrap-servers", SERVERS, "host:port, separated by commas");
    Map<String, String> properties =
        config.hasPath("client-properties")
            ? LogSettings.properties(config.getConfig("client-properties"))
            : Map.of();
    return new OtherCell(name, number(config, key), servers, properties);
  }

  private static int number(Config config, String key) {
    try {
      int number = config.getInt("number");
      if (number >= 1 && number <= MOST) {
        return number;
      }
    } catch (ConfigException.WrongType | ConfigException.Missing e) {
      // Told below.
    }
    throw unexpected(config, key, "number", "a number from 1 to " + MOST);
  }

  private static String text(
      Config config, String key, String field, Pattern pattern, String expected) {
    try {
      String value = config.getString(field).trim();
      if (pattern.matcher(value).matches()) {
        return value;
      }
    } catch (ConfigException.WrongType | ConfigException.Missing e) {
      // Told below.
    }
    throw unexpected(config, key, field, expected);
  }

  private static IllegalArgumentException unexpected(
      Config config, String key, String field, String expected) {
    return new IllegalArgumentException(
        "%s.%s is \"%s\", expected %s"
            .formatted(
                key,
                field,
                config.hasPath(field) ? config.getValue(field).unwrapped() : "",
                expected));
  }
}
