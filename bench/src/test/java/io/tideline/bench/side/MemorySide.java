package io.tideline.bench.side;

import io.grpc.Server;
import io.tideline.bench.data.Page;
import io.tideline.protocols.v1.Card;
import io.tideline.protocols.v1.PublishRequest;
import io.tideline.protocols.v1.PublishResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;

/** Timelines in the memory of this process; its answers can be spoilt. */
public final class MemorySide implements Side {
  private final String name;
  private final Map<String, List<String>> followers;
  private final Map<String, List<byte[]>> timelines = new ConcurrentHashMap<>();
  private final PostIds ids = new PostIds();
  private final Server server;
  private boolean canSleep;
  private volatile UnaryOperator<CompletionStage<byte[]>> reads = UnaryOperator.identity();

  /**
   * Starts it.
   *
   * @param followers of each author
   */
  public MemorySide(String name, Map<String, List<String>> followers) {
    this.name = name;
    this.followers = followers;
    try {
      server = new FeedServer().reads(this::read).publishes(this::publish).start(0);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Says that its timelines can sleep; they do not. */
  public MemorySide sleeping() {
    canSleep = true;
    return this;
  }

  /** From now on reads are answered as this makes it of the right answers. */
  public void answerReads(UnaryOperator<CompletionStage<byte[]>> with) {
    reads = with;
  }

  private CompletionStage<byte[]> read(ReadFeedRequest request) {
    int from = request.getCursor().isEmpty() ? 0 : Integer.parseInt(request.getCursor());
    List<byte[]> cards = new ArrayList<>();
    List<byte[]> timeline = timelines.getOrDefault(request.getUserId(), List.of());
    synchronized (timeline) {
      int to = Math.min(timeline.size(), from + request.getPageSize());
      // The newest is the last one.
      for (int i = from; i < to; i++) cards.add(timeline.get(timeline.size() - 1 - i));
    }
    String next = cards.isEmpty() ? "" : Integer.toString(from + cards.size());
    byte[] page = PageBytes.of(cards, next, "".getBytes(StandardCharsets.US_ASCII));
    return reads.apply(CompletableFuture.completedFuture(page));
  }

  private synchronized CompletionStage<PublishResponse> publish(PublishRequest request) {
    String id = ids.next();
    Card card = PostIds.cardOf(id, request);
    for (String reader : followers.getOrDefault(request.getAuthorId(), List.of())) {
      List<byte[]> timeline = timelines.computeIfAbsent(reader, one -> new ArrayList<>());
      synchronized (timeline) {
        timeline.add(card.toByteArray());
      }
    }
    return CompletableFuture.completedFuture(PublishResponse.newBuilder().setPostId(id).build());
  }

  /** Brings so many posts of an author to those who follow. */
  public void fill(String author, int posts) {
    for (int i = 0; i < posts; i++) {
      var unused = publish(PublishRequest.newBuilder().setAuthorId(author).build());
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String describe() {
    return "the memory of this process";
  }

  @Override
  public InetSocketAddress address() {
    return (InetSocketAddress) server.getListenSockets().get(0);
  }

  @Override
  public List<Long> processes() {
    return List.of(ProcessHandle.current().pid());
  }

  @Override
  public String cursor(Page page) {
    return page.offset() == 0 ? "" : Integer.toString(page.offset());
  }

  @Override
  public boolean keepAwake(Collection<String> readers) {
    return canSleep;
  }

  @Override
  public void close() {
    server.shutdownNow();
  }
}
