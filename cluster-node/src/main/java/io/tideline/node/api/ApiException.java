package io.tideline.node.api;

import io.grpc.StatusRuntimeException;

/** A failure that a client is meant to see, with its {@code google.rpc} details in the trailers. */
public final class ApiException extends StatusRuntimeException {
  ApiException(StatusRuntimeException status) {
    super(status.getStatus(), status.getTrailers());
  }

  /** Clients cause these at will, and the reason says what a stack trace would. */
  @Override
  @SuppressWarnings("UnsynchronizedOverridesSynchronized")
  public Throwable fillInStackTrace() {
    return this;
  }
}
