/**
 * Keeps a node that others have given up from acting.
 *
 * <p>Nothing in the journal stops a second writer. A node that was paused or cut off must therefore
 * notice by itself, before it does anything, that others may own its users by now. Its clock for
 * that is the last moment at which a majority of the cell is known to have counted it in.
 *
 * <p>Why that is soon enough: whoever takes over first removes the node from the membership, which
 * all that remain have then seen, and waits for {@code down-removal-margin} before it starts the
 * node's users elsewhere. From the removal on nobody counts the node in, and its fence is closed
 * that much later at the latest.
 */
@NullMarked
package io.tideline.multidc.fence;

import org.jspecify.annotations.NullMarked;
