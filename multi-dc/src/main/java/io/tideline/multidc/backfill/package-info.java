/**
 * How a cell gets what the logs of another one no longer hold: it asks on its own intents log, and
 * the other one says again on its logs all that it knows.
 */
@NullMarked
package io.tideline.multidc.backfill;

import org.jspecify.annotations.NullMarked;
