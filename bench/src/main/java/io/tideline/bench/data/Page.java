package io.tideline.bench.data;

/**
 * A page that is asked for; every side says in its own way where it begins.
 *
 * @param offset how many newer entries there are
 * @param cursor Tideline's; empty at the newest entry
 */
public record Page(String reader, int offset, String cursor) {}
