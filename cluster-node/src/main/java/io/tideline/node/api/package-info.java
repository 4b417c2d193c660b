/**
 * The public socket and the services on it.
 *
 * <p>Services implement the generated {@code *PowerApi} interfaces; {@link
 * io.tideline.node.api.GrpcMount} binds them, {@link io.tideline.node.api.GrpcServer} puts them on
 * Netty or on Pekko HTTP. A service reads its caller with {@link io.tideline.node.api.Principals},
 * checks its request with {@link io.tideline.node.api.Fields} and fails with what {@link
 * io.tideline.node.api.StatusMapping} builds. On Netty it is called on a transport thread: it never
 * blocks.
 */
@NullMarked
package io.tideline.node.api;

import org.jspecify.annotations.NullMarked;
