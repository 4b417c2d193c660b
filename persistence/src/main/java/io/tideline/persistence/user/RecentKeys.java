package io.tideline.persistence.user;

import io.tideline.persistence.user.Posting.Accepted;
import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Keys of accepted posts; one more copies a few of them, and only now and then all. */
final class RecentKeys extends AbstractMap<String, Accepted> {
  private static final int FEW = 64;

  // No key is in both.
  private final Map<String, Accepted> many;
  private final Map<String, Accepted> few;
  private final long oldestAt;

  private RecentKeys(Map<String, Accepted> many, Map<String, Accepted> few, long oldestAt) {
    this.many = Map.copyOf(many);
    this.few = Map.copyOf(few);
    this.oldestAt = oldestAt;
  }

  static RecentKeys of(Map<String, Accepted> keys) {
    return keys instanceof RecentKeys recent
        ? recent
        : new RecentKeys(
            keys,
            Map.of(),
            keys.values().stream().mapToLong(Accepted::at).min().orElse(Long.MAX_VALUE));
  }

  /** Without those of more than a day before. */
  RecentKeys with(String key, Accepted post) {
    boolean whole =
        few.size() == FEW || many.containsKey(key) || Posting.expired(oldestAt, post.at());
    Map<String, Accepted> keys = new HashMap<>();
    if (!whole) {
      keys.putAll(few);
      keys.put(key, post);
      return new RecentKeys(many, keys, Math.min(oldestAt, post.at()));
    }
    forEach(
        (old, accepted) -> {
          if (!Posting.expired(accepted.at(), post.at())) keys.put(old, accepted);
        });
    keys.put(key, post);
    return of(keys);
  }

  @Override
  public @Nullable Accepted get(Object key) {
    Accepted recent = few.get(key);
    return recent == null ? many.get(key) : recent;
  }

  @Override
  public boolean containsKey(Object key) {
    return get(key) != null;
  }

  @Override
  public int size() {
    return many.size() + few.size();
  }

  @Override
  public Set<Entry<String, Accepted>> entrySet() {
    return new AbstractSet<>() {
      @Override
      public Iterator<Entry<String, Accepted>> iterator() {
        return Stream.of(many, few).flatMap(each -> each.entrySet().stream()).iterator();
      }

      @Override
      public int size() {
        return RecentKeys.this.size();
      }
    };
  }
}
