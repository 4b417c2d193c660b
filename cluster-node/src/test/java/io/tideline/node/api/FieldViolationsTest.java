package io.tideline.node.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.rpc.BadRequest;
import io.grpc.StatusRuntimeException;
import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FieldViolationsTest {
  private final FieldViolations fields = new FieldViolations();

  @Test
  void good_fields_pass_and_keep_their_values() {
    assertThat(fields.userId("user_id", "ann")).isEqualTo(new UserId("ann"));
    assertThat(fields.postId("post_id", PostId.MAX.toString())).isEqualTo(PostId.MAX);
    assertThat(fields.text("text", "abc", 1, 3)).isEqualTo("abc");
    assertThat(fields.pageSize("page_size", 0, 20, 100)).isEqualTo(20);
    assertThat(fields.pageSize("page_size", 100, 20, 100)).isEqualTo(100);
    assertThat(fields.range("n", 5, 1, 9)).isEqualTo(5);
    fields.size("tags", 3, 0, 3);
    assertThatCode(fields::check).doesNotThrowAnyException();
  }

  @Test
  void every_wrong_field_is_named_with_what_was_expected() {
    fields.userId("user_id", "no spaces");
    fields.postId("post_id", "short");
    fields.text("text", "", 1, 5_000);
    fields.pageSize("page_size", 1_000, 20, 100);
    fields.range("n", 0, 1, 9);
    fields.size("tags", 4, 0, 3);
    fields.reject("kind", "expected one of ARTICLE, IMAGE");
    assertThat(violations())
        .extracting(BadRequest.FieldViolation::getField)
        .containsExactly("user_id", "post_id", "text", "page_size", "n", "tags", "kind");
    assertThat(violations())
        .extracting(BadRequest.FieldViolation::getDescription)
        .anySatisfy(
            text -> assertThat(text).isEqualTo("expected 1-5,000 characters, but there are 0"))
        .anySatisfy(text -> assertThat(text).isEqualTo("expected 1-100, but it is 1,000"));
  }

  @Test
  void of_very_many_wrong_elements_the_first_are_named_and_the_rest_is_not_looked_at() {
    List<String> ids = Collections.nCopies(500_000, "");
    assertThat(fields.size("followee_ids", ids.size(), 1, 5_000)).isEqualTo(5_000);
    assertThat(fields.others("followee_ids", ids, new UserId("ann"))).hasSizeLessThan(20);
    assertThat(violations()).hasSize(10);
  }

  @Test
  void lengths_count_code_points() {
    fields.text("text", "😀".repeat(10), 1, 10);
    assertThatCode(fields::check).doesNotThrowAnyException();
    fields.text("text", "😀".repeat(11), 1, 10);
    assertThat(violations()).hasSize(1);
  }

  @Test
  void text_of_a_wrong_length_is_not_worked_on() {
    // To compare tags it would be normalised, which takes marks without end an hour.
    assertThat(fields.tag("tag", "\u0301\u0316".repeat(500_000))).isEmpty();
    assertThat(fields.text("title", "x".repeat(101), 1, 100)).isEmpty();
    assertThatThrownBy(fields::check).hasMessageContaining("title");
  }

  @Test
  void an_unsigned_page_size_beyond_two_billion_is_too_large() {
    fields.pageSize("page_size", -1, 20, 100);
    assertThat(violations().get(0).getDescription()).contains("4,294,967,295");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"https://example.com", "http://example.com:8080/a?b=c#d", "https://例え.jp/パス"})
  void http_urls_pass(String url) {
    fields.url("url", url);
    assertThatCode(fields::check).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "example.com",
        "/path",
        "ftp://example.com",
        "javascript:alert(1)",
        "https:",
        "https://",
        "https://a b",
        "data:text/html,x"
      })
  void other_urls_do_not(String url) {
    fields.url("url", url);
    assertThat(violations()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"tide", "Tide", "TIDE", "tid\uFF45", "\uD835\uDCC9ide"})
  void tags_are_taken_as_they_are_compared(String tag) {
    assertThat(fields.tag("tag", tag)).isEqualTo("tide");
    assertThatCode(fields::check).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "#tide",
        "ti#de",
        "#",
        "\uFF03tide",
        "high tide",
        " tide",
        "high\u00A0tide",
        "high\u3000tide",
        "high\u2028tide",
        "high\u0000tide",
        "high,tide",
        "high\uFF0Ctide"
      })
  void what_nobody_could_write_as_one_tag_is_none(String tag) {
    fields.tag("tag", tag);
    assertThat(violations()).extracting(BadRequest.FieldViolation::getField).containsExactly("tag");
  }

  @Test
  void details_stay_small_whatever_comes_in() {
    for (int i = 0; i < 1_000; i++) {
      fields.userId("user_ids[" + i + "]", "x".repeat(100_000));
      fields.url("url", "https://example.com/" + "x".repeat(100_000));
      fields.postId("post_id", "x".repeat(100_000));
    }
    StatusRuntimeException failure =
        catchThrowableOfType(StatusRuntimeException.class, fields::check);
    assertThat(failure.getTrailers().toString()).hasSizeLessThan(6_000);
    assertThat(failure.getStatus().getDescription()).hasSizeLessThan(2_000);
  }

  @Test
  void one_field_is_checked_at_once() {
    assertThat(Fields.userId("user_id", "ann")).isEqualTo(new UserId("ann"));
    assertThatThrownBy(() -> Fields.userId("user_id", ""))
        .hasMessageContaining("INVALID_ARGUMENT")
        .hasMessageContaining("user_id");
    assertThatThrownBy(() -> Fields.postId("post_id", "")).hasMessageContaining("post_id");
    assertThatThrownBy(() -> Fields.pageSize("page_size", 101, 20, 100))
        .hasMessageContaining("page_size");
  }

  private List<BadRequest.FieldViolation> violations() {
    StatusRuntimeException failure =
        catchThrowableOfType(StatusRuntimeException.class, fields::check);
    return GrpcServerContract.detail(failure, BadRequest.class).getFieldViolationsList();
  }
}
