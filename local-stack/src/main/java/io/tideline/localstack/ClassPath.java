package io.tideline.localstack;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/** The jars a server runs with, as Maven resolved them when this module was built. */
record ClassPath(String server, List<Path> jars) {
  private static final String PACKAGE = "io/tideline/localstack";

  static ClassPath of(String server) {
    String text = Resources.text(server.toLowerCase(Locale.ROOT) + ".class-path").trim();
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

  /** A jar of this whole package, for a JVM that must not depend on what becomes of the build. */
  static Path packageJar() {
    try {
      Path source =
          Path.of(ClassPath.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      if (Files.isDirectory(source)) {
        return jarOf("local-stack", filesIn(source.resolve(PACKAGE)));
      }
      try (FileSystem jar = FileSystems.newFileSystem(source)) {
        return jarOf("local-stack", filesIn(jar.getPath(PACKAGE)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A jar with {@link ServerMain} alone: class data are archived for jars, not for directories. */
  private static Path mainJar() {
    return jarOf("main", Map.of("ServerMain.class", Resources.bytes("ServerMain.class")));
  }

  private static SortedMap<String, byte[]> filesIn(Path directory) throws IOException {
    SortedMap<String, byte[]> files = new TreeMap<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
      for (Path entry : entries) {
        files.put(entry.getFileName().toString(), Files.readAllBytes(entry));
      }
    }
    return files;
  }

  private static Path jarOf(String name, Map<String, byte[]> files) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    files.forEach(
        (file, bytes) -> {
          content.writeBytes(file.getBytes(StandardCharsets.UTF_8));
          content.writeBytes(bytes);
        });
    Path jar = cache().resolve(name + "-" + digest(content.toByteArray()) + ".jar");
    if (!Files.exists(jar)) {
      Path next = jar.resolveSibling(jar.getFileName() + "." + UUID.randomUUID());
      try {
        try (OutputStream file = new BufferedOutputStream(Files.newOutputStream(next));
            JarOutputStream out = new JarOutputStream(file)) {
          for (Map.Entry<String, byte[]> entry : files.entrySet()) {
            out.putNextEntry(new JarEntry(PACKAGE + "/" + entry.getKey()));
            out.write(entry.getValue());
          }
        }
        Files.move(next, jar, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return jar;
  }

  /** Beside the build's other output; where that cannot be written, among temporary files. */
  static Path cache() {
    Properties build = new Properties();
    try {
      build.load(new StringReader(Resources.text("build.properties")));
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
