package io.tideline.multidc.apply;

import io.tideline.multidc.log.IntentLines;
import io.tideline.multidc.log.LogBounds;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.ParkedLines;
import io.tideline.multidc.log.PoisonLineException;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.BlockedBy;
import io.tideline.protocols.log.v1.IntentLine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.pekko.actor.typed.ActorSystem;
import org.jspecify.annotations.Nullable;

/**
 * Tells users what others' intents mean for them: who is blocked learns by whom, as of the same
 * time. Every other line of the intents log concerns its own user only.
 */
public final class IntentApplier {

  /** Reaches users wherever they live. */
  @FunctionalInterface
  public interface Targets {
    /** Applies the line to its user; fails unless that is durable. */
    CompletionStage<Void> apply(UserId target, IntentLine line);
  }

  private final Targets targets;
  private final LogGroup group;
  private volatile @Nullable LogBounds bounds;

  public IntentApplier(
      ActorSystem<?> system,
      LogSettings settings,
      LogTopics topics,
      ParkedLines parked,
      Targets targets) {
    this.targets = targets;
    group =
        new LogGroup(
            system,
            settings,
            topics,
            parked,
            topics.intents(),
            topics.intentsGroup(),
            settings.intentParallelism(),
            (record, incarnation) -> tasks(record));
  }

  public void start() {
    group.start();
  }

  public void stop() {
    group.stop();
  }

  /** How many times this node has told a user. */
  public long applied() {
    return group.done();
  }

  /** How many lines this node has parked. */
  public long parked() {
    return group.parked();
  }

  /** How many times this node has tried again. */
  public long retries() {
    return group.retries();
  }

  /** How many lines the cell has yet to apply, by partition, as of the last look. */
  public Map<Integer, Long> lag() {
    LogBounds known = bounds;
    return known == null ? Map.of() : known.groupLag();
  }

  /** Takes note of how far the log goes, and of whether it is still the same. */
  public void observe(LogBounds now) {
    bounds = now;
    group.observe(now);
  }

  private List<Supplier<CompletionStage<Void>>> tasks(ConsumerRecord<byte[], byte[]> record)
      throws PoisonLineException {
    IntentLine line = IntentLines.parse(record.value());
    List<Supplier<CompletionStage<Void>>> tasks = new ArrayList<>();
    for (String target : line.getBlocksChanged().getTargetIdsList()) {
      UserId blocked = new UserId(target);
      tasks.add(() -> targets.apply(blocked, blockedBy(line, blocked)));
    }
    return tasks;
  }

  private static IntentLine blockedBy(IntentLine block, UserId blocked) {
    return IntentLine.newBuilder()
        .setUserId(blocked.value())
        .setOriginCell(block.getOriginCell())
        .setAt(block.getAt())
        .setBlockedBy(
            BlockedBy.newBuilder()
                .setBlockerId(block.getUserId())
                .setActive(block.getBlocksChanged().getActive()))
        .build();
  }
}
