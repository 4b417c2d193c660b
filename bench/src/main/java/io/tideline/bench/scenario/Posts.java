package io.tideline.bench.scenario;

import io.tideline.bench.data.Dataset;
import io.tideline.bench.driver.Call;
import io.tideline.bench.driver.Rpc;
import io.tideline.protocols.v1.PostContent;
import io.tideline.protocols.v1.PublishRequest;

/** Posts that are published now, each once. */
final class Posts {
  private final String run = Long.toString(System.currentTimeMillis(), Character.MAX_RADIX);
  private long count;

  PublishRequest request(String author, String title) {
    return PublishRequest.newBuilder()
        .setAuthorId(author)
        .setIdempotencyKey(run + "-" + count++)
        .setContent(PostContent.newBuilder().setTitle(title))
        .build();
  }

  Call call(Dataset.SourcePost like) {
    return new Call(Rpc.PUBLISH, request(like.author(), like.title()).toByteArray());
  }
}
