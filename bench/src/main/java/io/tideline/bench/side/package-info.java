/** Tideline and what it is measured beside, each on real servers on this machine. */
@NullMarked
package io.tideline.bench.side;

import org.jspecify.annotations.NullMarked;
