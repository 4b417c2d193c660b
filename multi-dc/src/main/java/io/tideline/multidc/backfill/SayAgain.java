package io.tideline.multidc.backfill;

import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.LogWriter;
import io.tideline.multidc.log.SaidAgain;
import io.tideline.multidc.log.Stamp;
import io.tideline.persistence.posts.PostStore;
import io.tideline.persistence.user.UserStates;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.PostLine;
import io.tideline.protocols.log.v1.PostLineKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;

/**
 * Says again on this cell's logs what it knows, a step at a time: who is erased, then every post,
 * then what every user has decided. Any step may be done twice.
 */
final class SayAgain {
  private static final int POSTS = 500;
  private static final int USERS = 100;
  private static final int USERS_IN_FLIGHT = 8;
  private static final int LINES_IN_FLIGHT = 256;

  private final ActorSystem<?> system;
  private final int cell;
  private final LogTopics topics;
  private final LogWriter writer;
  private final PostStore posts;
  private final UserStates users;
  private final LongAdder lines;

  /**
   * How far it has come, and what it took.
   *
   * @param lines that were appended
   */
  record Step(Given now, int lines) {}

  SayAgain(
      ActorSystem<?> system,
      int cell,
      LogTopics topics,
      LogWriter writer,
      PostStore posts,
      UserStates users,
      LongAdder lines) {
    this.system = system;
    this.cell = cell;
    this.topics = topics;
    this.writer = writer;
    this.posts = posts;
    this.users = users;
    this.lines = lines;
  }

  /** Done once the logs have all of it. */
  CompletionStage<Step> next(Given given) {
    SaidAgain plain = new SaidAgain(Set.of(given.cell()), null);
    return switch (given.walk()) {
      case POSTS ->
          given.after() == Long.MIN_VALUE
              ? erased(plain).thenCompose(erased -> posts(given, erased))
              : posts(given, 0);
      case USERS -> users(given, plain);
      case DONE -> throw new IllegalStateException("all of it has been said");
    };
  }

  private CompletionStage<Integer> erased(SaidAgain plain) {
    List<Supplier<CompletionStage<Void>>> appends = new ArrayList<>();
    posts
        .erased()
        .all()
        .forEach((author, at) -> appends.add(() -> writer.append(erased(author, at), plain)));
    return all(appends);
  }

  private PostLine erased(UserId author, long at) {
    return PostLine.newBuilder()
        .setKind(PostLineKind.POST_LINE_KIND_ERASED)
        .setAuthorId(author.value())
        .setVersion(at)
        .setOriginCell(cell)
        .build();
  }

  private CompletionStage<Step> posts(Given given, int before) {
    return posts
        .page(given.after(), POSTS)
        .thenCompose(
            page -> {
              Long last = page.last();
              return all(page.posts().stream().map(post -> append(post, given.cell())).toList())
                  .thenApply(
                      appended ->
                          new Step(
                              last == null ? given.thenUsers() : given.posts(appended, last),
                              before + appended));
            });
  }

  private Supplier<CompletionStage<Void>> append(PostStore.Kept post, int forCell) {
    Stamp arrival = post.partition() == null ? null : new Stamp(post.partition(), post.offset());
    return () -> writer.append(post.line(), new SaidAgain(Set.of(forCell), arrival));
  }

  private CompletionStage<Step> users(Given given, SaidAgain plain) {
    return users
        .page(given.after(), USERS)
        .thenCompose(
            page -> {
              Long last = page.last();
              if (last == null) {
                return done(given);
              }
              return Source.from(page.users())
                  .mapAsyncUnordered(USERS_IN_FLIGHT, users::lines)
                  .mapConcat(each -> each)
                  .mapAsync(LINES_IN_FLIGHT, line -> appended(line, plain))
                  .runWith(Sink.fold(0, (sum, one) -> sum + one), system)
                  .thenApply(
                      appended -> new Step(given.users(page.users().size(), last), appended));
            });
  }

  private CompletionStage<Integer> appended(IntentLine line, SaidAgain plain) {
    return writer.append(line, plain).thenApply(done -> counted());
  }

  private CompletionStage<Step> done(Given given) {
    return topics
        .bounds()
        .thenCombine(
            topics.intentBounds(),
            (posted, intended) ->
                new Step(given.done(posted.end(cell).merge(intended.end(cell))), 0));
  }

  private CompletionStage<Integer> all(List<Supplier<CompletionStage<Void>>> appends) {
    return Source.from(appends)
        .mapAsync(LINES_IN_FLIGHT, append -> append.get().thenApply(done -> counted()))
        .runWith(Sink.fold(0, (sum, one) -> sum + one), system);
  }

  private int counted() {
    lines.increment();
    return 1;
  }
}
