package io.tideline.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.tideline.client.Channels.Watches;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Nothing is called, so nothing is connected. */
class ChannelsTest {
  private static final String NODE = "127.0.0.1:1";
  private static final String OTHER = "127.0.0.1:2";

  private final Channels channels = new Channels(InsecureChannelCredentials.create(), List.of());

  @AfterEach
  void close() {
    channels.close();
  }

  @Test
  void watches_share_connections_that_have_room_and_that_no_call_uses() {
    Set<ManagedChannel> used = new HashSet<>();
    for (int i = 0; i < 1_000; i++) used.add(channels.forWatch(NODE).channel());
    assertThat(used).hasSize(4).doesNotContain(channels.to(NODE));
  }

  @Test
  void a_watch_that_has_ended_makes_room_for_another() {
    Watches first = channels.forWatch(NODE);
    for (int i = 1; i < 250; i++) channels.forWatch(NODE);
    first.open().decrementAndGet();
    assertThat(channels.forWatch(NODE)).isSameAs(first);
    assertThat(channels.forWatch(NODE)).isNotSameAs(first);
  }

  @Test
  void a_node_that_is_no_more_loses_all_its_connections_and_others_keep_theirs() {
    List<ManagedChannel> gone = connectionsTo(NODE);
    List<ManagedChannel> kept = connectionsTo(OTHER);
    channels.retain(Set.of(OTHER));
    assertThat(gone).allMatch(ManagedChannel::isShutdown);
    assertThat(kept).noneMatch(ManagedChannel::isShutdown).isEqualTo(connectionsTo(OTHER));
    assertThat(connectionsTo(NODE)).noneMatch(ManagedChannel::isShutdown);
  }

  @Test
  void what_is_closed_has_no_connection_left_and_makes_none() {
    List<ManagedChannel> before = connectionsTo(NODE);
    channels.close();
    assertThat(before).allMatch(ManagedChannel::isShutdown);
    assertThat(connectionsTo(OTHER)).allMatch(ManagedChannel::isShutdown);
  }

  private List<ManagedChannel> connectionsTo(String address) {
    return Stream.of(channels.to(address), channels.forWatch(address).channel()).toList();
  }
}
