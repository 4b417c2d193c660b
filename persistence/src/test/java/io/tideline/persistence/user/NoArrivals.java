package io.tideline.persistence.user;

import io.tideline.persistence.timeline.Arrivals;
import io.tideline.persistence.timeline.Inbox;
import io.tideline.persistence.timeline.PostRef;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import java.util.List;

/** A log in which nothing is. */
public class NoArrivals implements Arrivals {
  @Override
  public Positions applied() {
    return Positions.EMPTY;
  }

  @Override
  public Positions stored() {
    return applied();
  }

  @Override
  public void register(UserId author, Inbox inbox) {}

  @Override
  public void unregister(UserId author, Inbox inbox) {}

  @Override
  public boolean reachesBack(Positions from) {
    return true;
  }

  @Override
  public List<PostRef> recent(UserId author, Positions after) {
    return List.of();
  }

  @Override
  public void registerTag(String tag, Inbox inbox) {}

  @Override
  public void unregisterTag(String tag, Inbox inbox) {}

  @Override
  public PostRef remembered(PostRef ref) {
    return ref;
  }

  @Override
  public List<PostRef> recentWithTag(String tag, Positions after) {
    return List.of();
  }
}
