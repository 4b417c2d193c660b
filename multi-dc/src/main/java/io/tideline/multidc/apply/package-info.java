/** What is derived from the logs and stored for the whole cell. */
@NullMarked
package io.tideline.multidc.apply;

import org.jspecify.annotations.NullMarked;
