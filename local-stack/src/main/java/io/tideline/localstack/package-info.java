/**
 * Real servers for laptops and tests: Cassandra and Kafka as child JVMs.
 *
 * <p>Each server runs with the class path that Maven resolved for it when this module was built,
 * apart from the class path of the application. A server holds its end of a pipe to the JVM that
 * started it and leaves when that pipe closes, so that none outlives its parent, however the parent
 * ends. Data and the chosen ports stay in the server's directory.
 */
@NullMarked
package io.tideline.localstack;

import org.jspecify.annotations.NullMarked;
