/** Calls servers over gRPC, at a fixed rate or as fast as they answer, and checks each answer. */
@NullMarked
package io.tideline.bench.driver;

import org.jspecify.annotations.NullMarked;
