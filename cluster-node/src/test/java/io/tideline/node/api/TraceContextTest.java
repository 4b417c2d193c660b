package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.Message;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.tideline.protocols.v1.FollowResponse;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import kamon.Kamon;
import kamon.context.Storage;
import kamon.module.SpanReporter;
import kamon.trace.Span;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import scala.collection.immutable.Seq;

class TraceContextTest {
  private static final ActorTestKit KIT = TestServer.kit("TraceContextTest");
  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String PARENT = "b7ad6b7169203331";
  private static final Queue<Span.Finished> SPANS = new ConcurrentLinkedQueue<>();

  private TestServer server;

  @BeforeAll
  static void startKamon() {
    Kamon.initWithoutAttaching(
        ConfigFactory.parseString(
                """
                kamon {
                  init.hide-banner = yes
                  trace { sampler = always, identifier-scheme = double, tick-interval = 100ms }
                  prometheus.start-embedded-http-server = no
                }
                """)
            .withFallback(ConfigFactory.defaultReference())
            .resolve());
    Kamon.addReporter("spans", new Spans());
  }

  @AfterAll
  static void stopKamon() {
    Kamon.stop();
    KIT.shutdownTestKit();
  }

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(KIT, "transport = netty");
    server.graph.onFollow =
        (request, metadata) -> StubGraph.followed(Kamon.currentSpan().trace().id().string());
    SPANS.clear();
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
  }

  @Test
  void a_callers_trace_goes_on_in_the_service_and_in_its_span() {
    assertThat(followWith("00-" + TRACE + "-" + PARENT + "-01")).isEqualTo(TRACE);
    await().until(() -> !SPANS.isEmpty());
    Span.Finished span = SPANS.element();
    assertThat(span.operationName()).isEqualTo("tideline.v1.GraphService/Follow");
    assertThat(span.kind()).hasToString("server");
    assertThat(span.trace().id().string()).isEqualTo(TRACE);
    assertThat(span.parentId().string()).isEqualTo(PARENT);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "garbage",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"
      })
  void what_is_no_trace_starts_a_new_one(String parent) {
    assertThat(followWith(parent)).hasSize(32).isNotEqualTo(TRACE);
  }

  @Test
  void outgoing_calls_carry_the_trace_on() {
    ManagedChannel tracing = server.channel(TraceContext.outgoing());
    Span span = Kamon.spanBuilder("work").start();
    Storage.Scope scope = Kamon.storeContext(Kamon.currentContext().withEntry(Span.Key(), span));
    try {
      assertThat(follow(tracing)).isEqualTo(span.trace().id().string());
    } finally {
      scope.close();
      span.finish();
    }
  }

  private String followWith(String parent) {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), parent);
    return follow(server.channel(MetadataUtils.newAttachHeadersInterceptor(headers)));
  }

  private String follow(ManagedChannel channel) {
    Message answer =
        ClientCalls.blockingUnaryCall(
            channel, server.rpc("Follow"), CallOptions.DEFAULT, GrpcServerContract.request("ann"));
    return ((FollowResponse) answer).getConsistencyToken();
  }

  private static final class Spans implements SpanReporter {
    @Override
    public void reportSpans(Seq<Span.Finished> spans) {
      spans.foreach(SPANS::add);
    }

    @Override
    public void stop() {}

    @Override
    public void reconfigure(Config config) {}
  }
}
