package io.tideline.node;

import static io.tideline.node.TestNode.ok;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.DynamicMessage;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.tideline.node.ops.WarmUp;
import io.tideline.protocols.v1.ClusterServiceProto;
import io.tideline.protocols.v1.FeedServiceProto;
import io.tideline.protocols.v1.FilterServiceProto;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.GetTopologyRequest;
import io.tideline.protocols.v1.GraphServiceProto;
import io.tideline.protocols.v1.PostServiceProto;
import io.tideline.protocols.v1.ReadFeedRequest;
import io.tideline.protocols.v1.ReadFeedResponse;
import io.tideline.protocols.v1.UserServiceProto;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Two nodes to which all callers must show a token. */
class TokensIT {
  private static final ListAppender<ILoggingEvent> SAID_WARMING_UP = new ListAppender<>();

  @TempDir private static Path directory;
  private static final List<FileDescriptor> SERVICES =
      List.of(
          ClusterServiceProto.getDescriptor(),
          FeedServiceProto.getDescriptor(),
          FilterServiceProto.getDescriptor(),
          GraphServiceProto.getDescriptor(),
          PostServiceProto.getDescriptor(),
          UserServiceProto.getDescriptor());

  private static ECKey key;
  private static List<TestNode> nodes = List.of();

  @BeforeAll
  static void start() throws Exception {
    key = new ECKeyGenerator(Curve.P_256).keyID("k1").generate();
    Path keys = directory.resolve("jwks.json");
    Files.writeString(keys, new JWKSet(key).toString());
    SAID_WARMING_UP.list.clear();
    SAID_WARMING_UP.start();
    ((Logger) LoggerFactory.getLogger(WarmUp.class)).addAppender(SAID_WARMING_UP);
    nodes =
        TestNode.startCell(
            2,
            "netty",
            Map.of(
                "tideline.node.auth.mode", "jwt",
                "tideline.node.auth.jwks-file", keys.toString(),
                "tideline.node.auth.issuer", "https://issuer",
                "tideline.node.auth.audience", "tideline"));
  }

  @AfterAll
  static void stop() throws Exception {
    ((Logger) LoggerFactory.getLogger(WarmUp.class)).detachAppender(SAID_WARMING_UP);
    for (TestNode node : nodes) node.close();
  }

  private static String bearer(String subject) {
    try {
      SignedJWT token =
          new SignedJWT(
              new JWSHeader.Builder(JWSAlgorithm.ES256).keyID(key.getKeyID()).build(),
              new JWTClaimsSet.Builder()
                  .subject(subject)
                  .issuer("https://issuer")
                  .audience("tideline")
                  .expirationTime(Date.from(Instant.now().plusSeconds(600)))
                  .build());
      token.sign(new ECDSASigner(key));
      return "Bearer " + token.serialize();
    } catch (Exception e) {
      throw new IllegalStateException("cannot sign", e);
    }
  }

  private static ReadFeedResponse read(TestNode node, String user, String token) {
    return ok(
        node.feeds
            .readFeed()
            .addHeader("authorization", token)
            .invoke(ReadFeedRequest.newBuilder().setUserId(user).build()));
  }

  @Test
  void pages_of_the_warm_up_are_answered() {
    await()
        .atMost(Duration.ofMinutes(1))
        .untilAsserted(
            () ->
                assertThat(SAID_WARMING_UP.list)
                    .extracting(ILoggingEvent::getFormattedMessage)
                    .hasSize(2)
                    .allMatch(
                        line ->
                            line.matches(
                                "Woke (32|64) users that nobody is and read (64|128) .*; 0 could not be read")));
  }

  @Test
  void a_token_goes_along_to_the_owner() {
    String ann = TestNode.user("ann");
    String bob = TestNode.user("bob");
    TestNode any = nodes.get(0);
    await()
        .atMost(Duration.ofMinutes(1))
        .ignoreExceptions()
        .until(
            () ->
                ok(
                    any.graph
                        .follow()
                        .addHeader("authorization", bearer(ann))
                        .invoke(
                            FollowRequest.newBuilder().setUserId(ann).setFolloweeId(bob).build())),
            followed -> true);
    String post =
        ok(any.posts
                .publish()
                .addHeader("authorization", bearer(bob))
                .invoke(TestNode.post(bob, "to those who may read it")))
            .getPostId();
    for (TestNode node : nodes) {
      await()
          .atMost(Duration.ofMinutes(1))
          .untilAsserted(
              () ->
                  assertThat(read(node, ann, bearer(ann)).getCardsList())
                      .extracting(card -> card.getPost().getPostId())
                      .containsExactly(post));
      assertThatThrownBy(() -> read(node, ann, bearer(bob))).hasMessageContaining(bob);
      assertThatThrownBy(() -> read(node, ann, "Bearer none")).hasMessageContaining("token");
      assertThatThrownBy(
              () -> ok(node.cluster.getTopology(GetTopologyRequest.getDefaultInstance())))
          .hasMessageContaining("UNAUTHENTICATED");
    }
  }

  @Test
  void nobody_is_told_what_a_request_lacks_before_it_is_known_who_asks() throws Exception {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", nodes.get(0).grpcPort).usePlaintext().build();
    try {
      for (FileDescriptor file : SERVICES) {
        for (MethodDescriptor rpc : file.getServices().get(0).getMethods()) {
          assertThatThrownBy(() -> empty(channel, rpc))
              .as(rpc.getFullName())
              .hasMessageContaining("UNAUTHENTICATED");
        }
      }
    } finally {
      channel.shutdownNow();
    }
  }

  private static void empty(ManagedChannel channel, MethodDescriptor rpc) {
    var bytes = ProtoUtils.marshaller(DynamicMessage.getDefaultInstance(rpc.getInputType()));
    var descriptor =
        io.grpc.MethodDescriptor.<DynamicMessage, DynamicMessage>newBuilder()
            .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
            .setFullMethodName(
                io.grpc.MethodDescriptor.generateFullMethodName(
                    rpc.getService().getFullName(), rpc.getName()))
            .setRequestMarshaller(bytes)
            .setResponseMarshaller(
                ProtoUtils.marshaller(DynamicMessage.getDefaultInstance(rpc.getOutputType())))
            .build();
    ClientCalls.blockingServerStreamingCall(
            channel,
            descriptor,
            CallOptions.DEFAULT.withDeadlineAfter(10, TimeUnit.SECONDS),
            DynamicMessage.getDefaultInstance(rpc.getInputType()))
        .forEachRemaining(answer -> {});
  }
}
