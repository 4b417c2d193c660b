/** What operators see of a node: health, members, metrics, where things are. */
@NullMarked
package io.tideline.node.ops;

import org.jspecify.annotations.NullMarked;
