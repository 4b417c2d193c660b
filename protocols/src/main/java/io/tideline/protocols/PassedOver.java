package io.tideline.protocols;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What was in a feed at a base and may not have been returned, because it was hidden when the walk
 * went by. Small: beyond a few changes of the rules within one walk, neighbouring stretches become
 * one, of which more may be returned again than was left out.
 *
 * @param stretches newest first, by the rules of times later than the base's
 * @param posts single ones
 */
public record PassedOver(List<Stretch> stretches, List<PostId> posts) {
  public static final PassedOver NOTHING = new PassedOver(List.of(), List.of());

  private static final int MOST_STRETCHES = 3;
  private static final int MOST_TIMES = 6;
  static final int MOST_POSTS = 8;

  public PassedOver {
    stretches = List.copyOf(stretches);
    posts = List.copyOf(posts);
  }

  /**
   * A part of a feed.
   *
   * @param newer not included; {@code null} = none is newer
   * @param oldest included; {@link PostId#MIN} = none is older
   * @param rulesAt hybrid times of the rules by which the walk went through
   * @param cell the one whose rules those were; 0 = not said, or several
   */
  public record Stretch(@Nullable PostId newer, PostId oldest, List<Long> rulesAt, int cell) {
    public Stretch {
      rulesAt = List.copyOf(rulesAt);
    }

    public boolean covers(PostId id) {
      return id.compareTo(oldest) >= 0 && (newer == null || id.compareTo(newer) < 0);
    }

    private Stretch and(Stretch older) {
      TreeSet<Long> times = new TreeSet<>(rulesAt);
      times.addAll(older.rulesAt);
      while (times.size() > MOST_TIMES) times.pollFirst();
      // Of several cells, no time says anything to any of them.
      boolean oneCell = cell == older.cell;
      return new Stretch(
          newer, older.oldest, oneCell ? List.copyOf(times) : List.of(), oneCell ? cell : 0);
    }
  }

  public boolean isNothing() {
    return stretches.isEmpty() && posts.isEmpty();
  }

  /** The same and a page towards older entries, by the rules of some time in a cell. */
  public PassedOver and(@Nullable PostId newer, PostId oldest, long rulesAt, int cell) {
    Stretch page = new Stretch(newer, oldest, List.of(rulesAt), cell);
    List<Stretch> all = new ArrayList<>(stretches);
    int last = all.size() - 1;
    boolean goesOn =
        last >= 0 && all.get(last).rulesAt.equals(page.rulesAt) && all.get(last).cell == cell;
    if (goesOn) all.set(last, all.get(last).and(page));
    else all.add(page);
    if (all.size() > MOST_STRETCHES) {
      Stretch youngest = all.remove(all.size() - 1);
      all.set(all.size() - 1, all.get(all.size() - 1).and(youngest));
    }
    return new PassedOver(all, posts);
  }

  /** Remembers one more; the first is forgotten when there are too many. */
  public static List<PostId> remember(List<PostId> owed, PostId post) {
    List<PostId> more = new ArrayList<>(owed);
    more.add(post);
    return more.size() > MOST_POSTS ? more.subList(1, more.size()) : more;
  }
}
