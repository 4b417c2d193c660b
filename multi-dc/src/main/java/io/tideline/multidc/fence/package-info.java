/**
 * Keeps a node that others have given up from acting.
 *
 * <p>Nothing in the journal stops a second writer. A node that was paused or cut off must therefore
 * notice by itself, before it does anything, that others may own its users by now. Its clock for
 * that is the last moment at which a majority of the cell is known to have counted it in.
 */
@NullMarked
package io.tideline.multidc.fence;

import org.jspecify.annotations.NullMarked;
