package io.tideline.localstack;

import java.io.BufferedOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/** The jars a server runs with, as Maven resolved them when this module was built. */
record ClassPath(String server, List<Path> jars) {

  static ClassPath of(String server) {
    String text = Resources.text(server.toLowerCase(java.util.Locale.ROOT) + ".class-path").trim();
    List<Path> jars = Stream.of(text.split(File.pathSeparator, -1)).map(Path::of).toList();
    for (Path jar : jars) {
      if (!Files.isReadable(jar)) {
        throw new LocalStackException(
            "%s needs %s, which is gone. Build again with ./mvnw to fetch it."
                .formatted(server, jar));
      }
    }
    return new ClassPath(server, Stream.concat(Stream.of(mainJar()), jars.stream()).toList());
  }

  Path jar(String prefix) {
    return jars.stream()
        .filter(jar -> jar.getFileName().toString().startsWith(prefix))
        .findFirst()
        .orElseThrow();
  }

  /** The file that class data for this class path and this Java are kept in. */
  Path archive(JavaHome java) {
    StringBuilder key = new StringBuilder().append(java);
    try {
      for (Path jar : jars) {
        key.append(jar).append(Files.getLastModifiedTime(jar)).append(Files.size(jar));
      }
      key.append(Files.getLastModifiedTime(java.executable().toRealPath()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    byte[] bytes = key.toString().getBytes(StandardCharsets.UTF_8);
    return cache().resolve(server + "-" + digest(bytes) + ".jsa");
  }

  @Override
  public String toString() {
    return String.join(File.pathSeparator, jars.stream().map(Path::toString).toList());
  }

  /** A jar with {@link ServerMain} alone: class data are archived for jars, not for directories. */
  private static Path mainJar() {
    String name = "io/tideline/localstack/ServerMain.class";
    byte[] bytes = Resources.bytes("ServerMain.class");
    Path jar = cache().resolve("main-" + digest(bytes) + ".jar");
    if (!Files.exists(jar)) {
      Path next = jar.resolveSibling(jar.getFileName() + "." + UUID.randomUUID());
      try {
        try (OutputStream file = new BufferedOutputStream(Files.newOutputStream(next));
            JarOutputStream out = new JarOutputStream(file)) {
          out.putNextEntry(new JarEntry(name));
          out.write(bytes);
        }
        Files.move(next, jar, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return jar;
  }

  /** Beside the build's other output; where that cannot be written, among temporary files. */
  private static Path cache() {
    Properties build = new Properties();
    try (InputStream in = Resources.open("build.properties")) {
      build.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String user = System.getProperty("user.name");
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"), "tideline-" + user);
    for (Path cache : List.of(Path.of(build.getProperty("target"), "cache"), temporary)) {
      try {
        Files.createDirectories(cache);
      } catch (IOException e) {
        continue;
      }
      if (Files.isWritable(cache)) {
        return cache;
      }
    }
    throw new LocalStackException("There is nowhere to keep class data: tried " + temporary);
  }

  private static String digest(byte[] bytes) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
      return HexFormat.of().formatHex(hash, 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
