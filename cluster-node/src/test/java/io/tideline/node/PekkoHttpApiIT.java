package io.tideline.node;

final class PekkoHttpApiIT extends ApiSuite {
  @Override
  String transport() {
    return "pekko-http";
  }
}
