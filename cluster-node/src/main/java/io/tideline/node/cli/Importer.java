package io.tideline.node.cli;

import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PostKind;
import io.tideline.protocols.v1.PublishRequest;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Brings follows and posts from files into a cluster. Every row carries what makes its call
 * idempotent, so an import that was cut off is simply run again.
 */
final class Importer {
  /**
   * What one file brought: {@code added} counts what was new where the cluster says so, which it
   * does not when a call had to be made again; {@code repeated} the rows that said what other rows
   * say, {@code withoutLink} the posts whose host is none.
   */
  record Result(long rows, long added, long repeated, long bad, long withoutLink, Duration time) {
    double rowsPerSecond() {
      return Progress.rate(rows, time.toNanos());
    }
  }

  private static final int FOLLOWEES_PER_CALL = 5_000;
  private static final int ROWS_IN_MEMORY = 1_000_000;

  private final FeedClient client;
  private final String userPrefix;
  private final long maxErrors;
  private final int concurrency;
  private final PrintWriter err;
  private final AtomicLong errors = new AtomicLong();

  /** Stops when more than {@code maxErrors} rows of all files together are bad or refused. */
  Importer(FeedClient client, String userPrefix, long maxErrors, int concurrency, PrintWriter err) {
    this.client = client;
    this.userPrefix = userPrefix;
    this.maxErrors = maxErrors;
    this.concurrency = concurrency;
    this.err = err;
  }

  /** Imports an edge list; the follows of a user go out in as few calls as possible. */
  Result follows(Path file) {
    var run = new Run("follows", file, 0);
    // One object per user, however many edges: a graph has far more edges than users.
    var users = new HashMap<UserId, UserId>();
    var held = new LinkedHashMap<UserId, Follows>();
    var rowsHeld = new AtomicLong();
    InputRows.forEachLine(
        file,
        (number, line) -> {
          FollowRow row = run.parse(number, () -> FollowRow.parse(line, userPrefix));
          if (row == null) return;
          if (row.followsSelf()) {
            run.skip(1);
            return;
          }
          UserId follower = users.computeIfAbsent(row.follower(), user -> user);
          UserId followee = users.computeIfAbsent(row.followee(), user -> user);
          held.computeIfAbsent(follower, user -> new Follows(number, new ArrayList<>()))
              .followees()
              .add(followee);
          if (rowsHeld.incrementAndGet() < ROWS_IN_MEMORY) return;
          send(run, held);
          users.clear();
          rowsHeld.set(0);
        });
    send(run, held);
    return run.finish();
  }

  private record Follows(long firstLine, List<UserId> followees) {}

  private static void send(Run run, Map<UserId, Follows> held) {
    held.forEach(
        (follower, follows) -> {
          List<String> distinct =
              follows.followees().stream().distinct().map(UserId::value).toList();
          run.skip(follows.followees().size() - distinct.size());
          for (int from = 0; from < distinct.size(); from += FOLLOWEES_PER_CALL) {
            int to = Math.min(distinct.size(), from + FOLLOWEES_PER_CALL);
            var request =
                FollowManyRequest.newBuilder()
                    .setUserId(follower.value())
                    .addAllFolloweeIds(distinct.subList(from, to))
                    .build();
            run.send(
                Methods.FOLLOW_MANY,
                request,
                follows.firstLine(),
                to - from,
                answer -> run.added.addAndGet(answer.getAdded()));
          }
        });
    held.clear();
  }

  /** Imports a table of posts. */
  Result posts(Path file) {
    var run = new Run("posts", file, 1);
    var header = new AtomicReference<PostRow.@Nullable Columns>();
    InputRows.forEachLine(
        file,
        (number, line) -> {
          PostRow.Columns columns = header.get();
          if (columns == null) {
            header.set(PostRow.Columns.ofHeader(line));
            return;
          }
          if (line.isBlank()) return;
          PostRow row = run.parse(number, () -> Optional.of(columns.parse(line, userPrefix)));
          if (row == null) return;
          if (!row.host().isEmpty() && row.link().isEmpty()) run.withoutLink++;
          run.send(Methods.PUBLISH, request(row), number, 1, answer -> run.added.incrementAndGet());
        });
    if (header.get() == null) throw PostRow.Columns.noHeader("is empty");
    return run.finish();
  }

