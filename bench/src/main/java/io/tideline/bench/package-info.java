/**
 * Measures Tideline beside what others would build, on one machine: {@code ./tideline bench}.
 *
 * <p>A {@link io.tideline.bench.side.Side} is one of them, running, with all its processes on one
 * core; the {@link io.tideline.bench.driver.Driver} calls it from another core. Every side gets the
 * same requests and must give the same answers.
 */
@NullMarked
package io.tideline.bench;

import org.jspecify.annotations.NullMarked;
