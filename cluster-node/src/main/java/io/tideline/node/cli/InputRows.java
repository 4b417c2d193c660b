package io.tideline.node.cli;

import io.tideline.protocols.UserId;
import java.io.BufferedReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PushbackInputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/** The lines of an input file, plain or gzip, with their numbers. */
final class InputRows {
  private InputRows() {}

  /** Takes one line; line numbers start at 1. */
  interface LineTaker {
    void take(long number, String line);
  }

  /** A line that does not say what it should. */
  static final class BadRow extends RuntimeException {
    private static final long serialVersionUID = 1L;

    BadRow(String message) {
      super(message);
    }
  }

  /** Fails unless the file is there and can be read more than once, which a pipe cannot. */
  static void requireFile(Path file) {
    if (!Files.exists(file)) {
      throw new CommandFailure(ExitCode.USAGE, "there is no file " + file);
    }
    if (!Files.isRegularFile(file)) {
      throw new CommandFailure(
          ExitCode.USAGE, file + " is not a plain file; its rows are counted before they are read");
    }
  }

  static void forEachLine(Path file, LineTaker taker) {
    try (BufferedReader reader = open(file)) {
      long number = 0;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        taker.take(++number, line);
      }
    } catch (NoSuchFileException | FileNotFoundException e) {
      throw new CommandFailure(ExitCode.USAGE, "there is no file " + file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static BufferedReader open(Path file) throws IOException {
    var in = new PushbackInputStream(Files.newInputStream(file), 2);
    try {
      byte[] start = in.readNBytes(2);
      in.unread(start);
      boolean zipped = start.length == 2 && start[0] == (byte) 0x1f && start[1] == (byte) 0x8b;
      InputStream plain = zipped ? new GZIPInputStream(in, 1 << 16) : in;
      // Bytes that are not UTF-8 become replacement characters: one bad title must not end a run.
      return new BufferedReader(new InputStreamReader(plain, StandardCharsets.UTF_8), 1 << 16);
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }

  static UserId user(String prefix, String column) {
    try {
      return new UserId(prefix + column);
    } catch (IllegalArgumentException e) {
      throw new BadRow(String.valueOf(e.getMessage()));
    }
  }
}
