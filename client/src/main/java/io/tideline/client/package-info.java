/**
 * A client of one or several Tideline cells.
 *
 * <p>It keeps the topology of each cell at hand, sends each call to the node that owns the user,
 * repeats what may be repeated, and turns to another cell when its own is away. Start at {@link
 * io.tideline.client.TidelineClient}.
 *
 * <p>What the parts agree upon (who watches what, which cell gets how much) changes on one thread
 * per client; calls only read it.
 */
@NullMarked
package io.tideline.client;

import org.jspecify.annotations.NullMarked;
