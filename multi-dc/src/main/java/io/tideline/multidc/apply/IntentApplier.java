package io.tideline.multidc.apply;

import io.tideline.multidc.log.IntentLines;
import io.tideline.multidc.log.LogBounds;
import io.tideline.multidc.log.LogSettings;
import io.tideline.multidc.log.LogTopics;
import io.tideline.multidc.log.ParkedLines;
import io.tideline.multidc.log.PoisonLineException;
import io.tideline.multidc.log.SaidAgain;
import io.tideline.persistence.user.IntentEffects;
import io.tideline.protocols.Positions;
import io.tideline.protocols.UserId;
import io.tideline.protocols.log.v1.IntentLine;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.pekko.actor.typed.ActorSystem;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells users what the lines of an intents log mean for them: who is blocked learns by whom, and of
 * another cell's log everybody what he or she has decided there, as of the same time.
 */
public final class IntentApplier {
  private static final Logger log = LoggerFactory.getLogger(IntentApplier.class);

  // What is told together is one message and one write to the journal, and both have limits.
  private static final int MOST_LINES = 32;
  private static final int MOST_BYTES = 16 * 1024;

  /** Reaches users wherever they live. */
  @FunctionalInterface
  public interface Targets {
    /** Applies the lines, in this order, to their user; fails unless all of it is durable. */
    CompletionStage<Void> apply(UserId target, List<IntentLine> lines);
  }

  private final int cell;
  private final LogTopics topics;
  private final Targets targets;
  private final Reached reached;
  private final LogGroup group;
  private final AtomicBoolean started = new AtomicBoolean();
  private final AtomicBoolean looking = new AtomicBoolean();
  private volatile @Nullable LogBounds bounds;

  /**
   * @param cell this one
   * @param topics its own, or the copies of another cell's
   */
  public IntentApplier(
      ActorSystem<?> system,
      LogSettings settings,
      int cell,
      LogTopics topics,
      ParkedLines parked,
      Targets targets,
      Reached reached) {
    this.cell = cell;
    this.topics = topics;
    this.targets = targets;
    this.reached = reached;
    group =
        new LogGroup(
            system,
            settings,
            topics,
            parked,
            topics.intents(),
            topics.intentsGroup(),
            settings.intentParallelism(),
            Effects::new);
  }

  /** Begins; without this, once {@link #refresh} has found the log. */
  public void start() {
    if (started.compareAndSet(false, true)) {
      group.start();
    }
  }

  public void stop() {
    if (started.getAndSet(true)) {
      group.stop();
    }
  }

  /** How many times this node has told a user. */
  public long applied() {
    return group.done();
  }

  /** How far this node has applied another cell's log; only of what it has applied itself. */
  public Positions reached() {
    return group.reached();
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

  /** Asks how far the log goes, and whether it is still the same. */
  public void refresh() {
    if (looking.compareAndSet(false, true)) {
      topics
          .intentBounds()
          .thenAccept(this::onBounds)
          .whenComplete((known, failure) -> refreshed(failure));
    }
  }

  private void onBounds(LogBounds now) {
    bounds = now;
    start();
    group.observe(now);
  }

  private void refreshed(@Nullable Throwable failure) {
    looking.set(false);
    if (failure != null) {
      log.debug("How far {} has been applied is unknown for now", topics.intents(), failure);
    }
  }

  /** What lines that were read together mean, by user. */
  private final class Effects implements LogGroup.Batch {
    private final Map<UserId, List<IntentLine>> byUser = new LinkedHashMap<>();

    @Override
    public void add(ConsumerRecord<byte[], byte[]> record) throws PoisonLineException {
      SaidAgain again = SaidAgain.of(record.headers());
      if (again != null && !again.cells().contains(cell)) {
        return;
      }
      IntentLine line = IntentLines.parse(record.value());
      if (line.hasAppliedPositions()) {
        reached.hear(line);
        return;
      }
      for (IntentLine effect : effects(line, again != null)) {
        byUser
            .computeIfAbsent(new UserId(effect.getUserId()), user -> new ArrayList<>())
            .add(effect);
      }
    }

    private List<IntentLine> effects(IntentLine line, boolean again) throws PoisonLineException {
      try {
        return again ? IntentEffects.ofSaidAgain(line) : IntentEffects.of(line, cell);
      } catch (IllegalArgumentException e) {
        throw new PoisonLineException(String.valueOf(e.getMessage()));
      }
    }

    @Override
    public List<Supplier<CompletionStage<Void>>> tasks() {
      List<Supplier<CompletionStage<Void>>> tasks = new ArrayList<>();
      byUser.forEach((user, lines) -> tasks.add(() -> inTurn(user, lines)));
      return tasks;
    }

    private CompletionStage<Void> inTurn(UserId user, List<IntentLine> lines) {
      CompletionStage<Void> told = CompletableFuture.completedStage(null);
      for (List<IntentLine> some : parts(lines)) {
        told = told.thenCompose(before -> targets.apply(user, some));
      }
      return told;
    }
  }

  private static List<List<IntentLine>> parts(List<IntentLine> lines) {
    List<List<IntentLine>> parts = new ArrayList<>();
    List<IntentLine> part = new ArrayList<>();
    int bytes = 0;
    for (IntentLine line : lines) {
      bytes += line.getSerializedSize();
      if (!part.isEmpty() && (part.size() == MOST_LINES || bytes > MOST_BYTES)) {
        parts.add(part);
        part = new ArrayList<>();
        bytes = line.getSerializedSize();
      }
      part.add(line);
    }
    parts.add(part);
    return parts;
  }
}
