@NullMarked
package io.tideline.node.cli;

import org.jspecify.annotations.NullMarked;
