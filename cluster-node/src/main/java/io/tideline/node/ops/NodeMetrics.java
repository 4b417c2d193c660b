package io.tideline.node.ops;

import io.tideline.multidc.fence.Fence;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import kamon.Kamon;
import kamon.metric.Counter;
import kamon.metric.Gauge;
import kamon.metric.Instrument;
import kamon.prometheus.PrometheusReporter;
import kamon.tag.TagSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.jdk.javaapi.OptionConverters;

/**
 * The node's own figures, read from where they arise; each carries the cell and the node.
 *
 * <p>A name such as {@code tideline.timelines.resident} is scraped as {@code
 * tideline_timelines_resident}; counters end in {@code _total}, timers in {@code _seconds}.
 */
public final class NodeMetrics implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NodeMetrics.class);
  private static final Duration REFRESH = Duration.ofSeconds(5);

  private final TagSet tags;
  private final List<Instrument<?, ?>> instruments = new CopyOnWriteArrayList<>();

  public NodeMetrics(String cell, String node) {
    tags = TagSet.from(Map.of("cell", cell, "node", node));
  }

  /** A value that goes up and down. */
  public void gauge(String name, String help, DoubleSupplier value) {
    gauge(name, help, TagSet.Empty(), value);
  }

  /** Gauges of one name differ by the value of one key. */
  public void gauge(String name, String help, String key, String of, DoubleSupplier value) {
    gauge(name, help, TagSet.of(key, of), value);
  }

  private void gauge(String name, String help, TagSet more, DoubleSupplier value) {
    Consumer<Gauge> current = gauge -> gauge.update(read(name, value::getAsDouble, Double.NaN));
    keep(Kamon.gauge(name, help).withTags(tags.withTags(more)).autoUpdate(current, REFRESH));
  }

  /** A total that only grows. */
  public void counter(String name, String help, LongSupplier total) {
    counter(name, help, TagSet.Empty(), total);
  }

  /** Counters of one name differ by the value of one key. */
  public void counter(String name, String help, String key, String of, LongSupplier total) {
    counter(name, help, TagSet.of(key, of), total);
  }

  private void counter(String name, String help, TagSet more, LongSupplier total) {
    keep(
        Kamon.counter(name, help)
            .withTags(tags.withTags(more))
            .autoUpdate(growth(name, total), REFRESH));
  }

  /** Takes nanoseconds. */
  public LongConsumer timer(String name, String help) {
    return timer(name, help, TagSet.Empty());
  }

  /** Takes nanoseconds; timers of one name differ by the value of one key. */
  public LongConsumer timer(String name, String help, String key, String value) {
    return timer(name, help, TagSet.of(key, value));
  }

  private LongConsumer timer(String name, String help, TagSet more) {
    return keep(Kamon.timer(name, help).withTags(tags.withTags(more)))::record;
  }

  /** Whether the node may act, since when nobody said so, and what its clock shows. */
  public void watch(Fence fence) {
    gauge("tideline.fence.open", "1 while the node may act", () -> fence.open() ? 1 : 0);
    gauge(
        "tideline.fence.age.seconds",
        "Time since a majority of the cell counted this node in",
        () -> seconds(fence.age()));
    gauge(
        "tideline.clock.offset.seconds",
        "How far the cell's clocks are ahead of this node's",
        () -> seconds(fence.clockOffset()));
    gauge(
        "tideline.clock.spread.seconds",
        "How far apart the cell's clocks are, as this node sees them",
        () -> seconds(fence.clockSpread()));
  }

  /** What Prometheus reads, a few seconds old; empty before there is anything. */
  static Optional<String> scrape() {
    return OptionConverters.toJava(PrometheusReporter.latestScrapeData());
  }

  @Override
  public void close() {
    instruments.forEach(Instrument::remove);
  }

  private static double seconds(Duration duration) {
    return duration.toMillis() / 1e3;
  }

  private Consumer<Counter> growth(String name, LongSupplier total) {
    long[] before = {0};
    return counter -> {
      long now = read(name, total::getAsLong, before[0]);
      // A total that fell was started anew.
      counter.increment(now < before[0] ? now : now - before[0]);
      before[0] = now;
    };
  }

  private static <T> T read(String name, Supplier<T> value, T otherwise) {
    try {
      return value.get();
    } catch (RuntimeException e) {
      log.warn("Metric {} cannot be read", name, e);
      return otherwise;
    }
  }

  private <I extends Instrument<?, ?>> I keep(I instrument) {
    instruments.add(instrument);
    return instrument;
  }
}
