/** How intents and posts travel within a cell, and between cells. */
@NullMarked
package io.tideline.multidc;

import org.jspecify.annotations.NullMarked;
