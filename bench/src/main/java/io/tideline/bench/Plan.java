package io.tideline.bench;

import java.time.Duration;
import java.util.List;

/**
 * How much is measured.
 *
 * @param rounds how often each side has its turn
 * @param turn how long a turn takes
 * @param warmUp how long each side is driven before the first turn
 * @param rates of the mix, in calls per second
 */
public record Plan(int readers, int rounds, Duration turn, Duration warmUp, List<Integer> rates) {}
