package io.tideline.persistence.user;

import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.FollowsChanged;
import io.tideline.protocols.log.v1.IntentLine;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What another cell has accepted of a user, merged into what this cell knows. */
@State(Scope.Thread)
public class MergeBenchmark {
  private static final int HERE = 1;
  private static final int THERE = 2;
  private static final long THEN = 1L << 56;

  @Param({"200", "2000"})
  public int follows;

  private User user = User.EMPTY;
  private List<IntentLine> newFollow = List.of();
  private List<IntentLine> knownFollow = List.of();

  @Setup
  public void fill() {
    Map<UserId, Register<Follow>> followees = new HashMap<>();
    for (int i = 0; i < follows; i++) {
      followees.put(
          new UserId("author-" + i), Register.of(THEN + i, HERE, THEN + i, Follow.EVERYTHING));
    }
    user =
        new User(
            new Graph(followees, Map.of(), Map.of(), Map.of(), THEN),
            Filters.EMPTY,
            ReadState.EMPTY,
            Posting.EMPTY,
            null,
            follows,
            THEN,
            follows,
            null);
    newFollow = List.of(line("author-new", THEN + follows));
    knownFollow = List.of(line("author-7", THEN - 1));
  }

  private static IntentLine line(String followee, long at) {
    return IntentLine.newBuilder()
        .setUserId("reader-1")
        .setOriginCell(THERE)
        .setAt(at)
        .setFollowsChanged(FollowsChanged.newBuilder().addTargetIds(followee).setActive(true))
        .build();
  }

  /** Answers the event that the journal would be given. */
  @Benchmark
  public List<UserEvent> newFollow() {
    return user.learned(newFollow, THEN + follows);
  }

  /** An older decision about somebody who is followed: it loses, and is remembered. */
  @Benchmark
  public List<UserEvent> olderFollow() {
    return user.learned(knownFollow, THEN + follows);
  }
}
