package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import com.google.protobuf.Message;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.tideline.protocols.v1.FollowResponse;
import io.tideline.protocols.v1.ReadFeedRequest;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
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
import org.slf4j.LoggerFactory;
import scala.collection.immutable.Seq;

class TraceContextTest {
  private static final ActorTestKit KIT = TestServer.kit("TraceContextTest");
  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String PARENT = "b7ad6b7169203331";
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Executor LATER =
      CompletableFuture.delayedExecutor(50, TimeUnit.MILLISECONDS);
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

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void a_call_that_is_passed_on_is_a_child_of_this_nodes_span(boolean later) {
    Forwarding forwarding =
        new Forwarding(
            KIT.system(), "here", TestServer.NO_TLS, user -> Optional.empty(), SOON, 1_000);
    server.graph.onFollow =
        (request, metadata) -> {
          Map<String, String> headers = forwarding.headers(metadata);
          String here = Kamon.currentSpan().id().string();
          return answered(later)
              .thenCompose(
                  answered ->
                      forwarding
                          .to(server.address(), headers)
                          .readFeed(ReadFeedRequest.getDefaultInstance()))
              .thenCompose(feed -> StubGraph.followed(here));
        };
    String here = followWith("00-" + TRACE + "-" + PARENT + "-01");
    await().until(() -> SPANS.stream().anyMatch(TraceContextTest::isRead));
    Span.Finished there = SPANS.stream().filter(TraceContextTest::isRead).findFirst().orElseThrow();
    assertThat(there.trace().id().string()).isEqualTo(TRACE);
    assertThat(there.parentId().string()).isEqualTo(here).isNotEqualTo(PARENT);
  }

  @Test
  void a_failure_that_comes_later_is_logged_in_the_calls_trace() {
    Queue<String> logged = new ConcurrentLinkedQueue<>();
    Logger log = (Logger) LoggerFactory.getLogger(StatusMapping.class);
    AppenderBase<ILoggingEvent> appender =
        new AppenderBase<>() {
          @Override
          protected void append(ILoggingEvent event) {
            logged.add(Kamon.currentSpan().trace().id().string());
          }
        };
    appender.start();
    log.addAppender(appender);
    server.graph.onFollow =
        (request, metadata) ->
            CompletableFuture.supplyAsync(
                () -> {
                  throw new IllegalStateException("a bug");
                },
                LATER);
    try {
      assertThatThrownBy(() -> followWith("00-" + TRACE + "-" + PARENT + "-01"))
          .hasMessageContaining("INTERNAL");
    } finally {
      log.detachAppender(appender);
    }
    assertThat(logged).containsExactly(TRACE);
  }

  private static boolean isRead(Span.Finished span) {
    return span.operationName().equals("tideline.v1.FeedService/ReadFeed");
  }

  /** Later means on a thread that knows nothing of the call. */
  private static CompletionStage<Void> answered(boolean later) {
    return later
        ? CompletableFuture.runAsync(() -> {}, LATER)
        : CompletableFuture.completedFuture(null);
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
