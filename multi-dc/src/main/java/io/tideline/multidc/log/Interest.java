package io.tideline.multidc.log;

import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.UserId;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/** Which timelines of this node want to hear of which author, and of which tag. */
public final class Interest {
  private static final Inbox[] NONE = {};

  // Each set is guarded by itself, and replaced only under the map's lock of its key.
  private final ConcurrentMap<UserId, Set<Inbox>> inboxesByAuthor = new ConcurrentHashMap<>();
  private final ConcurrentMap<String, Set<Inbox>> inboxesByTag = new ConcurrentHashMap<>();

  public void add(UserId author, Inbox inbox) {
    add(inboxesByAuthor, author, inbox);
  }

  public void remove(UserId author, Inbox inbox) {
    remove(inboxesByAuthor, author, inbox);
  }

  public void addTag(String tag, Inbox inbox) {
    add(inboxesByTag, tag, inbox);
  }

  public void removeTag(String tag, Inbox inbox) {
    remove(inboxesByTag, tag, inbox);
  }

  private static <K> void add(ConcurrentMap<K, Set<Inbox>> inboxesByKey, K wanted, Inbox inbox) {
    inboxesByKey.compute(
        wanted,
        (key, known) -> {
          Set<Inbox> inboxes =
              known == null ? Collections.newSetFromMap(new IdentityHashMap<>(1)) : known;
          synchronized (inboxes) {
            inboxes.add(inbox);
          }
          return inboxes;
        });
  }

  private static <K> void remove(ConcurrentMap<K, Set<Inbox>> inboxesByKey, K wanted, Inbox inbox) {
    inboxesByKey.computeIfPresent(
        wanted,
        (key, inboxes) -> {
          synchronized (inboxes) {
            inboxes.remove(inbox);
            return inboxes.isEmpty() ? null : inboxes;
          }
        });
  }

  /**
   * Who wants the line now, each once; a copy, so that a long delivery may go on while others come
   * and go.
   */
  Inbox[] in(PostRef line) {
    Inbox[] inboxes = copy(inboxesByAuthor.get(line.author));
    for (String tag : line.facts.tags()) {
      inboxes = together(inboxes, copy(inboxesByTag.get(tag)));
    }
    return inboxes;
  }

  /** Who wants to hear of any of these now, each once. */
  Set<Inbox> in(Set<UserId> authors, Set<String> tags) {
    Set<Inbox> all = Collections.newSetFromMap(new IdentityHashMap<>());
    authors.forEach(author -> Collections.addAll(all, copy(inboxesByAuthor.get(author))));
    tags.forEach(tag -> Collections.addAll(all, copy(inboxesByTag.get(tag))));
    return all;
  }

  private static Inbox[] copy(@Nullable Set<Inbox> inboxes) {
    if (inboxes == null) {
      return NONE;
    }
    synchronized (inboxes) {
      return inboxes.toArray(NONE);
    }
  }

  private static Inbox[] together(Inbox[] some, Inbox[] others) {
    if (some.length == 0 || others.length == 0) {
      return some.length == 0 ? others : some;
    }
    Set<Inbox> all = Collections.newSetFromMap(new IdentityHashMap<>(some.length + others.length));
    Collections.addAll(all, some);
    Collections.addAll(all, others);
    return all.toArray(NONE);
  }

  /** How many authors somebody wants to hear of. */
  public int authors() {
    return inboxesByAuthor.size();
  }

  /** How many tags somebody wants to hear of. */
  public int tags() {
    return inboxesByTag.size();
  }
}
