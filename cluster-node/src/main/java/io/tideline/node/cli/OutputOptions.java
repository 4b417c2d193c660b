package io.tideline.node.cli;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** How a command answers. */
final class OutputOptions {
  @Spec(Target.MIXEE)
  private CommandSpec command = CommandSpec.create();

  @Option(
      names = "--output",
      paramLabel = "text|json",
      defaultValue = "text",
      description = "text for people (default), json for scripts: one document per line")
  private Output.Format format = Output.Format.text;

  Output output() {
    return new Output(format, command.commandLine().getOut());
  }
}
