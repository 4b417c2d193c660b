package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.nimbusds.jose.JOSEException;
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
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.tideline.protocols.v1.FollowManyRequest;
import io.tideline.protocols.v1.FollowManyResponse;
import io.tideline.protocols.v1.FollowRequest;
import io.tideline.protocols.v1.FollowResponse;
import io.tideline.protocols.v1.ListFollowingRequest;
import io.tideline.protocols.v1.UnfollowRequest;
import io.tideline.protocols.v1.WatchTopologyRequest;
import io.tideline.protocols.v1.WatchTopologyResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.stream.javadsl.Source;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What clients may rely on, whichever transport carries their calls. */
abstract class GrpcServerContract {
  private final ActorTestKit kit;
  private final String transport;
  TestServer server;
  ManagedChannel channel;

  GrpcServerContract(ActorTestKit kit, String transport) {
    this.kit = kit;
    this.transport = transport;
  }

  @BeforeEach
  void start() throws Exception {
    server = startWith("");
    channel = server.channel();
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
  }

  final TestServer startWith(String settings) throws Exception {
    return TestServer.start(kit, "transport = " + transport + "\n" + settings);
  }

  @Test
  void a_unary_call_is_answered() {
    assertThat(follow("ann").getConsistencyToken()).isEqualTo("ann");
  }

  @Test
  void an_answer_may_come_later_from_another_thread() {
    server.graph.onFollow =
        (request, metadata) ->
            CompletableFuture.supplyAsync(
                () -> FollowResponse.newBuilder().setConsistencyToken("later").build(),
                CompletableFuture.delayedExecutor(50, TimeUnit.MILLISECONDS));
    assertThat(follow("ann").getConsistencyToken()).isEqualTo("later");
  }