  private static PublishRequest request(PostRow row) {
    var content = PostContent.newBuilder().setTitle(row.title());
    row.link().ifPresent(content::addLinks);
    return PublishRequest.newBuilder()
        .setAuthorId(row.author().value())
        .setIdempotencyKey(row.key())
        .setKind(PostKind.POST_KIND_ARTICLE)
        .setContent(content)
        .setCreatedAtMillis(row.createdAtMillis())
        .build();
  }

  /** One file on its way: at most {@code concurrency} calls are under way at any time. */
  private final class Run {
    private final Path file;
    private final Progress progress;
    private final long rows;
    private final Semaphore window = new Semaphore(concurrency);
    private final AtomicReference<@Nullable Throwable> fatal = new AtomicReference<>();
    private final AtomicLong added = new AtomicLong();
    private final AtomicLong bad = new AtomicLong();
    private long repeated;
    private long withoutLink;

    private Run(String label, Path file, int headerLines) {
      this.file = file;
      this.rows = Math.max(0, countRows(file) - headerLines);
      this.progress = Progress.onStandardError(label, rows, err);
    }

    private static long countRows(Path file) {
      var rows = new AtomicLong();
      InputRows.forEachLine(
          file,
          (number, line) -> {
            if (!line.isBlank() && !line.startsWith("#")) rows.incrementAndGet();
          });
      return rows.get();
    }

    /** What the parser makes of a line; null when that is nothing. */
    private <T> @Nullable T parse(long line, Supplier<Optional<T>> parser) {
      try {
        return parser.get().orElse(null);
      } catch (InputRows.BadRow e) {
        reject(line, 1, String.valueOf(e.getMessage()));
        stopIfFatal();
        return null;
      }
    }

    private void skip(long count) {
      repeated += count;
      progress.advance(count);
    }

    private <Q, R> void send(
        MethodDescriptor<Q, R> method, Q request, long line, int count, Consumer<R> onAnswer) {
      window.acquireUninterruptibly();
      stopIfFatal();
      var unused =
          client
              .send(method, request)
              .whenComplete(
                  (answer, failure) -> {
                    if (failure == null) {
                      onAnswer.accept(answer);
                      progress.advance(count);
                    } else {
                      onFailure(line, count, failure);
                    }
                    window.release();
                  });
    }

    private void onFailure(long line, int count, Throwable failure) {
      Throwable cause =
          failure instanceof CompletionException && failure.getCause() != null
              ? failure.getCause()
              : failure;
      switch (Status.fromThrowable(cause).getCode()) {
        case INVALID_ARGUMENT, ALREADY_EXISTS, FAILED_PRECONDITION, NOT_FOUND, RESOURCE_EXHAUSTED ->
            reject(line, count, Complaint.about(cause).text());
        default -> fatal.compareAndSet(null, cause);
      }
    }

    private void reject(long line, int count, String why) {
      bad.addAndGet(count);
      progress.say("%s:%d: %s".formatted(file.getFileName(), line, why));
      progress.advance(count);
      if (errors.addAndGet(count) > maxErrors) {
        fatal.compareAndSet(
            null,
            new CommandFailure(
                ExitCode.FAILED,
                "stopped after %,d bad rows; --max-errors allows %,d. The import is not complete: run it again, what is there already is not repeated"
                    .formatted(errors.get(), maxErrors)));
      }
    }

    private void stopIfFatal() {
      Throwable failure = fatal.get();
      if (failure == null) return;
      progress.finish();
      if (failure instanceof RuntimeException told) throw told;
      throw new IllegalStateException(failure);
    }

    private Result finish() {
      window.acquireUninterruptibly(concurrency);
      stopIfFatal();
      progress.finish();
      return new Result(rows, added.get(), repeated, bad.get(), withoutLink, progress.elapsed());
    }
  }
}
