package io.tideline.node.cli;

import io.tideline.protocols.v1.GetTopologyRequest;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Imports a graph and posts from files. */
@Command(
    name = "import",
    description = {
      "Import who follows whom and posts with their own times, from plain or gzip files.",
      "Running it again changes nothing, so an import that was cut off is simply repeated."
    })
final class ImportCommand implements Callable<Integer> {
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private ClientOptions client = new ClientOptions();
  @Mixin private OutputOptions output = new OutputOptions();

  @Option(
      names = "--follows",
      paramLabel = "FILE",
      description = "an edge list: `follower followee` in each row, # starts a comment")
  private @Nullable Path follows;

  @Option(
      names = "--posts",
      paramLabel = "FILE",
      description = {
        "a table with tabs between its columns, under a header that names them: created_at (like"
            + " 2015-09-06T06:03Z), post_key, author, title, and url_host if there is one"
      })
  private @Nullable Path posts;

  @Option(
      names = "--user-prefix",
      paramLabel = "P",
      description = "put before every user of the files, to keep them apart from others")
  private String userPrefix = "";

  @Option(
      names = "--max-errors",
      paramLabel = "N",
      defaultValue = "100",
      description = "how many bad rows to leave out before giving up (default: 100)")
  private long maxErrors;

  @Option(
      names = "--concurrency",
      paramLabel = "N",
      defaultValue = "256",
      description = "calls under way at the same time (default: 256)")
  private int concurrency;

  @Override
  public Integer call() {
    if (follows == null && posts == null) {
      throw new ParameterException(
          spec.commandLine(), "Nothing to import: give --follows, --posts or both.");
    }
    if (concurrency < 1) {
      throw new ParameterException(spec.commandLine(), "--concurrency must be at least 1.");
    }
    if (maxErrors < 0) {
      throw new ParameterException(spec.commandLine(), "--max-errors must not be negative.");
    }
    if (follows != null) InputRows.requireFile(follows);
    if (posts != null) InputRows.requireFile(posts);
    // A wrong address must not be waited for like a cluster that restarts.
    try (FeedClient feed = client.connect()) {
      feed.call(Methods.GET_TOPOLOGY, GetTopologyRequest.getDefaultInstance());
    }
    PrintWriter err = spec.commandLine().getErr();
    long startedAt = System.nanoTime();
    long rows = 0;
    try (FeedClient feed = client.connect(PATIENCE)) {
      var importer = new Importer(feed, userPrefix, maxErrors, concurrency, err);
      if (follows != null) {
        Importer.Result result = importer.follows(follows);
        report("follows", result);
        rows += result.rows();
      }
      if (posts != null) {
        Importer.Result result = importer.posts(posts);
        report("posts", result);
        rows += result.rows();
      }
    }
    Duration time = Duration.ofNanos(System.nanoTime() - startedAt);
    if (!output.output().json()) {
      output
          .output()
          .line(
              String.format(
                  Locale.ROOT,
                  "Done: %,d rows in %s, %,.0f rows/s",
                  rows,
                  Progress.clock(time),
                  Progress.rate(rows, time.toNanos())));
    }
    return ExitCode.OK;
  }

  private void report(String what, Importer.Result result) {
    Output out = output.output();
    if (out.json()) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("file", what);
      fields.put("rows", result.rows());
      // Whether a post was new, its answer does not say.
      if (what.equals("follows")) fields.put("added", result.added());
      fields.put("repeated", result.repeated());
      fields.put("bad", result.bad());
      fields.put("withoutLink", result.withoutLink());
      fields.put("seconds", result.time().toMillis() / 1e3);
      out.line(Output.document(fields));
      return;
    }
    StringBuilder line = new StringBuilder();
    line.append(
        String.format(
            Locale.ROOT,
            "%s: %,d rows in %s, %,.0f rows/s",
            what,
            result.rows(),
            Progress.clock(result.time()),
            result.rowsPerSecond()));
    if (what.equals("follows"))
      line.append(String.format(Locale.ROOT, ", %,d new", result.added()));
    if (result.repeated() > 0) {
      line.append(
          String.format(
              Locale.ROOT, ", %,d left out (repeated, or following oneself)", result.repeated()));
    }
    if (result.withoutLink() > 0) {
      line.append(
          String.format(
              Locale.ROOT, ", %,d without their link (not a host)", result.withoutLink()));
    }
    if (result.bad() > 0) line.append(String.format(Locale.ROOT, ", %,d bad", result.bad()));
    out.line(line.toString());
  }
}
