package io.tideline.multidc.mirror;

import java.util.concurrent.CompletionStage;

/** Told what of a cell's logs cannot be copied, before anything that comes after it is. */
public interface Missing {
  /**
   * Nothing was ever copied from there, so all that the cell knows from before is missing.
   *
   * @return false when it has been brought before
   */
  CompletionStage<Boolean> all();

  /**
   * Lines were deleted there before they could be copied.
   *
   * @param what for people
   */
  CompletionStage<Void> some(String what);
}
