package io.tideline.node.api;

import io.grpc.BindableService;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.services.HealthStatusManager;

/** What {@code grpc.health.v1} says about each service and about the node (""). */
final class Health {
  private final HealthStatusManager statuses = new HealthStatusManager();

  void set(String service, boolean serving) {
    statuses.setStatus(service, serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  }

  /** Nothing serves any more, whatever is set later. */
  void end() {
    statuses.enterTerminalState();
  }

  BindableService service() {
    return statuses.getHealthService();
  }

  HealthGrpc.AsyncService asyncService() {
    return (HealthGrpc.AsyncService) statuses.getHealthService();
  }
}
