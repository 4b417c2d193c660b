package io.tideline.multidc.fence;

import io.tideline.multidc.fence.FenceMessage.Beat;
import io.tideline.multidc.fence.FenceMessage.CountedIn;
import io.tideline.multidc.fence.FenceMessage.Heartbeat;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.StreamSupport;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.UniqueAddress;
import org.apache.pekko.cluster.typed.Cluster;

/** Asks every member to count this node in, answers theirs, and keeps the {@link Fence} current. */
final class Heartbeats extends AbstractBehavior<FenceMessage> {
  /** A round trip this slow says too little about the other clock. */
  private static final Duration SLOW = Duration.ofSeconds(1);

  private static final Set<MemberStatus> VOTING = Set.of(MemberStatus.up(), MemberStatus.leaving());
  private static final Set<MemberStatus> OUT = Set.of(MemberStatus.down(), MemberStatus.removed());

  private final Fence fence;
  private final Cluster cluster;
  private final UniqueAddress self;
  private final ActorRefResolver resolver;
  private final Map<UniqueAddress, Answer> answers = new HashMap<>();
  private boolean wasOpen;
  private boolean wasOff;

  record Answer(long sentAt, OptionalLong clockOffset) {}

  private Heartbeats(ActorContext<FenceMessage> context, Fence fence) {
    super(context);
    context.setLoggerName(Fence.class);
    this.fence = fence;
    cluster = Cluster.get(context.getSystem());
    self = cluster.selfMember().uniqueAddress();
    resolver = ActorRefResolver.get(context.getSystem());
  }

  static Behavior<FenceMessage> create(Fence fence, FenceSettings settings) {
    return Behaviors.setup(
        context ->
            Behaviors.withTimers(
                timers -> {
                  timers.startTimerWithFixedDelay(
                      Beat.INSTANCE, Duration.ZERO, settings.heartbeatInterval());
                  return new Heartbeats(context, fence);
                }));
  }

  @Override
  public Receive<FenceMessage> createReceive() {
    return newReceiveBuilder()
        .onMessage(Beat.class, beat -> onBeat())
        .onMessage(Heartbeat.class, this::onHeartbeat)
        .onMessage(CountedIn.class, this::onCountedIn)
        .build();
  }

  private Behavior<FenceMessage> onBeat() {
    // Read before the round: a process may be paused at any line of this method.
    long sentAt = System.nanoTime();
    logChanges();
    if (cluster.isTerminated() || OUT.contains(cluster.selfMember().status())) {
      fence.gone();
      return this;
    }
    answers.put(self, new Answer(sentAt, OptionalLong.of(0)));
    List<Member> members = members();
    answers.keySet().retainAll(members.stream().map(Member::uniqueAddress).toList());
    Heartbeat heartbeat = new Heartbeat(self.address().toString(), self.longUid(), sentAt);
    for (Member member : members)
      if (!member.uniqueAddress().equals(self)) fenceAt(member.address()).tell(heartbeat);
    update(members);
    return this;
  }

  private Behavior<FenceMessage> onHeartbeat(Heartbeat heartbeat) {
    // Nodes that this one has given up must not go on because they can still reach it.
    members().stream()
        .filter(
            member ->
                member.uniqueAddress().longUid() == heartbeat.fromUid()
                    && member.address().toString().equals(heartbeat.from()))
        .findFirst()
        .ifPresent(
            member ->
                fenceAt(member.address())
                    .tell(
                        new CountedIn(
                            self.address().toString(),
                            self.longUid(),
                            heartbeat.fromUid(),
                            heartbeat.sentAt(),
                            System.currentTimeMillis())));
    return this;
  }

  private Behavior<FenceMessage> onCountedIn(CountedIn answer) {
    if (answer.uid() != self.longUid()) return this;
    List<Member> members = members();
    members.stream()
        .map(Member::uniqueAddress)
        .filter(
            node ->
                node.longUid() == answer.byUid() && node.address().toString().equals(answer.by()))
        .findFirst()
        .ifPresent(node -> answers.merge(node, answered(answer), Heartbeats::later));
    update(members);
    return this;
  }

  private static Answer answered(CountedIn answer) {
    long roundTrip = System.nanoTime() - answer.sentAt();
    if (roundTrip > SLOW.toNanos()) return new Answer(answer.sentAt(), OptionalLong.empty());
    long whenAnswered = System.currentTimeMillis() - roundTrip / 2_000_000;
    return new Answer(answer.sentAt(), OptionalLong.of(answer.wallClock() - whenAnswered));
  }

  /** The later one; what it does not tell of the other clock is as it was. */
  static Answer later(Answer one, Answer other) {
    boolean inOrder = other.sentAt() - one.sentAt() >= 0;
    Answer before = inOrder ? one : other;
    Answer last = inOrder ? other : one;
    return last.clockOffset().isPresent() ? last : new Answer(last.sentAt(), before.clockOffset());
  }

  private void update(List<Member> members) {
    List<UniqueAddress> voters =
        members.stream()
            .filter(
                member -> VOTING.contains(member.status()) || member.uniqueAddress().equals(self))
            .sorted(Comparator.comparing(Member::address, Member.addressOrdering()))
            .map(Member::uniqueAddress)
            .toList();
    if (!voters.contains(self)) return;
    Quorum.newest(
            voters.stream()
                .map(answers::get)
                .map(
                    answer ->
                        answer == null ? OptionalLong.empty() : OptionalLong.of(answer.sentAt()))
                .toList())
        .ifPresent(fence::countedInAt);
    fence.clockOffsets(
        voters.stream()
            .map(answers::get)
            .flatMapToLong(
                answer -> answer == null ? LongStream.empty() : answer.clockOffset().stream())
            .toArray());
    logChanges();
  }

  private void logChanges() {
    boolean open = fence.open();
    if (open != wasOpen) {
      wasOpen = open;
      if (open) getContext().getLog().info("Fence {}", fence.state());
      else getContext().getLog().warn("Fence {}", fence.state());
    }
    boolean off = fence.clockOff();
    if (off != wasOff) {
      wasOff = off;
      if (off)
        getContext()
            .getLog()
            .error("Clock is {} behind the majority of the cell", fence.clockOffset());
      else getContext().getLog().info("Clock agrees with the majority of the cell");
    }
  }

  /** All that are not out, whether they vote or not. */
  private List<Member> members() {
    return StreamSupport.stream(cluster.state().getMembers().spliterator(), false)
        .filter(member -> !OUT.contains(member.status()))
        .toList();
  }

  private ActorRef<FenceMessage> fenceAt(Address address) {
    return resolver.resolveActorRef(address + "/system/" + Fence.ACTOR_NAME);
  }
}
