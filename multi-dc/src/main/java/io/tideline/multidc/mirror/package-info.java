/** Copies the logs of other cells to this one, one copy of each line for the whole cell. */
@NullMarked
package io.tideline.multidc.mirror;

import org.jspecify.annotations.NullMarked;
