package io.tideline.persistence.user;

import io.tideline.persistence.timeline.Tags;
import io.tideline.protocols.v1.Media;
import io.tideline.protocols.v1.Post;
import java.lang.Character.UnicodeScript;
import java.text.Normalizer;
import java.util.EnumSet;
import java.util.Set;

/**
 * The words of a text: made once, asked often.
 *
 * <p>Case does not matter, nor does in which form a character is written. A word is
 *
 * <ul>
 *   <li>letters, digits and their marks in a row, with single apostrophes and underscores inside:
 *       {@code don't}, {@code snake_case}; hyphens, dots and what else there is between them
 *       separate words, and so the word in {@code #tide} is {@code tide};
 *   <li>each letter of a script that is written without spaces, such as Chinese, Japanese or Thai:
 *       its words are found as letters in a row, also inside longer ones;
 *   <li>each emoji, two letters of a flag together, or other symbol such as {@code +}. Skin tones
 *       do not matter, and a picture joined from several is those in a row.
 * </ul>
 *
 * <p>The rules are written out because {@link java.text.BreakIterator} takes a row of Chinese
 * characters for one word.
 */
public final class Words {
  private static final Set<UnicodeScript> UNSPACED =
      EnumSet.of(
          UnicodeScript.HAN,
          UnicodeScript.HIRAGANA,
          UnicodeScript.KATAKANA,
          UnicodeScript.THAI,
          UnicodeScript.LAO,
          UnicodeScript.KHMER,
          UnicodeScript.MYANMAR);
  private static final int FIRST_UNSPACED = 0x0E00;
  private static final int KATAKANA_LENGTHENER = 0x30FC;
  private static final int ZERO_WIDTH_SPACE = 0x200B;

  private enum Kind {
    SEPARATOR,
    LETTER,
    /** Part of a word between two letters, else a separator. */
    JOINER,
    /** Continues whatever word it follows. */
    MARK,
    /** A word by itself. */
    SINGLE,
    /** Half a flag. */
    FLAG_LETTER,
    /** As if it were not there. */
    NOTHING
  }

  // A space before each word and one after each field: what a phrase looks like is found in what a
  // text looks like, but not across two fields, where two spaces meet. Empty when there are none.
  private final String spaced;

  private Words(String spaced) {
    this.spaced = spaced;
  }

  /** The words of title, text and descriptions of media. */
  public static Words of(Post post) {
    StringBuilder spaced = new StringBuilder(post.getText().length() + post.getTitle().length());
    append(spaced, post.getTitle());
    append(spaced, post.getText());
    for (Media media : post.getMediaList()) append(spaced, media.getDescription());
    return new Words(spaced.toString());
  }

  public static Words of(String text) {
    StringBuilder spaced = new StringBuilder(text.length() + 2);
    append(spaced, text);
    return new Words(spaced.toString());
  }

  /** Whether the words of the phrase are among these, in a row; never when it has none. */
  public boolean contain(Words phrase) {
    return !phrase.isEmpty() && spaced.contains(phrase.spaced);
  }

  public boolean isEmpty() {
    return spaced.isEmpty();
  }

  private static void append(StringBuilder spaced, String field) {
    String text = folded(field);
    int start = spaced.length();
    Kind before = Kind.SEPARATOR;
    for (int i = 0, next; i < text.length(); i = next) {
      int c = text.codePointAt(i);
      next = i + Character.charCount(c);
      Kind kind = kindOf(c);
      switch (kind) {
        case NOTHING -> {}
        case SEPARATOR -> before = Kind.SEPARATOR;
        case MARK -> {
          if (before != Kind.SEPARATOR) spaced.appendCodePoint(c);
        }
        case JOINER -> {
          if (before == Kind.LETTER && letterAt(text, next)) {
            spaced.append(c == '_' ? '_' : '\'');
          } else {
            before = Kind.SEPARATOR;
          }
        }
        case LETTER, SINGLE, FLAG_LETTER -> {
          boolean goesOn = kind == before && kind != Kind.SINGLE;
          if (!goesOn) spaced.append(' ');
          spaced.appendCodePoint(c);
          before = goesOn && kind == Kind.FLAG_LETTER ? Kind.SINGLE : kind;
        }
      }
    }
    if (spaced.length() > start) spaced.append(' ');
  }

  // More than a tag needs: a final sigma is one only where words have been told apart, and the case
  // of some letters changes how they are composed.
  private static String folded(String text) {
    String folded = Tags.folded(text).replace('ς', 'σ').replace("ß", "ss");
    return Normalizer.normalize(folded, Normalizer.Form.NFKC);
  }

  private static boolean letterAt(String text, int at) {
    return at < text.length() && kindOf(text.codePointAt(at)) == Kind.LETTER;
  }

  private static Kind kindOf(int c) {
    return switch (Character.getType(c)) {
      case Character.UPPERCASE_LETTER,
          Character.LOWERCASE_LETTER,
          Character.TITLECASE_LETTER,
          Character.MODIFIER_LETTER,
          Character.OTHER_LETTER,
          Character.DECIMAL_DIGIT_NUMBER,
          Character.LETTER_NUMBER,
          Character.OTHER_NUMBER -> {
        if (isApostrophe(c)) yield Kind.JOINER;
        yield isUnspaced(c) ? Kind.SINGLE : Kind.LETTER;
      }
      case Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK, Character.ENCLOSING_MARK ->
          isVariationSelector(c) ? Kind.NOTHING : Kind.MARK;
      case Character.FORMAT -> c == ZERO_WIDTH_SPACE ? Kind.SEPARATOR : Kind.NOTHING;
      case Character.OTHER_SYMBOL -> isFlagLetter(c) ? Kind.FLAG_LETTER : Kind.SINGLE;
      // What is unassigned is most likely an emoji younger than this Java.
      case Character.MATH_SYMBOL,
          Character.CURRENCY_SYMBOL,
          Character.PRIVATE_USE,
          Character.UNASSIGNED ->
          Kind.SINGLE;
      case Character.MODIFIER_SYMBOL -> isSkinTone(c) ? Kind.NOTHING : Kind.SEPARATOR;
      default -> c == '_' || isApostrophe(c) ? Kind.JOINER : Kind.SEPARATOR;
    };
  }

  private static boolean isApostrophe(int c) {
    return c == '\'' || c == '’' || c == 'ʼ';
  }

  private static boolean isUnspaced(int c) {
    return c >= FIRST_UNSPACED
        && (c == KATAKANA_LENGTHENER || UNSPACED.contains(UnicodeScript.of(c)));
  }

  private static boolean isVariationSelector(int c) {
    return (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xE0100 && c <= 0xE01EF);
  }

  private static boolean isFlagLetter(int c) {
    return c >= 0x1F1E6 && c <= 0x1F1FF;
  }

  private static boolean isSkinTone(int c) {
    return c >= 0x1F3FB && c <= 0x1F3FF;
  }

  /** The words as they are compared, for whoever has to find out why one was met. */
  @Override
  public String toString() {
    return spaced.strip();
  }
}
