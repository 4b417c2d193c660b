/**
 * How what users do travels within a cell: the posts log and the intents log, and how every node
 * hears of the posts log's lines.
 *
 * <p>{@link io.tideline.multidc.log.LogWriter} appends. {@link io.tideline.multidc.log.LogTail}
 * reads on every node: a line is remembered in {@link io.tideline.multidc.log.RecentPosts} first,
 * then delivered to the timelines whose inboxes {@link io.tideline.multidc.log.Interest} names, and
 * only then the node's applied positions move. So a timeline that registers first and reads what is
 * remembered second misses nothing.
 *
 * <p>What is remembered is forgotten in log order only, and never before it is in the post store. A
 * line that cannot be read is skipped by every tail and kept by the one post store writer that
 * comes across it, as a {@link io.tideline.multidc.log.ParkedLine}.
 */
@NullMarked
package io.tideline.multidc.log;

import org.jspecify.annotations.NullMarked;
