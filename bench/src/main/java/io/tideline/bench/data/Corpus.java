package io.tideline.bench.data;

import com.google.protobuf.ByteString;
import java.util.List;
import java.util.Map;

/**
 * What Tideline answers after it was filled, for the other sides to answer the same.
 *
 * @param timelines ids of the entries of each reader, newest first, at most as many as are kept in
 *     memory
 * @param cards of all entries, by id
 * @param newest the first page of each reader
 * @param deep pages further down
 */
public record Corpus(
    Map<String, List<String>> timelines,
    Map<String, ByteString> cards,
    List<Page> newest,
    List<Page> deep) {

  /** The entry just above a page; empty at the newest one. */
  public String above(Page page) {
    return page.offset() == 0
        ? ""
        : timelines.getOrDefault(page.reader(), List.of()).get(page.offset() - 1);
  }
}
