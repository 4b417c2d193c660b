package io.tideline.multidc.log;

import io.tideline.persistence.timeline.Inbox;
import io.tideline.protocols.UserId;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/** Which timelines of this node want to hear of which author. */
public final class Interest {
  private static final Inbox[] NONE = {};

  // Each set is guarded by itself, and replaced only under the map's lock of its key.
  private final ConcurrentMap<UserId, Set<Inbox>> inboxesByAuthor = new ConcurrentHashMap<>();

  public void add(UserId author, Inbox inbox) {
    inboxesByAuthor.compute(
        author,
        (key, known) -> {
          Set<Inbox> inboxes =
              known == null ? Collections.newSetFromMap(new IdentityHashMap<>(1)) : known;
          synchronized (inboxes) {
            inboxes.add(inbox);
          }
          return inboxes;
        });
  }

  public void remove(UserId author, Inbox inbox) {
    inboxesByAuthor.computeIfPresent(
        author,
        (key, inboxes) -> {
          synchronized (inboxes) {
            inboxes.remove(inbox);
            return inboxes.isEmpty() ? null : inboxes;
          }
        });
  }

  /** Who is registered now; a copy, so that a long delivery may go on while others come and go. */
  Inbox[] of(UserId author) {
    Set<Inbox> inboxes = inboxesByAuthor.get(author);
    if (inboxes == null) {
      return NONE;
    }
    synchronized (inboxes) {
      return inboxes.toArray(NONE);
    }
  }

  /** How many authors somebody wants to hear of. */
  public int authors() {
    return inboxesByAuthor.size();
  }
}
