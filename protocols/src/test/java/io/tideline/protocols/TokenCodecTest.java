package io.tideline.protocols;

import static io.tideline.protocols.TokenException.Reason.CURSOR_FORGED;
import static io.tideline.protocols.TokenException.Reason.CURSOR_MALFORMED;
import static io.tideline.protocols.TokenException.Reason.CURSOR_OF_ANOTHER_READER;
import static io.tideline.protocols.TokenException.Reason.CURSOR_OF_ANOTHER_SURFACE;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import io.tideline.protocols.log.v1.CursorDirection;
import io.tideline.protocols.log.v1.CursorPayload;
import io.tideline.protocols.log.v1.FeedWatermark;
import io.tideline.protocols.log.v1.LogOffsets;
import io.tideline.protocols.log.v1.LogPositions;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.Size;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenCodecTest {
  private static final byte[] OLD_KEY = "the key of before".getBytes(US_ASCII);
  private static final byte[] KEY = "a key for testing only, 32 bytes".getBytes(US_ASCII);
  private static final TokenCodec CODEC =
      new TokenCodec(new KeyRing(7, Map.of(6, OLD_KEY, 7, KEY)));

  private static final UserId ANN = new UserId("ann");
  private static final PostId POST = PostId.parse("01KAGVPN7V003G7DJ6JZSWDQN4");
  private static final Positions POSITIONS =
      Positions.EMPTY
          .with(new LogPartition(1, 0x9f3c01aa, 0), 17)
          .with(new LogPartition(1, 0x9f3c01aa, 2), 300)
          .with(new LogPartition(2, 5, 0), 0);
  private static final Watermark MARK =
      new Watermark(
          POSITIONS,
          HybridClock.ofMillis(1_763_650_000_123L),
          PostId.parse("01KAGVPN7V003G7DJ6JZSWDQN1"),
          PostId.parse("01KAGVPN7V003G7DJ6JZSWDQN5"));
  private static final Cursor CURSOR = older(POST, MARK, PassedOver.NOTHING);
  private static final ConsistencyToken TOKEN =
      new ConsistencyToken(1, ANN, 42, HybridClock.ofMillis(1_763_650_000_123L), POST);

  private static final Map<String, String> RECORDED = Recordings.of("tokens.properties");

  private static String recorded(String kind) {
    return requireNonNull(RECORDED.get(kind), kind);
  }

  @Provide
  Arbitrary<Cursor> cursors() {
    Arbitrary<PostId> posts =
        Combinators.combine(Arbitraries.longs(), Arbitraries.longs()).as(PostId::new);
    Arbitrary<KnownRules> rules =
        Combinators.combine(
                Arbitraries.integers().between(1, 255),
                Arbitraries.maps(Arbitraries.integers().between(0, 255), Arbitraries.longs())
                    .ofMaxSize(3),
                Arbitraries.integers())
            .as(KnownRules::new);
    Arbitrary<Watermark> marks =
        Combinators.combine(
                PositionsTest.offsets().map(PositionsTest::of),
                Arbitraries.longs(),
                Arbitraries.oneOf(posts, Arbitraries.of(PostId.MIN, PostId.MAX)),
                Arbitraries.oneOf(posts, Arbitraries.of(PostId.MIN, PostId.MAX)),
                rules.injectNull(0.3))
            .as(Watermark::new);
    return Combinators.combine(
            Arbitraries.strings().withChars("abz09.:@-").ofMinLength(1).ofMaxLength(64),
            Arbitraries.of("home", "list:friends"),
            Arbitraries.of(Cursor.Direction.class),
            posts.injectNull(0.2),
            marks,
            marks.injectNull(0.3))
        .as(
            (reader, surface, direction, after, base, until) ->
                new Cursor(
                    new UserId(reader),
                    surface,
                    direction,
                    after,
                    base,
                    until,
                    passed(reader.hashCode(), after),
                    after == null ? List.of() : List.of(after)));
  }

  private static PassedOver passed(int random, @Nullable PostId post) {
    PassedOver passed = PassedOver.NOTHING;
    PostId newer = null;
    for (int i = random & 7; i > 0; i--) {
      PostId oldest = new PostId(i, random);
      passed = passed.and(newer, oldest, i & random, i & 1);
      newer = oldest;
    }
    return post == null ? passed : new PassedOver(passed.stretches(), List.of(post));
  }

  private static Cursor older(PostId after, Watermark base, PassedOver passed) {
    return new Cursor(ANN, "home", Cursor.Direction.OLDER, after, base, null, passed, List.of());
  }

  @Property
  void cursors_survive_a_round_trip(@ForAll("cursors") Cursor cursor) {
    String text = CODEC.encode(cursor);

    assertThat(text).hasSizeLessThanOrEqualTo(1024).matches("[A-Za-z0-9_-]+");
    assertThat(CODEC.decodeCursor(text, cursor.reader(), cursor.surface()))
        .isIn(cursor, cursor.withoutPassed(), cursor.withoutPassed().withoutRules());
  }

  @Test
  void what_was_passed_over_is_forgotten_from_the_first_byte_that_has_no_room() {
    // Of lengths that a write of the last field meets with any number of bytes left.
    for (int posts = 0; posts < 3; posts++) {
      int longest = 0;
      boolean whole = true;
      for (int length = 1; whole && length < 1024; length++) {
        Cursor cursor = surfaceOf(length, Collections.nCopies(posts, POST));
        String text = CODEC.encode(cursor);
        assertThat(text).hasSizeLessThanOrEqualTo(1024);
        whole = CODEC.decodeCursor(text, ANN, cursor.surface()).equals(cursor);
        if (whole) longest = text.length();
      }
      assertThat(whole).isFalse();
      assertThat(longest).isEqualTo(1024);
    }
  }

  private static Cursor surfaceOf(int length, List<PostId> passed) {
    PassedOver over =
        new PassedOver(List.of(new PassedOver.Stretch(null, POST, List.of(7L), 0)), passed);
    return new Cursor(
        ANN, "s".repeat(length), Cursor.Direction.OLDER, POST, MARK, null, over, List.of());
  }

  @Property
  void consistency_tokens_survive_a_round_trip(
      @ForAll long sequence, @ForAll long at, @ForAll boolean post) {
    ConsistencyToken token = new ConsistencyToken(3, ANN, sequence, at, post ? POST : null);

    assertThat(CODEC.decodeConsistencyToken(CODEC.encode(token))).isEqualTo(token);
  }

  @Test
  void page_tokens_survive_a_round_trip() {
    assertThat(CODEC.decodePage(CODEC.encodePage("posts:ann", "after"), "posts:ann"))
        .isEqualTo("after");
    assertThat(CODEC.decodePage(CODEC.encodePage("", ""), "")).isEmpty();
  }

  @Test
  void a_flipped_bit_is_refused_wherever_it_is() {
    byte[] token = Base64.getUrlDecoder().decode(CODEC.encode(CURSOR));
    for (int bit = 0; bit < token.length * 8; bit++) {
      byte[] flipped = token.clone();
      flipped[bit / 8] ^= (byte) (1 << bit % 8);
      assertThat(refusalOf(text(flipped))).as("bit %s", bit).isEqualTo(CURSOR_FORGED);
    }
  }

  @Test
  void a_changed_character_is_refused_wherever_it_is() {
    for (int at = 0; at < 3; at++) {
      // Of three lengths, so that the last character has spare bits in some.
      String token = CODEC.encodePage("s".repeat(at + 1), "after");
      for (int i = 0; i < token.length(); i++) {
        for (char c : "AQgwBCDEZaz09-_+/=. \n\u0000é".toCharArray()) {
          if (c != token.charAt(i)) {
            String changed = token.substring(0, i) + c + token.substring(i + 1);
            String scope = "s".repeat(at + 1);
            assertThat(refusal(() -> CODEC.decodePage(changed, scope)).reason())
                .as("%s at %s of %s", c, i, token)
                .isIn(CURSOR_FORGED, CURSOR_MALFORMED);
          }
        }
      }
    }
  }

  @Property
  void any_text_is_refused_and_nothing_else_happens(@ForAll String text) {
    assertThat(refusalOf(text)).isIn(CURSOR_MALFORMED, CURSOR_FORGED);
  }

  @Property
  void any_bytes_are_refused_and_nothing_else_happens(@ForAll @Size(max = 4000) byte[] bytes) {
    assertThat(refusalOf(text(bytes)))
        .isEqualTo(
            bytes.length < 17 || text(bytes).length() > 4096 ? CURSOR_MALFORMED : CURSOR_FORGED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "A", "AAAA", "AAAA=", "not a cursor", "äöü", "%00", "\u0000"})
  void garbage_is_malformed(String text) {
    assertThat(refusalOf(text)).isEqualTo(CURSOR_MALFORMED);
  }

  @Test
  void very_long_text_is_malformed() {
    assertThat(refusalOf("A".repeat(1025))).isEqualTo(CURSOR_MALFORMED);
    assertThat(refusalOf("A".repeat(10_000_000))).isEqualTo(CURSOR_MALFORMED);
  }

  @Test
  void a_shortened_token_is_refused() {
    String token = CODEC.encode(CURSOR);
    for (int length = 0; length < token.length(); length++) {
      assertThat(refusalOf(token.substring(0, length))).isIn(CURSOR_MALFORMED, CURSOR_FORGED);
    }
  }

  @Test
  void one_kind_of_token_does_not_pass_for_another() {
    assertThat(refusalOf(CODEC.encode(TOKEN))).isEqualTo(CURSOR_FORGED);
    assertThat(refusalOf(CODEC.encodePage("home", "ann"))).isEqualTo(CURSOR_FORGED);
    assertThat(refusal(() -> CODEC.decodeConsistencyToken(CODEC.encode(CURSOR))).reason())
        .isEqualTo(CURSOR_FORGED);
    assertThat(refusal(() -> CODEC.decodePage(CODEC.encode(CURSOR), "home")).reason())
        .isEqualTo(CURSOR_FORGED);
  }

  @Test
  void a_cursor_belongs_to_its_reader_and_its_surface() {
    String token = CODEC.encode(CURSOR);

    assertThat(refusal(() -> CODEC.decodeCursor(token, new UserId("bob"), "home")).reason())
        .isEqualTo(CURSOR_OF_ANOTHER_READER);
    assertThat(refusal(() -> CODEC.decodeCursor(token, ANN, "list:friends")).reason())
        .isEqualTo(CURSOR_OF_ANOTHER_SURFACE);
    String page = CODEC.encodePage("posts:ann", "after");
    assertThat(refusal(() -> CODEC.decodePage(page, "posts:bob")).reason())
        .isEqualTo(CURSOR_OF_ANOTHER_SURFACE);
  }

  @Test
  void what_an_old_key_signed_is_still_read_and_what_an_unknown_key_signed_is_not() {
    TokenCodec before = new TokenCodec(new KeyRing(6, Map.of(6, OLD_KEY)));
    TokenCodec stranger = new TokenCodec(new KeyRing(8, Map.of(8, KEY)));
    TokenCodec impostor = new TokenCodec(new KeyRing(7, Map.of(7, OLD_KEY)));

    assertThat(CODEC.decodeCursor(before.encode(CURSOR), ANN, "home")).isEqualTo(CURSOR);
    assertThat(refusalOf(stranger.encode(CURSOR))).isEqualTo(CURSOR_FORGED);
    assertThat(refusalOf(impostor.encode(CURSOR))).isEqualTo(CURSOR_FORGED);
  }

  @Test
  void what_is_signed_but_not_understood_is_malformed() throws Exception {
    CursorPayload good =
        CursorPayload.newBuilder()
            .setFormat(1)
            .setReaderId("ann")
            .setSurface("home")
            .setDirection(CursorDirection.CURSOR_DIRECTION_OLDER)
            .build();
    LogOffsets log = LogOffsets.newBuilder().setCell(1).addNextOffsets(1).build();
    List<CursorPayload> bad =
        List.of(
            good.toBuilder().setFormat(2).build(),
            good.toBuilder().setReaderId("a b").build(),
            good.toBuilder().setDirectionValue(9).build(),
            good.toBuilder().setAfterPostId(ByteString.copyFromUtf8("short")).build(),
            good.toBuilder()
                .setBase(
                    FeedWatermark.newBuilder().setFloorPostId(ByteString.copyFromUtf8("short")))
                .build(),
            good.toBuilder().setBase(at(log, log)).build(),
            good.toBuilder().setBase(at(log.toBuilder().setCell(-1).build())).build(),
            good.toBuilder().setBase(at(log.toBuilder().setNextOffsets(0, -5).build())).build());

    assertThat(CODEC.decodeCursor(signed(good.toByteArray()), ANN, "home").after()).isNull();
    for (CursorPayload payload : bad) {
      assertThat(refusalOf(signed(payload.toByteArray())))
          .as("%s", payload)
          .isEqualTo(CURSOR_MALFORMED);
    }
    assertThat(refusalOf(signed(new byte[] {(byte) 0xFF}))).isEqualTo(CURSOR_MALFORMED);
    assertThat(refusalOf(signed(new byte[0]))).isEqualTo(CURSOR_MALFORMED);
  }

  private static FeedWatermark at(LogOffsets... logs) {
    return FeedWatermark.newBuilder()
        .setPositions(LogPositions.newBuilder().addAllLogs(List.of(logs)))
        .build();
  }

  private static String signed(byte[] payload) throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(KEY, "HmacSHA256"));
    byte[] token = ByteBuffer.allocate(1 + payload.length + 16).put((byte) 7).put(payload).array();
    mac.update((byte) 1);
    mac.update(token, 0, 1 + payload.length);
    System.arraycopy(mac.doFinal(), 0, token, 1 + payload.length, 16);
    return text(token);
  }

  @Test
  void tokens_are_for_ever() {
    assertThat(CODEC.encode(CURSOR)).isEqualTo(recorded("cursor"));
    assertThat(CODEC.encode(newer())).isEqualTo(recorded("newer_cursor"));
    assertThat(CODEC.encode(passing())).isEqualTo(recorded("cursor_that_passed_over"));
    assertThat(CODEC.encode(TOKEN)).isEqualTo(recorded("consistency_token"));
    assertThat(CODEC.encodePage("posts:ann", "after")).isEqualTo(recorded("page_token"));
  }

  @Test
  void every_kind_of_token_is_recorded() {
    assertThat(RECORDED)
        .containsOnlyKeys(
            "cursor",
            "newer_cursor",
            "cursor_that_passed_over",
            "cursor_of_a_cell",
            "consistency_token",
            "page_token");
  }

  @Test
  void recorded_tokens_are_still_read() {
    assertThat(CODEC.decodeCursor(recorded("cursor"), ANN, "home")).isEqualTo(CURSOR);
    assertThat(CODEC.decodeCursor(recorded("newer_cursor"), ANN, "home")).isEqualTo(newer());
    assertThat(CODEC.decodeCursor(recorded("cursor_that_passed_over"), ANN, "home"))
        .isEqualTo(passing());
    assertThat(CODEC.decodeCursor(recorded("cursor_of_a_cell"), ANN, "home")).isEqualTo(ofCell());
    assertThat(CODEC.decodeConsistencyToken(recorded("consistency_token"))).isEqualTo(TOKEN);
    assertThat(CODEC.decodePage(recorded("page_token"), "posts:ann")).isEqualTo("after");
  }

  private static Cursor newer() {
    return new Cursor(
        ANN,
        "home",
        Cursor.Direction.NEWER,
        null,
        Watermark.NOTHING,
        MARK,
        PassedOver.NOTHING,
        List.of());
  }

  private static Cursor ofCell() {
    Watermark mark =
        new Watermark(
            POSITIONS,
            MARK.rulesAt(),
            MARK.floor(),
            MARK.newest(),
            new KnownRules(2, Map.of(2, MARK.rulesAt(), 1, 5L), 0x9f3c01aa));
    PassedOver passed =
        new PassedOver(
            List.of(new PassedOver.Stretch(null, POST, List.of(7L, 9L), 2)), List.of(POST));
    return older(POST, mark, passed);
  }

  private static Cursor passing() {
    return new Cursor(
        ANN,
        "home",
        Cursor.Direction.NEWER,
        POST,
        MARK,
        MARK,
        new PassedOver(
            List.of(
                new PassedOver.Stretch(null, POST, List.of(7L, 9L), 0),
                new PassedOver.Stretch(POST, PostId.MIN, List.of(11L), 0)),
            List.of(POST)),
        List.of(POST));
  }

  @Test
  void a_cursor_over_three_cells_of_sixteen_partitions_fits() {
    long at = HybridClock.ofMillis(1_763_650_000_123L);
    Watermark mark =
        withRules(markOf(3, 16), new KnownRules(1, Map.of(1, at, 2, at, 3, at), 0x9f3c01aa));
    UserId reader = new UserId("u".repeat(64));
    Cursor cursor = underWay(reader, mark);

    String text = CODEC.encode(cursor);

    assertThat(text).hasSizeLessThanOrEqualTo(1024);
    assertThat(CODEC.decodeCursor(text, reader, "home"))
        .as("what it has passed over had no room, and which rules its cell knew")
        .isEqualTo(cursor.withoutPassed().withoutRules());
    Cursor older =
        new Cursor(
            reader, "home", Cursor.Direction.OLDER, POST, mark, null, passed(5, POST), List.of());
    assertThat(CODEC.decodeCursor(CODEC.encode(older), reader, "home")).isEqualTo(older);
  }

  @Test
  void where_there_is_no_room_a_cursor_says_less_of_the_rules() {
    Map<Integer, Long> latest = new HashMap<>();
    for (int cell = 1; cell <= 12; cell++) latest.put(cell, HybridClock.ofMillis(cell));
    Watermark mark = withRules(markOf(3, 16), new KnownRules(1, latest, 7));
    Cursor cursor =
        new Cursor(
            ANN, "home", Cursor.Direction.NEWER, POST, mark, mark, passed(5, POST), List.of());

    assertThat(CODEC.decodeCursor(CODEC.encode(cursor), ANN, "home"))
        .isEqualTo(cursor.withoutPassed().withoutRules());
  }

  /** Of a walk towards what is newer, with everything that a cursor may say. */
  private static Cursor underWay(UserId reader, Watermark mark) {
    return new Cursor(
        reader,
        "home",
        Cursor.Direction.NEWER,
        POST,
        mark,
        mark,
        passed(5, POST),
        List.of(POST, POST));
  }

  private static Watermark withRules(Watermark mark, KnownRules rules) {
    return new Watermark(mark.positions(), mark.rulesAt(), mark.floor(), mark.newest(), rules);
  }

  @Test
  void positions_in_very_many_logs_have_room_and_cost_nothing_else() {
    long at = HybridClock.ofMillis(1_763_650_000_123L);
    Watermark mark = withRules(markOf(8, 16), new KnownRules(1, Map.of(1, at, 8, at), 0x9f3c01aa));
    Cursor cursor = underWay(ANN, mark);

    String text = CODEC.encode(cursor);

    assertThat(text).hasSizeBetween(1025, 4096);
    assertThat(CODEC.decodeCursor(text, ANN, "home")).isEqualTo(cursor);
  }

  @Test
  void a_token_that_would_be_longer_than_4_KB_is_not_given_out() {
    Cursor cursor = older(POST, markOf(8, 128), PassedOver.NOTHING);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> CODEC.encode(cursor))
        .withMessageContaining("4096");
  }

  private static Watermark markOf(int cells, int partitions) {
    Positions positions = Positions.EMPTY;
    for (int cell = 1; cell <= cells; cell++) {
      for (int partition = 0; partition < partitions; partition++) {
        positions = positions.with(new LogPartition(cell, -cell, partition), 10_000_000_000L);
      }
    }
    return new Watermark(
        positions, HybridClock.ofMillis(1_763_650_000_123L), PostId.MAX, PostId.MAX);
  }

  @Test
  void threads_do_not_disturb_each_other() {
    String expected = CODEC.encode(CURSOR);
    List<String> all =
        IntStream.range(0, 20_000)
            .parallel()
            .mapToObj(i -> CODEC.encode(CODEC.decodeCursor(expected, ANN, "home")))
            .distinct()
            .toList();

    assertThat(all).containsExactly(expected);
  }

  private static TokenException.Reason refusalOf(String text) {
    return refusal(() -> CODEC.decodeCursor(text, ANN, "home")).reason();
  }

  private static TokenException refusal(ThrowingCallable call) {
    return catchThrowableOfType(TokenException.class, call);
  }

  private static String text(byte[] token) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(token);
  }
}
