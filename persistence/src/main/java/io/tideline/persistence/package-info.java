/** What all that is kept in Cassandra is read with. */
@NullMarked
package io.tideline.persistence;

import org.jspecify.annotations.NullMarked;
