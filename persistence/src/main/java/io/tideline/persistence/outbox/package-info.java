/** Who may still have to announce something to the logs, so that a crash forgets nobody. */
@NullMarked
package io.tideline.persistence.outbox;

import org.jspecify.annotations.NullMarked;
