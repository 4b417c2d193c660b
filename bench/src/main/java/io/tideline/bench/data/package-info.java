/** What all sides are filled with and asked for. */
@NullMarked
package io.tideline.bench.data;

import org.jspecify.annotations.NullMarked;
