package io.tideline.bench.scenario;

import io.tideline.bench.Samples;
import io.tideline.bench.data.Dataset;
import io.tideline.bench.side.Pause;
import io.tideline.bench.side.TidelineNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** How long a post takes to reach the last one of very many followers who are all awake. */
public final class FollowersScenario {
  private static final int SAMPLE = 1_000;
  private static final int OLD_POSTS = 20;
  private static final long FROM = 1_750_000_000_000L;
  private static final Duration BETWEEN = Duration.ofMillis(500);
  private static final int WARM_UP = 5;

  private FollowersScenario() {}

  /** True when it reached all. */
  public static boolean run(Place place) {
    int readers = place.plan().readers();
    int posts = 2 * place.plan().rounds();
    Map<String, List<String>> follows = new LinkedHashMap<>();
    for (int i = 0; i < readers; i++) follows.put("reader-" + i, List.of(Dataset.STAR));
    List<Dataset.SourcePost> old = new ArrayList<>();
    for (int i = 0; i < OLD_POSTS; i++) {
      old.add(new Dataset.SourcePost(Dataset.STAR, "old-" + i, FROM + i, "an old post"));
    }
    var dataset = new Dataset("", follows, old);
    List<String> sample = new ArrayList<>(dataset.readers());
    Collections.shuffle(sample, new Random(1));
    sample = sample.subList(0, Math.min(SAMPLE, readers));

    place.report().heading(2, "Followers: one post to very many who are awake");
    List<String> options =
        List.of(
            TidelineNode.AGENT,
            "-Xmx%dm".formatted(1_024 + readers / 50),
            "-XX:ActiveProcessorCount=" + Runtime.getRuntime().availableProcessors(),
            "-Dtideline.persistence.user.passivate-after=24h");
    place.say().accept("Followers: %,d follow one author".formatted(readers));
    try (TidelineNode node =
        TidelineNode.start(place.home(), place.directory().resolve("followers"), options)) {
      node.fill(dataset);
      place.say().accept("Followers: reading %,d timelines".formatted(readers));
      node.readNewest(dataset.readers());
      var acknowledged = new Samples();
      var last = new Samples();
      var made = new Posts();
      try (var feeds = new FeedReader(node.address())) {
        for (int i = -WARM_UP; i < posts; i++) {
          Pause.of(BETWEEN);
          long begin = System.nanoTime();
          String id = feeds.publish(made.request(Dataset.STAR, "to everybody")).getPostId();
          long durable = System.nanoTime();
          List<String> missing = feeds.awaitFirst(sample, id, FeedReader.PATIENCE);
          if (!missing.isEmpty()) {
            place.report().line("**%s.**".formatted(FeedReader.lost(missing, sample)));
            return false;
          }
          if (i < 0) continue;
          acknowledged.add((durable - begin) / 1e6);
          last.add((System.nanoTime() - durable) / 1e6);
        }
      }
      place
          .report()
          .line(
              "%,d followers, all awake on one node, which shares the machine with its Cassandra, its Kafka and the driver. Of %d posts, one after the other: acknowledged after %s ms; from there until each of %,d followers, chosen at random, had been asked and had it %s ms, of which asking takes a part. The median, the least and the most. Target: the last of 100,000 has it within 1 s."
                  .formatted(
                      readers, posts, acknowledged.text("%.1f"), sample.size(), last.text("%.0f")));
      Pause.of(Duration.ofSeconds(11));
      place
          .report()
          .line(
              "The node says of itself: %,.0f timelines awake, %,.0f deliveries."
                  .formatted(
                      node.metric("tideline_timelines_resident").orElse(0),
                      node.metric("tideline_deliveries_total").orElse(0)));
      return true;
    }
  }
}
