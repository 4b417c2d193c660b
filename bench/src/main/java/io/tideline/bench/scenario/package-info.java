/** What is measured: each scenario has its sides take turns and adds a section to the report. */
@NullMarked
package io.tideline.bench.scenario;

import org.jspecify.annotations.NullMarked;
