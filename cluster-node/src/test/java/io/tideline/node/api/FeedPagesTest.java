package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.persistence.posts.CardCache;
import io.tideline.persistence.timeline.Arrivals;
import io.tideline.persistence.timeline.History;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.Newest;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.persistence.timeline.ResidentTimelines;
import io.tideline.persistence.timeline.Sources;
import io.tideline.persistence.timeline.Timeline;
import io.tideline.persistence.timeline.TimelineView;
import io.tideline.persistence.timeline.Verdict;
import io.tideline.persistence.user.Filters;
import io.tideline.persistence.user.Follow;
import io.tideline.persistence.user.Graph;
import io.tideline.persistence.user.Register;
import io.tideline.persistence.user.Rules;
import io.tideline.protocols.Cursor;
import io.tideline.protocols.HybridClock;
import io.tideline.protocols.KeyRing;
import io.tideline.protocols.LogPartition;
import io.tideline.protocols.Positions;
import io.tideline.protocols.PostId;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.UserId;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.FeedView;
import io.tideline.protocols.v1.ReadFeedResponse;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Walks of somebody who follows a friend, and a bot that is muted. */
class FeedPagesTest {
  private static final UserId ANN = new UserId("ann");
  private static final UserId FRIEND = new UserId("friend");
  private static final UserId BOT = new UserId("bot");
  private static final LogPartition LOG = new LogPartition(1, 7, 0);
  private static final int CAPACITY = 10;
  private static final int MOST_READ = 1_000;
  private static final int PAGE = 20;

  private final TokenCodec tokens = new TokenCodec(new KeyRing(1, Map.of(1, new byte[32])));
  // Newest last.
  private final List<PostRef> posts = new ArrayList<>();
  private int read;

  private void post(UserId author, int count) {
    for (int i = 0; i < count; i++) {
      long time = HybridClock.ofMillis(1_700_000_000_000L + posts.size() * 1_000L);
      posts.add(new PostRef(time, 1L << 56, time, author, LOG, posts.size(), 0));
    }
  }

  private CompletionStage<Newest> newest(
      Sources sources, PostId olderThan, PostId newerThan, int limit, Predicate<PostRef> wanted) {
    List<PostRef> found = new ArrayList<>();
    int of = 0;
    boolean cutOff = false;
    for (int i = posts.size() - 1; i >= 0 && !cutOff; i--) {
      PostRef ref = posts.get(i);
      if (ref.id().compareTo(olderThan) >= 0) continue;
      found.add(ref);
      if (wanted.test(ref)) of++;
      cutOff = of == limit || found.size() == 4 * limit;
    }
    read += found.size();
    return CompletableFuture.completedStage(new Newest(found, cutOff));
  }

  private TimelineView view() {
    Follow everything = new Follow(true, List.of());
    var followed = new Register<>(1, 1, 1, everything, List.of());
    var graph = new Graph(Map.of(FRIEND, followed, BOT, followed), Map.of(), Map.of(), Map.of(), 1);
    Map<UserId, Register<Long>> mutes = Map.of(BOT, new Register<>(2, 1, 2, 0L, List.of()));
    var filters = new Filters(mutes, Map.of(), Map.of(), Map.of(), 2);
    var rules = new Rules(ANN, ResidentTimelines.HOME, graph, filters, 3, 1);
    return Timeline.of(CAPACITY, rules, PostId.MIN, posts, Map.of())
        .publish(Positions.EMPTY.with(LOG, posts.size()));
  }

  @Test
  void a_post_that_the_store_does_not_have_yet_is_there_by_reference() throws Exception {
    post(FRIEND, 1);
    Card shown = Card.parseFrom(FeedPages.bytes(posts.get(0), null));
    assertThat(shown.getPost().getPostId()).isEqualTo(posts.get(0).id().toString());
    assertThat(shown.getPost().getAuthorId()).isEqualTo("friend");
    assertThat(FeedPages.bytes(posts.get(0), new CardCache.Card(FRIEND, new byte[0], 1)))
        .as("deleted")
        .isEmpty();
  }

