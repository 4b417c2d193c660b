package io.tideline.multidc.log;

import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.UserId;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/** Which timelines of this node want to hear of which author, and of which tag. */
public final class Interest {
  private static final Inbox[] NONE = {};

  private final ConcurrentMap<UserId, Inboxes> inboxesByAuthor = new ConcurrentHashMap<>();
  private final ConcurrentMap<String, Inboxes> inboxesByTag = new ConcurrentHashMap<>();

  /**
   * Each once, in no order. Few are looked through: a timeline that wakes puts its inbox into
   * hundreds of these, and a set would be two more places in memory to wait for.
   */
  private static final class Inboxes {
    private static final int FEW = 64;

    // Those there are, from the beginning on; none once they are many.
    private @Nullable Inbox[] few = new Inbox[1];
    private int count;
    private @Nullable Set<Inbox> many;
    private boolean gone;

    /** False when nobody finds these any more. */
    synchronized boolean add(Inbox inbox) {
      if (gone) {
        return false;
      }
      if (many != null) {
        many.add(inbox);
      } else if (indexOf(inbox) < 0) {
        if (count == FEW) {
          many = Collections.newSetFromMap(new IdentityHashMap<>(2 * FEW));
          Collections.addAll(many, few);
          many.add(inbox);
          few = NONE;
          return true;
        }
        if (count == few.length) {
          few = Arrays.copyOf(few, 2 * count);
        }
        few[count++] = inbox;
      }
      return true;
    }

    /** True when none is left, and none comes any more. */
    synchronized boolean remove(Inbox inbox) {
      if (many != null) {
        many.remove(inbox);
        gone = many.isEmpty();
        return gone;
      }
      int at = indexOf(inbox);
      if (at >= 0) {
        few[at] = few[--count];
        few[count] = null;
      }
      gone = count == 0;
      return gone;
    }

    @SuppressWarnings("ReferenceEquality") // An inbox is nobody but itself.
    private int indexOf(Inbox inbox) {
      for (int i = 0; i < count; i++) {
        if (few[i] == inbox) {
          return i;
        }
      }
      return -1;
    }

    synchronized Inbox[] copy() {
      return many == null ? Arrays.copyOf(few, count) : many.toArray(NONE);
    }
  }

  public void add(UserId author, Inbox inbox) {
    add(inboxesByAuthor, author, inbox);
  }

  /**
   * The same for many. All are looked up before any is changed, so that the processor waits for
   * memory for several at once: a change is a lock, which it does not look beyond.
   */
  public void add(Collection<UserId> authors, Inbox inbox) {
    UserId[] wanted = authors.toArray(new UserId[0]);
    @Nullable Inboxes[] known = new Inboxes[wanted.length];
    for (int i = 0; i < wanted.length; i++) {
      known[i] = inboxesByAuthor.get(wanted[i]);
    }
    for (int i = 0; i < wanted.length; i++) {
      Inboxes inboxes = known[i];
      if (inboxes == null || !inboxes.add(inbox)) {
        add(inboxesByAuthor, wanted[i], inbox);
      }
    }
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

  private static <K> void add(ConcurrentMap<K, Inboxes> inboxesByKey, K wanted, Inbox inbox) {
    inboxesByKey.compute(
        wanted,
        (key, known) -> {
          Inboxes inboxes = known == null ? new Inboxes() : known;
          inboxes.add(inbox);
          return inboxes;
        });
  }

  private static <K> void remove(ConcurrentMap<K, Inboxes> inboxesByKey, K wanted, Inbox inbox) {
    inboxesByKey.computeIfPresent(wanted, (key, inboxes) -> inboxes.remove(inbox) ? null : inboxes);
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

  /** Who wants to hear of anything now, each once. */
  Set<Inbox> everybody() {
    return in(inboxesByAuthor.keySet(), inboxesByTag.keySet());
  }

  private static Inbox[] copy(@Nullable Inboxes inboxes) {
    return inboxes == null ? NONE : inboxes.copy();
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
