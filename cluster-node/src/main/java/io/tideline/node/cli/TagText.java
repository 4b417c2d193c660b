package io.tideline.node.cli;

import picocli.CommandLine.ITypeConverter;

/** A tag as people write it: the API wants it without the {@code #} that they may put in front. */
final class TagText implements ITypeConverter<String> {
  @Override
  public String convert(String text) {
    return text.startsWith("#") ? text.substring(1) : text;
  }
}
