package io.tideline.bench.side;

import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.Post;
import io.tideline.protocols.v1.PublishRequest;
import java.util.concurrent.atomic.AtomicLong;

/** Ids as Tideline's: 26 characters that begin with the time, each higher than the one before. */
final class PostIds {
  private static final char[] DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".toCharArray();
  private static final int LENGTH = 26;
  private static final int RANDOM_DIGITS = 13;
  private static final int COUNTER_BITS = 16;

  private final AtomicLong last = new AtomicLong();

  String next() {
    long now = System.currentTimeMillis() << COUNTER_BITS;
    long time = last.updateAndGet(before -> Math.max(before + 1, now));
    char[] id = new char[LENGTH];
    for (int i = LENGTH - 1; i >= LENGTH - RANDOM_DIGITS; i--) id[i] = '0';
    for (int i = LENGTH - RANDOM_DIGITS - 1; i >= 0; i--) {
      id[i] = DIGITS[(int) (time & 31)];
      time >>>= 5;
    }
    return new String(id);
  }

  static Card cardOf(String id, PublishRequest request) {
    return Card.newBuilder()
        .setPost(
            Post.newBuilder()
                .setPostId(id)
                .setAuthorId(request.getAuthorId())
                .setKind(request.getKind())
                .setTitle(request.getContent().getTitle())
                .setCreatedAtMillis(System.currentTimeMillis())
                .setVersion(System.currentTimeMillis() << COUNTER_BITS))
        .build();
  }
}
