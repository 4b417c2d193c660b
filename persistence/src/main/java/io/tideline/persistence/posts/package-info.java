/**
 * Every post of the cell as Cassandra keeps it, and the cards that readers are shown, kept near.
 *
 * <h2>Three tables, which hold hardly any Cassandra tombstones</h2>
 *
 * <p>{@code posts} has the whole line by id, {@code posts_by_author} slim rows newest first, {@code
 * posts_by_tag} which ids ever had a tag, case-folded. Lines are applied in any order and any
 * number of times, so each column merges by itself, through its write timestamp:
 *
 * <ul>
 *   <li>what a create or an edit says carries the version as its timestamp: the later version wins;
 *   <li>a delete writes {@code deleted_at}, a column that nothing else writes. A row that has it is
 *       deleted for ever, whatever else comes. With it, and with a timestamp above every version,
 *       the body is overwritten by an empty one, so that what was deleted is not kept;
 *   <li>{@code arrival} is one cell holding the whole position, with a timestamp that falls as the
 *       offset rises: the first arrival wins, also when it is written last. Lines of the log of the
 *       post's own cell go before those of others, and creates before edits, so that neither an
 *       edit nor another cell moves a post that has arrived.
 * </ul>
 *
 * <p>So a row is a function of the set of lines applied to it.
 *
 * <p>A fourth table, {@code posts_by_key}, has the ids that agree in what author and idempotency
 * key have made of them: {@link OneKey} makes one post of those of one day.
 *
 * <p>A fifth table, {@code erased_authors}, tells for ever who is erased. Of the author's posts
 * rows by id stay as of deleted ones, rows by tag lose the author, and the author's own partitions
 * go: tombstones that nobody reads over. Every node knows all erased authors by heart, from the
 * table when it starts and from the log later; whatever line of theirs comes after, from wherever,
 * writes nothing but that the post is deleted.
 *
 * <p>Hybrid times are far above the microseconds that Cassandra expects as timestamps; the tables
 * must not be written without {@code USING TIMESTAMP}, and its guardrail on the maximum timestamp
 * must stay off.
 */
@NullMarked
package io.tideline.persistence.posts;

import org.jspecify.annotations.NullMarked;
