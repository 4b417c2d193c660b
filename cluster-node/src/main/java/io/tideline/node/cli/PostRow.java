package io.tideline.node.cli;

import io.tideline.protocols.UserId;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** One row of a table of posts; {@code host} is where the post leads, or empty. */
record PostRow(long createdAtMillis, String key, UserId author, String title, String host) {

  /** Where the columns are, as the header says; {@code url_host} may be missing. */
  static final class Columns {
    private final List<String> names;

    private Columns(List<String> names) {
      this.names = names;
    }

    static Columns ofHeader(String line) {
      var columns = new Columns(Arrays.asList(line.split("\t", -1)));
      for (String needed : List.of("created_at", "post_key", "author", "title")) {
        if (!columns.names.contains(needed)) {
          throw noHeader(
              "starts with `%s`"
                  .formatted(line.length() > 80 ? line.substring(0, 80) + "…" : line));
        }
      }
      return columns;
    }

    static CommandFailure noHeader(String found) {
      return new CommandFailure(
          ExitCode.USAGE,
          "the table of posts "
              + found
              + ", expected a header with the columns created_at, post_key, author, title and"
              + " perhaps url_host, with tabs between them");
    }

    PostRow parse(String line, String prefix) {
      String[] values = line.split("\t", -1);
      if (values.length != names.size()) {
        throw new InputRows.BadRow(
            "expected %d columns, found %d".formatted(names.size(), values.length));
      }
      String key = values[names.indexOf("post_key")];
      if (key.isEmpty()) throw new InputRows.BadRow("post_key is empty");
      int host = names.indexOf("url_host");
      return new PostRow(
          millis(values[names.indexOf("created_at")]),
          key,
          InputRows.user(prefix, values[names.indexOf("author")]),
          values[names.indexOf("title")],
          host < 0 ? "" : values[host]);
    }
  }

  private static long millis(String time) {
    try {
      return OffsetDateTime.parse(time).toInstant().toEpochMilli();
    } catch (DateTimeParseException e) {
      throw new InputRows.BadRow(
          "created_at is `%s`, expected a time like 2015-09-06T06:03Z".formatted(time));
    }
  }

  /** The front page of the host; empty when there is none or when it is not a host. */
  Optional<String> link() {
    if (host.isEmpty()) return Optional.empty();
    try {
      URI uri = new URI("https://" + host + "/");
      return uri.getHost() == null ? Optional.empty() : Optional.of(uri.toString());
    } catch (URISyntaxException e) {
      return Optional.empty();
    }
  }
}
