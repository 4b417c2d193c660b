package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.v1.ReadFeedResponse;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/** One reader on the way through a feed, from its first page on, in both directions. */
final class PagedFeed {
  private final ImportedFeeds files;
  private final FeedClient client;
  private final String user;
  private final int pageSize;
  private final String newerThanFirst;
  private final List<String> older = new ArrayList<>();
  private final List<String> newer = new ArrayList<>();
  private String olderCursor = "";
  private String newerCursor;
  private boolean ended;

  /** Reads the first page. */
  PagedFeed(ImportedFeeds files, FeedClient client, String user, int pageSize) {
    this.files = files;
    this.client = client;
    this.user = user;
    this.pageSize = pageSize;
    newerThanFirst = readOlder().getNewerCursor();
    newerCursor = newerThanFirst;
  }

  String user() {
    return user;
  }

  int size() {
    return older.size() + newer.size();
  }

  /** Reads so many pages of what is older, or up to the end. */
  void older(int pages) {
    for (int i = 0; i < pages && !ended; i++) readOlder();
  }

  private ReadFeedResponse readOlder() {
    ReadFeedResponse page = files.page(client, user, pageSize, olderCursor);
    older.addAll(ImportedFeeds.ids(page));
    ended = page.getEndOfFeed();
    olderCursor = page.getNextCursor();
    assertThat(olderCursor.isEmpty()).as("no next page for %s", user).isEqualTo(ended);
    if (!ended) assertThat(page.getCardsCount()).as("page of %s", user).isEqualTo(pageSize);
    return page;
  }

  /** The walk to the end of what had arrived when it began has returned exactly this. */
  void verifyOlder(List<String> expected) {
    older(Integer.MAX_VALUE);
    assertThat(older).as("older entries of %s", user).isEqualTo(expected);
  }

  /** Reads what has arrived so far since the first page. */
  void newer() {
    ReadFeedResponse page;
    do {
      page = files.page(client, user, pageSize, newerCursor);
      newer.addAll(ImportedFeeds.ids(page));
      newerCursor = page.getNewerCursor();
    } while (page.getCardsCount() > 0);
  }

  /** What arrived bit by bit is this, nothing twice; true once nothing is missing. */
  boolean hasNewer(List<String> expected) {
    assertThat(newer)
        .as("newer entries of %s", user)
        .doesNotHaveDuplicates()
        .isSubsetOf(new HashSet<>(expected));
    return newer.size() == expected.size();
  }

  /** One walk over all that arrived since the first page: in order, with the gap counting down. */
  void verifyNewer(List<String> oldestFirst) {
    newerCursor = newerThanFirst;
    newer.clear();
    while (newer.size() < oldestFirst.size()) {
      ReadFeedResponse page = files.page(client, user, pageSize, newerCursor);
      int rest = oldestFirst.size() - newer.size();
      assertThat(page.getCardsCount()).as("page of %s", user).isEqualTo(Math.min(pageSize, rest));
      newer.addAll(ImportedFeeds.ids(page));
      assertThat(page.getGap())
          .as("what is left of %s", user)
          .isEqualTo(oldestFirst.size() - newer.size());
      newerCursor = page.getNewerCursor();
    }
    assertThat(newer).as("newer entries of %s", user).isEqualTo(oldestFirst);
    assertThat(files.page(client, user, pageSize, newerCursor).getCardsCount()).isZero();
  }
}
