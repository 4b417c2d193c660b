package io.tideline.persistence.user;

import java.util.Random;

/**
 * Decides what happens next. Each history has dice of its own kind: in one of them something comes
 * all the time that never comes in another.
 */
final class Dice {
  private final Random random;
  private final int[] weights;
  private int sum;

  Dice(Random random, int... usual) {
    this.random = random;
    this.weights = usual.clone();
    for (int i = 0; i < weights.length; i++) {
      weights[i] = random.nextInt(4 * usual[i]) >> random.nextInt(3);
      sum += weights[i];
    }
    weights[0]++;
    sum++;
  }

  int roll() {
    int left = random.nextInt(sum);
    int face = 0;
    while (left >= weights[face]) left -= weights[face++];
    return face;
  }
}
