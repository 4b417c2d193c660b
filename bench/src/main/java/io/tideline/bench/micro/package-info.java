/** What parts of a node cost by themselves, as JMH measures it. */
@NullMarked
package io.tideline.bench.micro;

import org.jspecify.annotations.NullMarked;
