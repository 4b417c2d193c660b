package io.tideline.bench.side;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Who follows whom, for a front to know. */
final class FollowersFile {
  private FollowersFile() {}

  static void write(Path file, Map<String, List<String>> followers) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      try (var out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
        out.writeInt(followers.size());
        for (Map.Entry<String, List<String>> author : followers.entrySet()) {
          out.writeUTF(author.getKey());
          out.writeInt(author.getValue().size());
          for (String follower : author.getValue()) out.writeUTF(follower);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file, e);
    }
  }

  static Map<String, List<String>> read(Path file) throws IOException {
    Map<String, List<String>> followers = new HashMap<>();
    Map<String, String> names = new HashMap<>();
    try (var in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      for (int authors = in.readInt(); authors > 0; authors--) {
        String author = in.readUTF();
        int count = in.readInt();
        List<String> of = new ArrayList<>(count);
        for (int i = 0; i < count; i++) of.add(names.computeIfAbsent(in.readUTF(), name -> name));
        followers.put(author, of);
      }
    }
    return followers;
  }
}
