/** Home timelines: what is in one, and the ports through which arrivals reach it. */
@NullMarked
package io.tideline.persistence.timeline;

import org.jspecify.annotations.NullMarked;
