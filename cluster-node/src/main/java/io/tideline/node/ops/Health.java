package io.tideline.node.ops;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Whether this process should live, whether it should get traffic, and what is not as it should be.
 *
 * <p>Checks are asked on every request, so they read what is already known. One that finds nothing
 * wrong answers empty, otherwise with a reason for people.
 */
public final class Health {
  /** What a question found; nothing found is good. */
  public record Report(Map<String, String> reasons) {
    public Report {
      reasons = Map.copyOf(reasons);
    }

    public boolean good() {
      return reasons.isEmpty();
    }
  }

  private final Map<String, Supplier<Optional<String>>> alive = new ConcurrentHashMap<>();
  private final Map<String, Supplier<Optional<String>>> required = new ConcurrentHashMap<>();
  private final Map<String, Supplier<Optional<String>>> degrading = new ConcurrentHashMap<>();
  private volatile String step = "it has just been started";
  private volatile boolean assembled;
  private volatile boolean leaving;

  /** Only a new process cures what this finds. */
  public void alive(String name, Supplier<Optional<String>> check) {
    alive.put(name, check);
  }

  /** Without this the node never gets traffic. */
  public void required(String name, Supplier<Optional<String>> check) {
    required.put(name, check);
  }

  /** The node serves, but not as well as it could. */
  public void degrading(String name, Supplier<Optional<String>> check) {
    degrading.put(name, check);
  }

  /** What a node that is being assembled is at, for people. */
  public void starting(String step) {
    this.step = step;
  }

  /** All checks are registered; until then the node is not ready. */
  public void assembled() {
    assembled = true;
  }

  /** The node hands over what it has and goes: it is never ready again. */
  public void leaving() {
    leaving = true;
  }

  public Report alive() {
    return ask(alive);
  }

  public Report ready() {
    if (leaving) return new Report(Map.of("leaving", "the node is leaving"));
    if (!assembled) return new Report(Map.of("start", "the node is being assembled: " + step));
    return ask(required);
  }

  public Report degraded() {
    return ask(degrading);
  }

  private static Report ask(Map<String, Supplier<Optional<String>>> checks) {
    Map<String, String> reasons = new LinkedHashMap<>();
    checks.forEach((name, check) -> ask(check).ifPresent(reason -> reasons.put(name, reason)));
    return new Report(reasons);
  }

  private static Optional<String> ask(Supplier<Optional<String>> check) {
    try {
      return check.get();
    } catch (RuntimeException e) {
      return Optional.of("the check failed: " + e);
    }
  }
}
