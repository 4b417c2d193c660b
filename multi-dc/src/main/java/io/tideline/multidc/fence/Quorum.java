package io.tideline.multidc.fence;

import java.util.List;
import java.util.OptionalLong;
import java.util.stream.LongStream;

/** Since when a majority is known to count a node in. */
final class Quorum {
  private Quorum() {}

  /**
   * The newest moment to which a majority has answered.
   *
   * @param answers what each voter has answered to last, the voter with the lowest address first
   *     because half of the voters suffice when it is among them; empty for a voter that never did
   */
  static OptionalLong newest(List<OptionalLong> answers) {
    return answers.stream()
        .flatMapToLong(OptionalLong::stream)
        .filter(moment -> isMajority(answers, moment))
        .max();
  }

  private static boolean isMajority(List<OptionalLong> answers, long moment) {
    long votes = answers.stream().filter(answer -> reaches(answer, moment)).count();
    return votes * 2 > answers.size()
        || (votes * 2 == answers.size() && reaches(answers.get(0), moment));
  }

  private static boolean reaches(OptionalLong answer, long moment) {
    return answer.isPresent() && answer.getAsLong() >= moment;
  }

  /**
   * The middle value; of two middle values the one closer to zero, so that a tie accuses nobody.
   */
  static long median(long... values) {
    long[] sorted = LongStream.of(values).sorted().toArray();
    long high = sorted[sorted.length / 2];
    long low = sorted[(sorted.length - 1) / 2];
    return Math.abs(low) <= Math.abs(high) ? low : high;
  }
}
