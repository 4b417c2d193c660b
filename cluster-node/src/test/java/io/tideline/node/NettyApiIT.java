package io.tideline.node;

import io.tideline.node.ops.Monitoring;
import java.util.Set;

final class NettyApiIT extends ApiSuite {
  @Override
  String transport() {
    return "netty";
  }

  @Override
  Set<String> watchedSeries() {
    return Monitoring.watched();
  }
}
