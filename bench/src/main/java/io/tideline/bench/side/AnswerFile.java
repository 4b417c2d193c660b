package io.tideline.bench.side;

import io.tideline.protocols.v1.ReadFeedResponse;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Answers of Tideline in a file, each with the reader and the cursor that it answers. */
final class AnswerFile implements AutoCloseable {
  private final DataOutputStream out;

  private AnswerFile(DataOutputStream out) {
    this.out = out;
  }

  static AnswerFile create(Path file) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      return new AnswerFile(
          new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file))));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  synchronized void add(String reader, String cursor, ReadFeedResponse answer) {
    try {
      out.writeUTF(reader);
      out.writeUTF(cursor);
      byte[] bytes = answer.toByteArray();
      out.writeInt(bytes.length);
      out.write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** All answers, by {@link #key}. */
  static Map<String, byte[]> read(Path file) throws IOException {
    Map<String, byte[]> answers = new HashMap<>();
    try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      while (true) {
        String reader;
        try {
          reader = in.readUTF();
        } catch (EOFException end) {
          return answers;
        }
        String cursor = in.readUTF();
        byte[] bytes = new byte[in.readInt()];
        in.readFully(bytes);
        answers.put(key(reader, cursor), bytes);
      }
    }
  }

  /** A cursor belongs to one reader only. */
  static String key(String reader, String cursor) {
    return cursor.isEmpty() ? reader : cursor;
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