  /** All pages of a walk, of no more than a cursor each. */
  @SuppressWarnings("NullAway") // Cards of references are not looked for.
  private List<ReadFeedResponse> walk(boolean group) {
    CardCache none = null;
    History history = new History(new NoArrivals(), this::newest, none, Runnable::run, MOST_READ);
    FeedPages pages = new FeedPages(tokens, none, history, new CellReaches(List.of()));
    List<ReadFeedResponse> walked = new ArrayList<>();
    ReadFeedResponse page;
    Cursor cursor = null;
    do {
      page =
          pages
              .page(
                  view(),
                  new FeedPages.Request(
                      ANN,
                      ResidentTimelines.HOME,
                      PAGE,
                      cursor,
                      null,
                      FeedView.FEED_VIEW_REFS,
                      group))
              .toCompletableFuture()
              .join()
              .parse(ReadFeedResponse.parser());
      walked.add(page);
      assertThat(page.getNextCursor().isEmpty()).isEqualTo(page.getEndOfFeed());
      if (!page.getEndOfFeed()) {
        cursor = tokens.decodeCursor(page.getNextCursor(), ANN, ResidentTimelines.HOME);
      }
    } while (!page.getEndOfFeed());
    return walked;
  }

  private static List<String> ids(List<ReadFeedResponse> pages) {
    return pages.stream()
        .flatMap(page -> page.getCardsList().stream())
        .map(card -> card.getPost().getPostId())
        .toList();
  }

  private List<String> friends() {
    return IntStream.range(0, posts.size())
        .mapToObj(i -> posts.get(posts.size() - 1 - i))
        .filter(ref -> ref.author.equals(FRIEND))
        .map(ref -> ref.id().toString())
        .toList();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 15, 20, 21, 45})
  void a_walk_goes_on_past_a_muted_bot_to_the_end(int above) {
    post(FRIEND, 30);
    post(BOT, 10_000);
    post(FRIEND, 1);
    post(BOT, 3_000);
    post(FRIEND, above);
    List<ReadFeedResponse> pages = walk(false);
    assertThat(ids(pages)).isEqualTo(friends());
    assertThat(pages).filteredOn(page -> page.getCardsCount() == 0).hasSizeGreaterThan(3);
  }

  @Test
  void pages_are_full_where_a_bot_is_less_than_may_be_read() {
    for (int i = 0; i < 50; i++) {
      post(FRIEND, 1);
      post(BOT, 40);
    }
    assertThat(walk(false)).extracting(ReadFeedResponse::getCardsCount).containsExactly(20, 20, 10);
  }

  @Test
  void a_row_that_never_ends_is_read_as_far_as_may_be() {
    post(FRIEND, 10_000);
    List<ReadFeedResponse> pages = walk(true);
    assertThat(pages.stream().flatMap(page -> page.getGroupsList().stream()))
        .extracting(group -> group.getTotal())
        .satisfies(totals -> assertThat(totals.stream().mapToInt(i -> i).sum()).isEqualTo(10_000));
    assertThat(read).isLessThan(2 * posts.size());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void a_row_loses_its_newest_posts_one_by_one_but_for_the_last(boolean newestFirst) {
    post(FRIEND, 3);
    List<PostRef> walk = new ArrayList<>(posts);
    if (newestFirst) Collections.reverse(walk);
    Rows rows = new Rows(PAGE, true);
    walk.forEach(post -> rows.add(post, Verdict.FOLLOW));
    assertThat(rows.leaveOutHeads(i -> false, ref -> Verdict.FOLLOW)).isFalse();
    assertThat(rows.heads()).containsExactly(posts.get(2));
    for (int left = 1; left >= 0; left--) {
      assertThat(rows.leaveOutHeads(i -> true, ref -> Verdict.MENTION)).isTrue();
      assertThat(rows.heads()).containsExactly(posts.get(left));
      assertThat(rows.verdict(0)).isEqualTo(Verdict.MENTION);
    }
    assertThat(rows.leaveOutHeads(i -> true, ref -> Verdict.MENTION)).isFalse();
    assertThat(rows.heads()).containsExactly(posts.get(0));
  }

  /** A log in which nothing is. */
  private static final class NoArrivals implements Arrivals {
    @Override
    public Positions applied() {
      return Positions.EMPTY;
    }

    @Override
    public Positions stored() {
      return Positions.EMPTY;
    }

    @Override
    public void register(UserId author, Inbox inbox) {}

    @Override
    public void unregister(UserId author, Inbox inbox) {}

    @Override
    public void registerTag(String tag, Inbox inbox) {}

    @Override
    public void unregisterTag(String tag, Inbox inbox) {}

    @Override
    public boolean reachesBack(Positions from) {
      return true;
    }

    @Override
    public List<PostRef> recent(UserId author, Positions after) {
      return List.of();
    }

    @Override
    public PostRef remembered(PostRef ref) {
      return ref;
    }

    @Override
    public List<PostRef> recentWithTag(String tag, Positions after) {
      return List.of();
    }
  }
}
