package io.tideline.persistence.user;

import static org.assertj.core.api.Assertions.assertThat;

import io.tideline.protocols.v1.Media;
import io.tideline.protocols.v1.Post;
import java.util.List;
import java.util.Locale;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.constraints.NotEmpty;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WordsTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          The tide, at last.        | tide
          The tide, at last.        | tide at last
          The tide, at last.        | "  Tide - at "
          The TIDE                  | tide
          STRASSE                   | straße
          STRAẞE                    | straße
          straße                    | STRASSE
          ΟΔΟΣ                      | οδος
          ΟΔΟΣ.ΑΒ                   | οδοσ
          ΐχνος                     | Ϊ́ΧΝΟΣ
          KAPI                      | kapı
          I don’t know              | don't
          I don't know              | don’t know
          пʼять                     | п'ять
          a 'quoted' word           | quoted
          the dogs' home            | dogs home
          e-mail                    | mail
          e-mail                    | e mail
          a #tide in the text       | tide
          a tide in the text        | #tide
          a snake_case name         | snake_case
          an _emphatic_ word        | emphatic
          in 1984 it was            | 1984
          version 1.2.3             | 1.2
          C++ and C                 | c++
          Ｆｕｌｌ ｗｉｄｔｈ        | full width
          ﬁsh                       | FISH
          wave 🌊 again             | 🌊
          wave🌊again               | wave 🌊
          🌊🌊🔥                    | 🌊🔥
          ❤️                        | ❤
          👍🏽                        | 👍
          👩‍💻                        | 💻
          🇫🇷🇩🇪                      | 🇩🇪
          来週の津波情報            | 津波
          来週の津波情報            | 津波情報
          iPhone発売                | iphone
          コーヒーを飲む            | コーヒー
          ｺｰﾋｰ                      | コーヒー
          ฉันรักทะเล                | ทะเล
          पानी और हवा               | हवा
          바다 이야기               | 바다
          Wellen­brecher        | wellenbrecher
          """)
  void a_phrase_is_found(String text, String phrase) {
    assertThat(found(text, phrase)).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          The tides                 | tide
          riptide                   | tide
          at the last               | at last
          I don't know              | don
          I don't know              | t
          a snake_case name         | snake
          the year 19845            | 1984
          only C here               | c++
          café                      | cafe
          पानी                      | पान
          wave 🌊                   | 🔥
          🇦🇺🇸🇪                      | 🇺🇸
          津と波                    | 津波
          바다코끼리                | 바다
          the end                   | the end of
          """)
  void something_else_is_not_found(String text, String phrase) {
    assertThat(found(text, phrase)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "...", "#", "'", "_", "\u0301", "\uFE0F", "\uD83C"})
  void what_has_no_words_is_found_nowhere(String phrase) {
    assertThat(Words.of(phrase).isEmpty()).isTrue();
    assertThat(found("some text", phrase)).isFalse();
    assertThat(found(phrase, phrase)).isFalse();
  }

  @Test
  void an_emoji_that_this_java_does_not_know_is_a_word() {
    String unassigned = Character.toString(0x1FAFF);

    assertThat(found("so " + unassigned + "!", unassigned)).isTrue();
  }

  @Test
  void all_that_a_post_says_is_looked_at_and_no_two_fields_join() {
    Words post =
        Words.of(
            Post.newBuilder()
                .setTitle("High tide")
                .setText("at the pier")
                .addMedia(Media.newBuilder().setDescription("A wave"))
                .addMedia(Media.newBuilder())
                .addMedia(Media.newBuilder().setDescription("breaks"))
                .addTags("moon")
                .build());

    assertThat(List.of("high tide", "AT THE PIER", "a wave", "breaks"))
        .allMatch(phrase -> post.contain(Words.of(phrase)));
    assertThat(List.of("tide at", "pier a", "wave breaks", "moon"))
        .noneMatch(phrase -> post.contain(Words.of(phrase)));
  }

  @Provide
  Arbitrary<String> spacedWords() {
    return Arbitraries.strings()
        .withChars("abzßẞäéiıİøσςΣΐжЖїשمआक가나09")
        .ofMinLength(1)
        .ofMaxLength(6);
  }

  @Provide
  Arbitrary<String> words() {
    return Arbitraries.frequencyOf(
        Tuple.of(3, spacedWords()),
        Tuple.of(1, Combinators.combine(spacedWords(), spacedWords()).as((a, b) -> a + "'" + b)),
        Tuple.of(1, Arbitraries.strings().withChars("津波のコーทะ").ofLength(2)),
        Tuple.of(1, Arbitraries.of("🌊", "👍🏽", "👩‍💻", "🇩🇪", "❤️", "1️⃣")));
  }

  @Provide
  Arbitrary<String> separators() {
    return Arbitraries.of(" ", ", ", ".", "-", "\n", " #", " (", "’ ", "…", "\u3000", "\u200B");
  }

  @Property
  void a_phrase_cut_from_a_text_between_words_is_found(
      @ForAll("someWords") @NotEmpty List<String> words,
      @ForAll("separators") String separator,
      @ForAll("separators") String other,
      @ForAll int from,
      @ForAll int length) {
    int first = Math.floorMod(from, words.size());
    int count = 1 + Math.floorMod(length, words.size() - first);
    String phrase = String.join(other, words.subList(first, first + count));

    assertThat(found(String.join(separator, words), phrase)).isTrue();
  }

  @Provide
  Arbitrary<List<String>> someWords() {
    return words().list().ofMaxSize(8);
  }

  @Property
  void whatever_is_between_spaces_is_found(@ForAll String before, @ForAll String after) {
    String text = before + " " + after;

    assertThat(found(text, before)).isEqualTo(!Words.of(before).isEmpty());
    assertThat(found(text, after)).isEqualTo(!Words.of(after).isEmpty());
  }

  @Property
  void case_does_not_matter(@ForAll("someWords") List<String> words) {
    String text = String.join(" ", words);
    String asWords = Words.of(text).toString();

    assertThat(Words.of(text.toUpperCase(Locale.ROOT))).hasToString(asWords);
    assertThat(Words.of(text.toLowerCase(Locale.ROOT))).hasToString(asWords);
  }

  @Property
  void a_part_of_a_longer_word_is_not_found(
      @ForAll("spacedWords") String part,
      @ForAll("spacedWords") String more,
      @ForAll("separators") String separator) {
    String around = "x" + separator + "x" + separator;

    assertThat(found(around + part + more + separator, part)).isFalse();
    assertThat(found(around + more + part + separator, part)).isFalse();
  }

  private static boolean found(String text, String phrase) {
    return Words.of(text).contain(Words.of(phrase));
  }
}
