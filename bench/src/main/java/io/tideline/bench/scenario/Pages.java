package io.tideline.bench.scenario;

import io.tideline.bench.data.Page;
import io.tideline.bench.driver.Call;
import io.tideline.bench.driver.Rpc;
import io.tideline.bench.side.Side;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/** Reads of random pages, the same ones in the same order for every side in a round. */
final class Pages implements Supplier<Call> {
  private final List<Call> calls;
  private final SplittableRandom random;

  private Pages(List<Call> calls, long seed) {
    this.calls = calls;
    random = new SplittableRandom(seed);
  }

  /** The requests are made once: the driver has no time for it. */
  static List<Call> callsOf(Side side, List<Page> pages) {
    return pages.stream()
        .map(page -> new Call(Rpc.READ_FEED, side.request(page).toByteArray()))
        .toList();
  }

  /** A read of Tideline's newest page. */
  static Call newest(String reader) {
    return new Call(Rpc.READ_FEED, Side.request(new Page(reader, 0, ""), "").toByteArray());
  }

  static Pages random(List<Call> calls, long seed) {
    return new Pages(calls, seed);
  }

  @Override
  public Call get() {
    return calls.get(random.nextInt(calls.size()));
  }
}
