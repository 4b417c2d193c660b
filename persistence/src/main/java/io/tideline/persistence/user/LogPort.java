package io.tideline.persistence.user;

import io.tideline.protocols.log.v1.IntentLine;
import io.tideline.protocols.log.v1.PostLine;
import java.util.concurrent.CompletionStage;

/**
 * Where an entity announces what it has persisted: the logs of its cell.
 *
 * <p>A stage completes once the log has acknowledged the line. It fails, and the call never blocks,
 * when too many lines are waiting or the log is away.
 */
public interface LogPort {
  CompletionStage<Void> append(PostLine line);

  CompletionStage<Void> append(IntentLine line);

  /** True while so many lines wait for the log that those which can wait longer should. */
  boolean busy();
}
