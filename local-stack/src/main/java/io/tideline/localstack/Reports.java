package io.tideline.localstack;

import java.util.function.Consumer;

/** Where news of the servers goes when nobody else asked for them. */
final class Reports {
  private static final System.Logger LOGGER = System.getLogger("io.tideline.localstack");

  static final Consumer<String> LOG = news -> LOGGER.log(System.Logger.Level.INFO, news);

  private Reports() {}
}
