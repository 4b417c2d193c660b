package io.tideline.multidc.mirror;

import java.time.Duration;

/**
 * How the copying of all logs of another cell goes.
 *
 * @param lagLines how many of its lines are not copied yet
 * @param lag everything older than this has been copied
 */
public record SourceCell(
    String name, int number, MirrorStatus.State state, long lagLines, Duration lag) {}
