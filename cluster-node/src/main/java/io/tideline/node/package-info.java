/** The runnable node: settings, assembly and the entry point. */
@NullMarked
package io.tideline.node;

import org.jspecify.annotations.NullMarked;
