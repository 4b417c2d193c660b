package io.tideline.node.api;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.List;

/** The bytes of an answer, which are sent as they are. */
final class EncodedAnswer {
  /** For grpc-java, which asks for the length and lets itself be written to. */
  static final MethodDescriptor.Marshaller<EncodedAnswer> MARSHALLER = new Marshaller();

  private final byte[] bytes;

  private EncodedAnswer(byte[] bytes) {
    this.bytes = bytes;
  }

  static EncodedAnswer of(Message answer) {
    return new EncodedAnswer(answer.toByteArray());
  }

  /**
   * An answer of which one field is encoded already.
   *
   * @param rest everything but that field
   * @param field number of a repeated field of messages
   * @param elements one message each
   */
  static EncodedAnswer of(Message rest, int field, List<byte[]> elements) {
    int size = rest.getSerializedSize();
    for (byte[] element : elements) {
      size += CodedOutputStream.computeByteArraySize(field, element);
    }
    byte[] bytes = new byte[size];
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      for (byte[] element : elements) out.writeByteArray(field, element);
      rest.writeTo(out);
    } catch (IOException e) {
      throw new UncheckedIOException("an array takes what it was sized for", e);
    }
    return new EncodedAnswer(bytes);
  }

  <M> M parse(Parser<M> parser) {
    try {
      return parser.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("a node encoded this", e);
    }
  }

  private static final class Marshaller implements MethodDescriptor.Marshaller<EncodedAnswer> {
    @Override
    public InputStream stream(EncodedAnswer answer) {
      return new Bytes(answer.bytes);
    }

    @Override
    public EncodedAnswer parse(InputStream stream) {
      try {
        return new EncodedAnswer(stream.readAllBytes());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static final class Bytes extends ByteArrayInputStream implements KnownLength, Drainable {
    Bytes(byte[] bytes) {
      super(bytes);
    }

    @Override
    public int drainTo(OutputStream target) throws IOException {
      int length = available();
      transferTo(target);
      return length;
    }
  }
}
