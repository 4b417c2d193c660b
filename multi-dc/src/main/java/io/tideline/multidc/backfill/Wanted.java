package io.tideline.multidc.backfill;

/**
 * What this cell lacks of another one.
 *
 * @param source number of the other cell
 * @param request the last one; grows
 * @param reason for people
 * @param posts how many the other one has said again so far
 * @param users likewise
 * @param doneAtMillis when all of it was applied here; 0 = not yet
 */
public record Wanted(
    int source,
    long request,
    String reason,
    long sinceMillis,
    long posts,
    long users,
    long doneAtMillis) {
  Wanted with(long postsThen, long usersThen, long doneThen) {
    return new Wanted(source, request, reason, sinceMillis, postsThen, usersThen, doneThen);
  }

  Wanted asking(long newRequest) {
    return new Wanted(source, newRequest, reason, sinceMillis, 0, 0, 0);
  }

  public boolean open() {
    return doneAtMillis == 0;
  }
}
