package io.tideline.node;

final class NettyApiIT extends ApiSuite {
  @Override
  String transport() {
    return "netty";
  }
}