  @Test
  void metadata_reaches_the_service() {
    server.graph.onFollow =
        (request, metadata) -> StubGraph.followed(metadata.getText("x-greeting").orElse("none"));
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("x-greeting", Metadata.ASCII_STRING_MARSHALLER), "hello");
    ManagedChannel greeting = server.channel(MetadataUtils.newAttachHeadersInterceptor(headers));
    assertThat(((FollowResponse) call(greeting, "Follow", request("ann"))).getConsistencyToken())
        .isEqualTo("hello");
  }

  @Test
  void a_stream_arrives_whole_and_in_order() {
    server.cluster.onWatch =
        () -> Source.range(1, 1_000).map(epoch -> StubCluster.topology(epoch, 10));
    List<Long> epochs = new ArrayList<>();
    watch().forEachRemaining(seen -> epochs.add(epochOf(seen)));
    assertThat(epochs).hasSize(1_000).isSorted().first().isEqualTo(1L);
  }

  @Test
  void a_stream_that_fails_tells_why_after_what_it_had() {
    server.cluster.onWatch =
        () ->
            Source.range(1, 2)
                .map(
                    epoch -> {
                      if (epoch == 2) {
                        throw StatusMapping.unavailable(
                            "LAGGING", "behind", Map.of("behind", "7"), Duration.ofSeconds(2));
                      }
                      return StubCluster.topology(epoch, 0);
                    });
    Iterator<Message> answers = watch();
    assertThat(epochOf(answers.next())).isEqualTo(1);
    StatusRuntimeException failure = failureOf(answers::hasNext);
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(detail(failure, ErrorInfo.class).getReason()).isEqualTo("LAGGING");
    assertThat(detail(failure, ErrorInfo.class).getMetadataMap()).containsEntry("behind", "7");
    assertThat(detail(failure, RetryInfo.class).getRetryDelay().getSeconds()).isEqualTo(2);
  }

  @Test
  void a_slow_reader_slows_the_stream_down() {
    AtomicLong produced = new AtomicLong();
    server.cluster.onWatch =
        () ->
            Source.range(1, 100_000)
                .map(epoch -> StubCluster.topology(produced.incrementAndGet(), 10_000));
    SlowReader reader = new SlowReader(channel, server.rpc("WatchTopology"));
    reader.take(1);
    await().until(() -> reader.received.size() == 1);
    await().during(Duration.ofSeconds(1)).until(() -> stable(produced));
    // Windows of client and server and some messages beyond; 100,000 would be a gigabyte.
    assertThat(produced).hasValueLessThan(2_000);

    long before = produced.get();
    reader.take(3_000);
    await().until(() -> reader.received.size() == 3_001);
    assertThat(produced).hasValueGreaterThan(before);
    reader.cancel();
  }

  @Test
  void a_cancelled_stream_is_cancelled_in_the_service() {
    CompletableFuture<Object> ended = new CompletableFuture<>();
    server.cluster.onWatch =
        () ->
            Source.tick(Duration.ZERO, Duration.ofMillis(10), StubCluster.topology(1, 0))
                .mapMaterializedValue(tick -> org.apache.pekko.NotUsed.getInstance())
                .watchTermination(
                    (none, done) -> {
                      done.whenComplete((finished, failure) -> ended.complete("ended"));
                      return none;
                    });
    SlowReader reader = new SlowReader(channel, server.rpc("WatchTopology"));
    reader.take(3);
    await().until(() -> reader.received.size() == 3);
    reader.cancel();
    await().until(ended::isDone);
  }

  @Test
  void a_deadline_ends_a_call_and_its_stream() {
    CompletableFuture<Object> ended = new CompletableFuture<>();
    server.cluster.onWatch =
        () ->
            Source.<WatchTopologyResponse>maybe()
                .mapMaterializedValue(promise -> org.apache.pekko.NotUsed.getInstance())
                .watchTermination(
                    (none, done) -> {
                      done.whenComplete((finished, failure) -> ended.complete("ended"));
                      return none;
                    });
    Iterator<Message> answers =
        ClientCalls.blockingServerStreamingCall(
            channel,
            server.rpc("WatchTopology"),
            CallOptions.DEFAULT.withDeadlineAfter(300, TimeUnit.MILLISECONDS),
            WatchTopologyRequest.getDefaultInstance());
    assertThat(failureOf(answers::hasNext).getStatus().getCode())
        .isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    await().until(ended::isDone);

    server.graph.onFollow = (request, metadata) -> new CompletableFuture<>();
    assertThat(
            failureOf(
                    () ->
                        ClientCalls.blockingUnaryCall(
                            channel,
                            server.rpc("Follow"),
                            CallOptions.DEFAULT.withDeadlineAfter(300, TimeUnit.MILLISECONDS),
                            request("ann")))
                .getStatus()
                .getCode())
        .isEqualTo(Status.Code.DEADLINE_EXCEEDED);
  }

  @Test
  void a_request_at_the_limit_passes_and_a_larger_one_does_not() throws Exception {
    try (TestServer small = startWith("max-message-size = 10000")) {
      FollowManyResponse fits =
          (FollowManyResponse) call(small.channel(), "FollowMany", manyOfSize(10_000));
      assertThat(fits.getAdded()).isEqualTo(1);
      assertThat(statusOf(() -> call(small.channel(), "FollowMany", manyOfSize(10_001))))
          .isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
      // Pekko HTTP may reset the call before the answer is out, because the client still sends.
      assertThat(statusOf(() -> call(small.channel(), "FollowMany", manyOfSize(5_000_000))))
          .isIn(Status.Code.RESOURCE_EXHAUSTED, Status.Code.CANCELLED);
    }
  }

  @Test
  void too_much_metadata_is_refused_and_the_next_call_passes() {
    Metadata headers = new Metadata();
    headers.put(
        Metadata.Key.of("x-large", Metadata.ASCII_STRING_MARSHALLER), "x".repeat(17 * 1024));
    Status.Code refused =
        statusOf(
            () ->
                ClientCalls.blockingUnaryCall(
                    io.grpc.ClientInterceptors.intercept(
                        channel, MetadataUtils.newAttachHeadersInterceptor(headers)),
                    server.rpc("Follow"),
                    CallOptions.DEFAULT,
                    request("ann")));
    assertThat(refused).isIn(Status.Code.RESOURCE_EXHAUSTED, Status.Code.INTERNAL);
    assertThat(follow("ann").getConsistencyToken()).isEqualTo("ann");
  }

  @Test
  void invalid_fields_are_named_all_at_once() {
    server.graph.onFollow =
        (request, metadata) -> {
          FieldViolations fields = new FieldViolations();
          fields.userId("user_id", request.getUserId());
          fields.userId("followee_id", request.getFolloweeId());
          fields.check();
          return StubGraph.followed("");
        };
    StatusRuntimeException failure =
        failureOf(
            () ->
                call(
                    channel,
                    "Follow",
                    FollowRequest.newBuilder().setUserId("a b").setFolloweeId("").build()));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(failure.getStatus().getDescription()).contains("user_id", "followee_id", "\"a b\"");
    assertThat(detail(failure, BadRequest.class).getFieldViolationsList())
        .extracting(BadRequest.FieldViolation::getField)
        .containsExactly("user_id", "followee_id");
    assertThat(detail(failure, ErrorInfo.class))
        .returns("tideline.io", ErrorInfo::getDomain)
        .returns("INVALID_FIELDS", ErrorInfo::getReason);
  }

  @Test
  void a_timeout_inside_asks_the_client_to_try_again() {
    server.graph.onFollow =
        (request, metadata) -> CompletableFuture.failedFuture(new TimeoutException("ask"));
    StatusRuntimeException failure = failureOf(() -> follow("ann"));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(detail(failure, RetryInfo.class).hasRetryDelay()).isTrue();
  }

  @Test
  void a_bug_shows_an_error_id_and_nothing_else() {
    for (String rpc : List.of("Unfollow", "ListFollowing")) {
      Message request =
          rpc.equals("Unfollow")
              ? UnfollowRequest.getDefaultInstance()
              : ListFollowingRequest.getDefaultInstance();
      StatusRuntimeException failure = failureOf(() -> call(channel, rpc, request));
      assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
      assertThat(failure.getStatus().getDescription()).doesNotContain("a bug");
      assertThat(detail(failure, ErrorInfo.class).getMetadataMap()).containsKey("error_id");
    }
  }

  @Test
  void an_unknown_rpc_is_unimplemented() {
    for (String name : List.of("tideline.v1.GraphService/Enmity", "tideline.v1.Nothing/Follow")) {
      MethodDescriptor<Message, Message> unknown =
          server.rpc("Follow").toBuilder().setFullMethodName(name).build();
      assertThat(
              statusOf(
                  () ->
                      ClientCalls.blockingUnaryCall(
                          channel, unknown, CallOptions.DEFAULT, request("ann"))))
          .isEqualTo(Status.Code.UNIMPLEMENTED);
    }
  }

  @Test
  void health_is_told_per_service_and_follows_readiness() {
    assertThat(health("")).isEqualTo(ServingStatus.SERVING);
    assertThat(health("tideline.v1.GraphService")).isEqualTo(ServingStatus.SERVING);
    server.ready = false;
    await().until(() -> health("tideline.v1.GraphService") == ServingStatus.NOT_SERVING);
    assertThat(health("")).isEqualTo(ServingStatus.NOT_SERVING);
    server.ready = true;
    await().until(() -> health("") == ServingStatus.SERVING);
    assertThat(health("tideline.v1.ClusterService")).isEqualTo(ServingStatus.SERVING);
    assertThat(statusOf(() -> health("tideline.v1.Nothing"))).isEqualTo(Status.Code.NOT_FOUND);
  }

  @Test
  void reflection_lists_the_services() throws Exception {
    assertThat(servicesByReflectionV1Alpha())
        .contains("tideline.v1.GraphService", "tideline.v1.ClusterService");
  }

  @Test
  void draining_lets_a_running_call_finish_and_takes_no_new_one() throws Exception {
    CompletableFuture<FollowResponse> answer = new CompletableFuture<>();
    CompletableFuture<String> arrived = new CompletableFuture<>();
    server.graph.onFollow =
        (request, metadata) -> {
          arrived.complete(request.getUserId());
          return answer;
        };
    CompletableFuture<FollowResponse> running = CompletableFuture.supplyAsync(() -> follow("ann"));
    arrived.get(10, TimeUnit.SECONDS);

    CompletionStage<org.apache.pekko.Done> drained = server.server.drain(Duration.ofSeconds(10));
    await()
        .untilAsserted(
            () ->
                assertThat(statusOf(() -> call(server.channel(), "Follow", request("bob"))))
                    .isEqualTo(Status.Code.UNAVAILABLE));
    assertThat(drained.toCompletableFuture()).isNotDone();
    answer.complete(FollowResponse.newBuilder().setConsistencyToken("in time").build());
    assertThat(running.get(10, TimeUnit.SECONDS).getConsistencyToken()).isEqualTo("in time");
    drained.toCompletableFuture().get(10, TimeUnit.SECONDS);
  }

  @Test
  void draining_ends_what_outlives_the_grace() throws Exception {
    server.cluster.onWatch = () -> Source.single(StubCluster.topology(1, 0)).concat(Source.maybe());
    Iterator<Message> answers = watch();
    answers.next();
    server.server.drain(Duration.ofMillis(200)).toCompletableFuture().get(10, TimeUnit.SECONDS);
    assertThat(statusOf(answers::hasNext)).isIn(Status.Code.UNAVAILABLE, Status.Code.CANCELLED);
  }

  @Test
  void with_tls_only_those_are_served_who_trust_the_server(@TempDir Path directory)
      throws Exception {
    Certificates certificates = Certificates.create(directory, "server");
    try (TestServer secure = startWith(tls(certificates, ""))) {
      TlsChannelCredentials.Builder trusting =
          TlsChannelCredentials.newBuilder().trustManager(certificates.chain().toFile());
      assertThat(call(secure.channel(trusting.build()), "Follow", request("ann"))).isNotNull();
      assertThat(
              statusOf(
                  () ->
                      call(
                          secure.channel(TlsChannelCredentials.create()),
                          "Follow",
                          request("ann"))))
          .isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(statusOf(() -> call(secure.channel(), "Follow", request("ann"))))
          .isEqualTo(Status.Code.UNAVAILABLE);
    }
  }

  @Test
  void with_a_client_authority_only_its_clients_are_served(@TempDir Path directory)
      throws Exception {
    Certificates certificates = Certificates.create(directory, "server");
    Certificates client = Certificates.create(directory, "client");
    try (TestServer secure = startWith(tls(certificates, client.chain().toString()))) {
      TlsChannelCredentials.Builder known =
          TlsChannelCredentials.newBuilder()
              .trustManager(certificates.chain().toFile())
              .keyManager(client.chain().toFile(), client.key().toFile());
      assertThat(call(secure.channel(known.build()), "Follow", request("ann"))).isNotNull();
      TlsChannelCredentials.Builder unknown =
          TlsChannelCredentials.newBuilder().trustManager(certificates.chain().toFile());
      assertThat(statusOf(() -> call(secure.channel(unknown.build()), "Follow", request("ann"))))
          .isEqualTo(Status.Code.UNAVAILABLE);
    }
  }

  @Test
  void a_renewed_certificate_is_used_without_a_restart(@TempDir Path directory) throws Exception {
    Certificates old = Certificates.create(directory, "server");
    Certificates renewed = Certificates.create(directory, "renewed");
    try (TestServer secure = startWith(tls(old, "") + "\ntls.reload = 100ms")) {
      ChannelCredentials trusting =
          TlsChannelCredentials.newBuilder().trustManager(renewed.chain().toFile()).build();
      assertThat(statusOf(() -> call(secure.channel(trusting), "Follow", request("ann"))))
          .isEqualTo(Status.Code.UNAVAILABLE);
      Files.copy(renewed.key(), old.key(), StandardCopyOption.REPLACE_EXISTING);
      Files.copy(renewed.chain(), old.chain(), StandardCopyOption.REPLACE_EXISTING);
      await()
          .ignoreExceptions()
          .untilAsserted(
              () ->
                  assertThat(call(secure.channel(trusting), "Follow", request("ann"))).isNotNull());
    }
  }

  @Test
  void tls_files_that_are_not_there_are_named() {
    assertThatThrownBy(
            () -> startWith("tls { certificate-chain = /no/chain, private-key = /no/key }"))
        .hasMessageContaining("/no/chain");
  }

  @Test
  void a_taken_port_is_named() {
    String port = String.valueOf(server.server.address().getPort());
    assertThatThrownBy(() -> startWith("port = " + port)).hasMessageContaining(port);
  }

  @Test
  void callers_are_known_by_their_tokens(@TempDir Path directory) throws Exception {
    ECKey key = new ECKeyGenerator(Curve.P_256).keyID("k1").generate();
    Path jwks =
        Files.writeString(
            directory.resolve("jwks.json"), new JWKSet(key).toPublicJWKSet().toString());
    Principals principals =
        Principals.start(
            kit.system(),
            AuthSettings.from(
                TestServer.config(
                    "tideline.node.auth",
                    "mode = jwt, issuer = i, audience = a, jwks-file = \"" + jwks + "\"")),
            "127.0.0.1");
    server.graph.onFollow =
        (request, metadata) -> {
          Principal caller = principals.authenticate(metadata);
          principals.requireUser(caller, Fields.userId("user_id", request.getUserId()));
          return StubGraph.followed(caller.subject());
        };
    Instant now = Instant.now();
    assertThat(followAs("ann", token(key, "a", now.plusSeconds(60))).getConsistencyToken())
        .isEqualTo("ann");
    assertThat(statusOf(() -> followAs("bob", token(key, "a", now.plusSeconds(60)))))
        .isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(statusOf(() -> followAs("ann", token(key, "b", now.plusSeconds(60)))))
        .isEqualTo(Status.Code.UNAUTHENTICATED);
    StatusRuntimeException expired =
        failureOf(() -> followAs("ann", token(key, "a", now.minusSeconds(60))));
    assertThat(expired.getStatus().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
    assertThat(detail(expired, ErrorInfo.class).getReason()).isEqualTo("TOKEN_EXPIRED");
    assertThat(statusOf(() -> follow("ann"))).isEqualTo(Status.Code.UNAUTHENTICATED);
  }

  private FollowResponse followAs(String user, String token) {
    Metadata headers = new Metadata();
    headers.put(
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + token);
    return (FollowResponse)
        call(
            server.channel(MetadataUtils.newAttachHeadersInterceptor(headers)),
            "Follow",
            request(user));
  }

  /** Ann's. */
  private static String token(ECKey key, String audience, Instant expiry) throws JOSEException {
    SignedJWT jwt =
        new SignedJWT(
            new JWSHeader.Builder(JWSAlgorithm.ES256).keyID("k1").build(),
            new JWTClaimsSet.Builder()
                .subject("ann")
                .issuer("i")
                .audience(audience)
                .expirationTime(Date.from(expiry))
                .build());
    jwt.sign(new ECDSASigner(key));
    return jwt.serialize();
  }

  private static String tls(Certificates certificates, String clientAuthority) {
    return "tls { certificate-chain = \"%s\", private-key = \"%s\", client-authority = \"%s\" }"
        .formatted(certificates.chain(), certificates.key(), clientAuthority);
  }

  final FollowResponse follow(String user) {
    return (FollowResponse) call(channel, "Follow", request(user));
  }

  final Message call(ManagedChannel channel, String rpc, Message request) {
    return ClientCalls.blockingUnaryCall(
        channel,
        server.rpc(rpc),
        CallOptions.DEFAULT.withDeadlineAfter(20, TimeUnit.SECONDS),
        request);
  }

  final Iterator<Message> watch() {
    return ClientCalls.blockingServerStreamingCall(
        channel,
        server.rpc("WatchTopology"),
        CallOptions.DEFAULT.withDeadlineAfter(20, TimeUnit.SECONDS),
        WatchTopologyRequest.getDefaultInstance());
  }

  static FollowRequest request(String user) {
    return FollowRequest.newBuilder().setUserId(user).setFolloweeId("bob").build();
  }

  static StatusRuntimeException failureOf(ThrowingCallable call) {
    return catchThrowableOfType(StatusRuntimeException.class, call);
  }

  static Status.Code statusOf(ThrowingCallable call) {
    return failureOf(call).getStatus().getCode();
  }

  static <M extends Message> M detail(StatusRuntimeException failure, Class<M> type) {
    return StatusProto.fromThrowable(failure).getDetailsList().stream()
        .filter(any -> any.is(type))
        .map(any -> unpack(any, type))
        .findFirst()
        .orElseThrow();
  }

  private static <M extends Message> M unpack(com.google.protobuf.Any any, Class<M> type) {
    try {
      return any.unpack(type);
    } catch (com.google.protobuf.InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  private ServingStatus health(String service) {
    return HealthGrpc.newBlockingStub(channel)
        .check(HealthCheckRequest.newBuilder().setService(service).build())
        .getStatus();
  }

  private static long epochOf(Message answer) {
    return ((WatchTopologyResponse) answer).getTopology().getEpoch();
  }

  private static FollowManyRequest manyOfSize(int bytes) {
    int text =
        bytes
            - FollowManyRequest.newBuilder()
                .addFolloweeIds("x".repeat(bytes))
                .build()
                .getSerializedSize()
            + bytes;
    FollowManyRequest request =
        FollowManyRequest.newBuilder().addFolloweeIds("x".repeat(text)).build();
    assertThat(request.getSerializedSize()).isEqualTo(bytes);
    return request;
  }

  private static boolean stable(AtomicLong counter) throws InterruptedException {
    long before = counter.get();
    Thread.sleep(50);
    return counter.get() == before;
  }

  private List<String> servicesByReflectionV1Alpha() throws Exception {
    CompletableFuture<List<String>> services = new CompletableFuture<>();
    StreamObserver<io.grpc.reflection.v1alpha.ServerReflectionRequest> ask =
        io.grpc.reflection.v1alpha.ServerReflectionGrpc.newStub(channel)
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(io.grpc.reflection.v1alpha.ServerReflectionResponse answer) {
                    services.complete(
                        answer.getListServicesResponse().getServiceList().stream()
                            .map(io.grpc.reflection.v1alpha.ServiceResponse::getName)
                            .toList());
                  }

                  @Override
                  public void onError(Throwable failure) {
                    services.completeExceptionally(failure);
                  }

                  @Override
                  public void onCompleted() {}
                });
    ask.onNext(
        io.grpc.reflection.v1alpha.ServerReflectionRequest.newBuilder()
            .setListServices("")
            .build());
    List<String> names = services.get(10, TimeUnit.SECONDS);
    ask.onCompleted();
    return names;
  }

  /** Takes so many messages as it is told to, and no more. */
  static final class SlowReader {
    final LinkedBlockingQueue<Message> received = new LinkedBlockingQueue<>();
    private final ClientCall<Message, Message> call;

    SlowReader(ManagedChannel channel, MethodDescriptor<Message, Message> rpc) {
      call = channel.newCall(rpc, CallOptions.DEFAULT);
      call.start(
          new ClientCall.Listener<>() {
            @Override
            public void onMessage(Message message) {
              received.add(message);
            }
          },
          new Metadata());
      call.sendMessage(WatchTopologyRequest.getDefaultInstance());
      call.halfClose();
    }

    void take(int messages) {
      call.request(messages);
    }

    void cancel() {
      call.cancel("enough", null);
    }
  }
}
