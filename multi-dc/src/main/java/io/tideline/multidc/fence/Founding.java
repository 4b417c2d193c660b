package io.tideline.multidc.fence;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import io.tideline.persistence.Schema;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.Done;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.AddressFromURIString;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.JoinSeedNodes;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a node from founding a second cluster of a cell that is alive.
 *
 * <p>The first of the seed nodes founds a cluster when no other answers in time, also when they
 * live and are only slow, or cut off from it. Each user would then have two owners, and what one of
 * them has acknowledged would be lost. So the leader of a cluster says in the cell's Cassandra that
 * it lives, and while that was a moment ago a node only joins.
 */
public final class Founding {
  private static final Logger log = LoggerFactory.getLogger(Founding.class);
  private static final Set<MemberStatus> MEMBER =
      Set.of(MemberStatus.joining(), MemberStatus.weaklyUp(), MemberStatus.up());

  private final ActorSystem<?> system;
  private final Cluster cluster;
  private final CqlSession session;
  private final String table;
  private final Fence fence;
  private final Duration aliveFor;
  private boolean waiting;

  private Founding(ActorSystem<?> system, CqlSession session, String keyspace, Fence fence) {
    this.system = system;
    this.cluster = Cluster.get(system);
    this.session = session;
    this.table = tableIn(keyspace);
    this.fence = fence;
    this.aliveFor = system.settings().config().getDuration("tideline.multi-dc.fence.alive-for");
  }

  private static String tableIn(String keyspace) {
    return keyspace + ".cell_alive";
  }

  /** Creates the table where it is missing; the keyspace must be there. */
  public static CompletionStage<Void> createSchema(CqlSession session, String keyspace) {
    return Schema.create(
        session, tableIn(keyspace) + " (id int PRIMARY KEY, leader text, members int)");
  }

  /**
   * Says that the cell lives whenever this node leads it, and joins its cluster.
   *
   * @param seeds URIs, this node first, when it may found a cluster; empty when it joins by other
   *     means
   */
  public static void start(
      ActorSystem<?> system, CqlSession session, String keyspace, Fence fence, List<String> seeds) {
    Founding founding = new Founding(system, session, keyspace, fence);
    system
        .scheduler()
        .scheduleWithFixedDelay(
            Duration.ZERO,
            founding.aliveFor.dividedBy(4),
            founding::say,
            system.executionContext());
    CoordinatedShutdown.get(system)
        .addTask(
            CoordinatedShutdown.PhaseClusterLeave(),
            "tideline-cell-ends",
            () -> founding.unsay().handle((done, failure) -> Done.getInstance()));
    if (!seeds.isEmpty()) {
      founding.join(seeds.stream().map(AddressFromURIString::parse).toList());
    }
  }

  private int members() {
    int members = 0;
    for (Member member : cluster.state().getMembers()) {
      if (MEMBER.contains(member.status())) members++;
    }
    return members;
  }

  private void say() {
    Member self = cluster.selfMember();
    boolean leads = self.address().equals(cluster.state().getLeader());
    if (!leads || !self.status().equals(MemberStatus.up()) || !fence.open()) return;
    String cql =
        "INSERT INTO %s (id, leader, members) VALUES (0, ?, ?) USING TTL %d"
            .formatted(table, aliveFor.toSeconds());
    session
        .executeAsync(SimpleStatement.newInstance(cql, self.address().toString(), members()))
        .whenComplete(
            (done, failure) -> {
              if (failure != null) log.warn("Cannot say that this cell is alive", failure);
            });
  }

  /** The last one to leave ends it, so that the next one need not wait. */
  private CompletionStage<?> unsay() {
    if (!fence.open() || members() > 1) return CompletableFuture.completedStage(Done.getInstance());
    return session.executeAsync("DELETE FROM " + table + " WHERE id = 0");
  }

  private void join(List<Address> seeds) {
    if (members() > 0) return;
    session
        .executeAsync("SELECT leader, members FROM " + table + " WHERE id = 0")
        .whenComplete(
            (found, failure) -> {
              if (failure != null) {
                log.warn("Cannot find out whether this cell is alive; asking again", failure);
                later(seeds);
              } else if (lives(found)) {
                joinOthers(seeds);
                later(seeds);
              } else {
                cluster.manager().tell(new JoinSeedNodes(seeds));
              }
            });
  }

  /** Also after this node led it, unless it was alone in it. */
  private boolean lives(AsyncResultSet found) {
    Row row = found.one();
    if (row == null) return false;
    boolean wasAlone =
        row.getInt("members") <= 1
            && cluster.selfMember().address().toString().equals(row.getString("leader"));
    return !wasAlone;
  }

  private void joinOthers(List<Address> seeds) {
    if (waiting) return;
    waiting = true;
    List<Address> others = seeds.subList(1, seeds.size());
    log.info("This cell is alive: joining {}, and founding no cluster", others);
    if (!others.isEmpty()) cluster.manager().tell(new JoinSeedNodes(others));
  }

  private void later(List<Address> seeds) {
    system
        .scheduler()
        .scheduleOnce(aliveFor.dividedBy(8), () -> join(seeds), system.executionContext());
  }
}
