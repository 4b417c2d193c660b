package io.tideline.node.cli;

import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** When a mute or a rule ends. */
final class EndOptions {
  private static final Pattern SPAN = Pattern.compile("([1-9][0-9]{0,4})([smhd])");

  @Option(
      names = "--for",
      paramLabel = "SPAN",
      converter = Span.class,
      description = "how long, for example 30s, 45m, 2h or 7d; default: for ever")
  private @Nullable Duration span;

  @Option(
      names = "--until",
      paramLabel = "TIME",
      converter = Time.class,
      description = "when it ends, for example 2030-12-31T18:00Z")
  private @Nullable Instant time;

  /** As the API counts it: 0 = never. */
  long untilMillis() {
    if (time != null) return time.toEpochMilli();
    return span == null ? 0 : Instant.now().plus(span).toEpochMilli();
  }

  static final class Span implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      Matcher parts = SPAN.matcher(text);
      if (!parts.matches()) {
        throw new TypeConversionException("expected a span like 45m, 2h or 7d, not `" + text + "`");
      }
      int number = Integer.parseInt(parts.group(1));
      return switch (parts.group(2)) {
        case "s" -> Duration.ofSeconds(number);
        case "m" -> Duration.ofMinutes(number);
        case "h" -> Duration.ofHours(number);
        default -> Duration.ofDays(number);
      };
    }
  }

  static final class Time implements ITypeConverter<Instant> {
    @Override
    public Instant convert(String text) {
      try {
        return OffsetDateTime.parse(text).toInstant();
      } catch (DateTimeParseException e) {
        throw new TypeConversionException(
            "expected a time like 2030-12-31T18:00Z, not `" + text + "`");
      }
    }
  }
}
