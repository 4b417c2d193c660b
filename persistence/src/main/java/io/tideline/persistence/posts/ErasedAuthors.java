package io.tideline.persistence.posts;

import io.tideline.protocols.UserId;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * Authors of whom nothing may be kept or shown. All of them are in memory, some hundred bytes each,
 * so that nobody has to read to find out that an author is not among them.
 */
public final class ErasedAuthors {
  private final ConcurrentMap<UserId, Long> since = new ConcurrentHashMap<>();
  private final List<Consumer<UserId>> forgetful = new CopyOnWriteArrayList<>();

  /**
   * Once this has returned, every look-up knows.
   *
   * @param at hybrid time; of several the earliest counts
   */
  public void add(UserId author, long at) {
    since.merge(author, at, Math::min);
    forgetful.forEach(each -> each.accept(author));
  }

  /** From now on this is told whom to forget. */
  void tell(Consumer<UserId> forget) {
    forgetful.add(forget);
  }

  public boolean contains(UserId author) {
    return since.containsKey(author);
  }

  /** All of them, and since when. */
  public Map<UserId, Long> all() {
    return Map.copyOf(since);
  }

  /** Hybrid time; 0 when the author is not erased. */
  long since(UserId author) {
    return since.getOrDefault(author, 0L);
  }
}
