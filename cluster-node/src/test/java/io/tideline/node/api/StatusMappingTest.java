package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.tideline.protocols.KeyRing;
import io.tideline.protocols.TokenCodec;
import io.tideline.protocols.TokenException;
import io.tideline.protocols.UserId;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class StatusMappingTest {
  @Test
  void what_services_threw_on_purpose_stays_as_it_is_however_deep() {
    ApiException failure =
        StatusMapping.failure(Status.Code.ABORTED, "BASE_GONE", "gone", Map.of("base", "7"));
    assertThat(
            StatusMapping.translate(
                new CompletionException(new ExecutionException(new CompletionException(failure)))))
        .isSameAs(failure);
    assertThat(info(failure))
        .returns("tideline.io", ErrorInfo::getDomain)
        .returns("BASE_GONE", ErrorInfo::getReason)
        .returns(Map.of("base", "7"), ErrorInfo::getMetadataMap);
  }

  @Test
  void a_bad_cursor_is_an_invalid_field_with_its_reason() {
    TokenCodec codec =
        new TokenCodec(KeyRing.parse("1:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", 1));
    TokenException bad =
        catchThrowableOfType(
            TokenException.class, () -> codec.decodeCursor("garbage!", new UserId("ann"), "home"));
    StatusRuntimeException failure = StatusMapping.translate(new CompletionException(bad));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(info(failure).getReason()).isEqualTo("CURSOR_MALFORMED");
    assertThat(
            GrpcServerContract.detail(failure, BadRequest.class).getFieldViolations(0).getField())
        .isEqualTo("cursor");
  }

  @Test
  void a_log_that_does_not_answer_is_unavailable() {
    StatusRuntimeException failure =
        StatusMapping.translate(
            new CompletionException(
                new org.apache.kafka.common.errors.TimeoutException("no answer")));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(info(failure).getReason()).isEqualTo("LOG_AWAY");
  }

  @Test
  void timeouts_are_unavailable_and_say_when_to_try_again() {
    StatusRuntimeException failure = StatusMapping.translate(new TimeoutException("ask"));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(GrpcServerContract.detail(failure, RetryInfo.class).getRetryDelay().getSeconds())
        .isPositive();
  }

  @Test
  void retry_delays_keep_their_fractions() {
    StatusRuntimeException failure =
        StatusMapping.unavailable("LAGGING", "behind", Map.of(), Duration.ofMillis(1_250));
    assertThat(GrpcServerContract.detail(failure, RetryInfo.class).getRetryDelay())
        .returns(1L, com.google.protobuf.Duration::getSeconds)
        .returns(250_000_000, com.google.protobuf.Duration::getNanos);
  }

  @Test
  void the_reason_of_a_refusal_is_found_again() {
    StatusRuntimeException failure =
        StatusMapping.unavailable("LAGGING", "behind", Map.of(), Duration.ZERO);
    assertThat(StatusMapping.reasonOf(new CompletionException(failure))).isEqualTo("LAGGING");
    assertThat(StatusMapping.reasonOf(Status.UNAVAILABLE.asRuntimeException())).isEmpty();
    assertThat(StatusMapping.reasonOf(new IllegalStateException("none"))).isEmpty();
  }

  @Test
  void cancelled_work_is_cancelled() {
    assertThat(StatusMapping.translate(new CancellationException()).getStatus().getCode())
        .isEqualTo(Status.Code.CANCELLED);
  }

  @Test
  void bugs_differ_in_their_error_ids_and_keep_their_secrets() {
    StatusRuntimeException one = StatusMapping.translate(new IllegalStateException("secret"));
    StatusRuntimeException other = StatusMapping.translate(new IllegalStateException("secret"));
    assertThat(one.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
    assertThat(one).hasMessageNotContaining("secret");
    assertThat(info(one).getMetadataOrThrow("error_id"))
        .isNotEqualTo(info(other).getMetadataOrThrow("error_id"));
  }

  private static ErrorInfo info(StatusRuntimeException failure) {
    return GrpcServerContract.detail(failure, ErrorInfo.class);
  }
}
