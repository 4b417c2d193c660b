package io.tideline.bench;

import java.util.Locale;
import java.util.Map;

/** Bars of medians, each with a line from the least to the most, as SVG. */
final class Chart {
  private static final int WIDTH = 720;
  private static final int LEFT = 110;
  private static final int RIGHT = 130;
  private static final int TOP = 40;
  private static final int ROW = 34;
  private static final int BAR = 20;

  private Chart() {}

  static String bars(String title, Map<String, Samples> bars) {
    double most =
        bars.values().stream()
            .flatMap(samples -> samples.values().stream())
            .mapToDouble(value -> value)
            .max()
            .orElse(1);
    double scale = (WIDTH - LEFT - RIGHT) / Math.max(most, Double.MIN_NORMAL);
    var svg = new StringBuilder();
    add(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
            + " font-family=\"sans-serif\" font-size=\"13\">",
        WIDTH,
        TOP + ROW * bars.size() + 10);
    add(svg, "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>");
    add(svg, "<text x=\"10\" y=\"24\" font-size=\"15\">%s</text>", escaped(title));
    int y = TOP;
    for (Map.Entry<String, Samples> bar : bars.entrySet()) {
      Samples samples = bar.getValue();
      if (samples.isEmpty()) continue;
      int middle = y + BAR / 2;
      add(svg, "<text x=\"10\" y=\"%d\">%s</text>", middle + 5, escaped(bar.getKey()));
      add(
          svg,
          "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"#7aa6c2\"/>",
          LEFT,
          y,
          samples.median() * scale,
          BAR);
      add(
          svg,
          "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#222\" stroke-width=\"2\"/>",
          LEFT + samples.least() * scale,
          LEFT + samples.most() * scale,
          middle,
          middle);
      add(
          svg,
          "<text x=\"%.1f\" y=\"%d\">%s</text>",
          LEFT + samples.most() * scale + 8,
          middle + 5,
          number(samples.median()));
      y += ROW;
    }
    add(svg, "</svg>");
    return svg.toString();
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, value < 100 ? "%.2f" : "%,.0f", value);
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;");
  }

  private static void add(StringBuilder svg, String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
