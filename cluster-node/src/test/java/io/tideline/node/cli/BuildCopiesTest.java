package io.tideline.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BuildCopiesTest {
  @TempDir private Path place;

  private BuildCopies copies;
  private Path library;
  private Build build;

  @BeforeEach
  void buildOnce() throws IOException {
    copies = new BuildCopies(place.resolve("builds"));
    library = Files.writeString(place.resolve("library.jar"), "of somebody else");
    Path checkout = place.resolve("checkout");
    List<Path> own = List.of(checkout.resolve("node.jar"), checkout.resolve("protocols.jar"));
    build =
        new Build(
            checkout, own.get(0) + File.pathSeparator + library + File.pathSeparator + own.get(1));
    Files.createDirectories(checkout);
    buildAs("first");
  }

  @Test
  void a_copy_stays_as_it_was_when_its_checkout_is_built_again() throws IOException {
    Build first = copies.of(build);
    buildAs("again");
    Build again = copies.of(build);

    assertThat(contents(first))
        .containsExactly("node first", "of somebody else", "protocols first");
    assertThat(contents(again))
        .containsExactly("node again", "of somebody else", "protocols again");
    assertThat(List.of(first.root(), again.root())).containsOnly(build.root());
  }

  @Test
  void the_same_build_has_the_same_copy() throws IOException {
    Build first = copies.of(build);
    buildAs("first");
    assertThat(copies.of(build)).isEqualTo(first);
  }

  @Test
  void a_cluster_that_starts_keeps_no_other_copies() throws IOException {
    Build first = copies.of(build);
    buildAs("again");
    Build again = copies.only(build);

    assertThat(entries(again)).allMatch(Files::exists);
    assertThat(entries(first)).filteredOn(Files::exists).containsExactly(library);
  }

  @Test
  void loose_classes_are_not_copied() {
    Build loose = new Build(place, place.toString());
    assertThat(copies.only(loose)).isEqualTo(loose);
  }

  private void buildAs(String version) throws IOException {
    Files.writeString(build.root().resolve("node.jar"), "node " + version);
    Files.writeString(build.root().resolve("protocols.jar"), "protocols " + version);
  }

  private static List<Path> entries(Build build) {
    return List.of(build.classPath().split(File.pathSeparator)).stream().map(Path::of).toList();
  }

  private static List<String> contents(Build build) {
    return entries(build).stream().map(BuildCopiesTest::content).toList();
  }

  private static String content(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
