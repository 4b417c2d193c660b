/** The one entity per user: its intents, its posts and its timeline. */
@NullMarked
package io.tideline.persistence.user;

import org.jspecify.annotations.NullMarked;
