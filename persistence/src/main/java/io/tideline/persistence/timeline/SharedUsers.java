package io.tideline.persistence.timeline;

import com.github.benmanes.caffeine.cache.Interner;
import io.tideline.protocols.UserId;

/** Users as very many objects of a node name them: one instance of each. */
public final class SharedUsers {
  private static final Interner<UserId> ALL = Interner.newWeakInterner();

  private SharedUsers() {}

  public static UserId of(String id) {
    return ALL.intern(new UserId(id));
  }
}
