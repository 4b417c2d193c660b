/**
 * The vocabulary that every module and every cell shares: ids, hybrid time, log positions, and the
 * signed tokens that clients carry.
 *
 * <p>Text and byte forms of these types are for ever: they are in journals, in logs, and in the
 * hands of clients. The tests hold recordings of each.
 *
 * <p>Hybrid time is a positive {@code long}: 48 bits of milliseconds since 1970, then 16 bits of
 * counter.
 */
@NullMarked
package io.tideline.protocols;

import org.jspecify.annotations.NullMarked;
