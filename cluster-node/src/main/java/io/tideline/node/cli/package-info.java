/**
 * The {@code tideline} command: a local cluster, an importer, and a client for people and scripts.
 *
 * <p>Commands speak the public gRPC API like any other client; nothing here starts an actor system.
 * The nodes that {@code up} and {@code demo} start are processes of their own ({@link
 * io.tideline.node.cli.LocalCluster}), which end when the process that started them ends.
 */
@NullMarked
package io.tideline.node.cli;

import org.jspecify.annotations.NullMarked;
