package io.tideline.protocols;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.OneofDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import io.tideline.protocols.log.v1.BackfillProto;
import io.tideline.protocols.log.v1.CursorProto;
import io.tideline.protocols.log.v1.IntentLineProto;
import io.tideline.protocols.log.v1.PostLineProto;
import io.tideline.protocols.log.v1.TimelineProto;
import io.tideline.protocols.v1.ClusterServiceProto;
import io.tideline.protocols.v1.DurabilityProto;
import io.tideline.protocols.v1.FeedServiceProto;
import io.tideline.protocols.v1.FilterServiceProto;
import io.tideline.protocols.v1.GraphServiceProto;
import io.tideline.protocols.v1.PostProto;
import io.tideline.protocols.v1.PostServiceProto;
import io.tideline.protocols.v1.UserServiceProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The protobuf contracts are for ever: what was once recorded here stays as it is. */
class WireFormatTest {
  private static final String RECORDING = "wire-format.txt";
  private static final Path SOURCES = Path.of("src/main/protobuf");

  private static final List<FileDescriptor> FILES =
      List.of(
          BackfillProto.getDescriptor(),
          CursorProto.getDescriptor(),
          IntentLineProto.getDescriptor(),
          PostLineProto.getDescriptor(),
          TimelineProto.getDescriptor(),
          ClusterServiceProto.getDescriptor(),
          DurabilityProto.getDescriptor(),
          FeedServiceProto.getDescriptor(),
          FilterServiceProto.getDescriptor(),
          GraphServiceProto.getDescriptor(),
          PostProto.getDescriptor(),
          PostServiceProto.getDescriptor(),
          UserServiceProto.getDescriptor());

  @Test
  void nothing_recorded_was_removed_renamed_renumbered_or_retyped() throws IOException {
    List<String> missing = without(recorded(), contracts());

    assertThat(missing)
        .withFailMessage(
            "Clients, logs or cursors hold these; keep them, and give what is new a new"
                + " number:%n%s",
            String.join("\n", missing))
        .isEmpty();
  }

  @Test
  void everything_is_recorded() throws IOException {
    List<String> added = without(contracts(), recorded());

    assertThat(added)
        .withFailMessage(
            "Unguarded until these lines are added to %s of the coming version in compat/:%n%s",
            RECORDING, String.join("\n", added))
        .isEmpty();
  }

  @Test
  void every_proto_file_is_looked_at() throws IOException {
    try (Stream<Path> sources = Files.walk(SOURCES)) {
      assertThat(FILES)
          .extracting(FileDescriptor::getName)
          .containsExactlyInAnyOrderElementsOf(
              sources.filter(Files::isRegularFile).map(WireFormatTest::nameOf).toList());
    }
  }

  private static List<String> without(List<String> lines, List<String> others) {
    List<String> rest = new ArrayList<>(lines);
    rest.removeAll(others);
    return rest;
  }

  private static String nameOf(Path source) {
    return SOURCES.relativize(source).toString().replace('\\', '/');
  }

  private static List<String> recorded() throws IOException {
    List<String> lines = new ArrayList<>();
    for (Path file : Recordings.files(RECORDING)) lines.addAll(Files.readAllLines(file));
    return lines;
  }

  private static List<String> contracts() {
    return FILES.stream().flatMap(WireFormatTest::linesOf).toList();
  }

  private static Stream<String> linesOf(FileDescriptor file) {
    return Stream.of(
            file.getServices().stream().flatMap(WireFormatTest::linesOf),
            file.getMessageTypes().stream().flatMap(WireFormatTest::linesOf),
            file.getEnumTypes().stream().flatMap(WireFormatTest::linesOf))
        .flatMap(lines -> lines);
  }

  private static Stream<String> linesOf(ServiceDescriptor service) {
    return service.getMethods().stream().map(WireFormatTest::lineOf);
  }

  private static String lineOf(MethodDescriptor method) {
    return "rpc %s(%s%s) returns (%s%s)"
        .formatted(
            method.getFullName(),
            method.isClientStreaming() ? "stream " : "",
            method.getInputType().getFullName(),
            method.isServerStreaming() ? "stream " : "",
            method.getOutputType().getFullName());
  }

  private static Stream<String> linesOf(Descriptor message) {
    return Stream.of(
            Stream.of("message " + message.getFullName()),
            message.getFields().stream().map(WireFormatTest::lineOf),
            message.getNestedTypes().stream().flatMap(WireFormatTest::linesOf),
            message.getEnumTypes().stream().flatMap(WireFormatTest::linesOf))
        .flatMap(lines -> lines);
  }

  private static String lineOf(FieldDescriptor field) {
    return "field %s = %d %s%s%s"
        .formatted(
            field.getFullName(),
            field.getNumber(),
            field.isRepeated()
                ? "repeated "
                : field.toProto().getProto3Optional() ? "optional " : "",
            typeOf(field),
            oneofOf(field));
  }

  private static String typeOf(FieldDescriptor field) {
    return switch (field.getType()) {
      case MESSAGE -> field.getMessageType().getFullName();
      case ENUM -> field.getEnumType().getFullName();
      default -> field.getType().name().toLowerCase(Locale.ROOT);
    };
  }

  private static String oneofOf(FieldDescriptor field) {
    OneofDescriptor oneof = field.getRealContainingOneof();
    return oneof == null ? "" : " in " + oneof.getName();
  }

  private static Stream<String> linesOf(EnumDescriptor type) {
    return type.getValues().stream()
        .map(value -> "value %s = %d".formatted(value.getFullName(), value.getNumber()));
  }
}
