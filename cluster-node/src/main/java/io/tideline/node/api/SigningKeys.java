package io.tideline.node.api;

import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.util.DefaultResourceRetriever;
import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.concurrent.ExecutionContextExecutor;

/**
 * The public keys of the issuer of tokens, read from a file or a URL and read again in the
 * background; whoever asks for them never waits.
 */
final class SigningKeys {
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Duration RETRY = Duration.ofSeconds(5);

  /** Tokens with made-up key ids must not make a node ask the issuer more often than this. */
  private static final long LEAST_NANOS_BETWEEN_READS = Duration.ofSeconds(10).toNanos();

  private static final int LARGEST_SET_BYTES = 1 << 20;
  private static final Logger log = LoggerFactory.getLogger(SigningKeys.class);

  private final ActorSystem<?> system;
  private final AuthSettings settings;
  private final ExecutionContextExecutor blocking;
  private final AtomicBoolean reading = new AtomicBoolean();
  private volatile long lastRead = System.nanoTime() - LEAST_NANOS_BETWEEN_READS;
  private volatile @Nullable JWKSet keys;

  private SigningKeys(ActorSystem<?> system, AuthSettings settings) {
    this.system = system;
    this.settings = settings;
    this.blocking = system.dispatchers().lookup(DispatcherSelector.blocking());
  }

  /** A file must be there now; a URL may answer later. */
  static SigningKeys start(ActorSystem<?> system, AuthSettings settings) {
    SigningKeys signingKeys = new SigningKeys(system, settings);
    if (settings.jwksFile().isEmpty()) {
      signingKeys.readSoon();
    } else {
      try {
        signingKeys.keys = signingKeys.fetch();
      } catch (IOException | ParseException e) {
        throw new IllegalArgumentException(
            "tideline.node.auth.jwks-file: cannot read keys from " + settings.jwksFile(), e);
      }
    }
    signingKeys.readLater();
    return signingKeys;
  }

  /** Null until they have been read for the first time. */
  @Nullable JWKSet current() {
    return keys;
  }

  /** Whether the keys are being read, so that what is unknown now may be known in a moment. */
  boolean readSoon() {
    if (reading.get()) {
      return true;
    }
    if (System.nanoTime() - lastRead < LEAST_NANOS_BETWEEN_READS
        || !reading.compareAndSet(false, true)) {
      return reading.get();
    }
    blocking.execute(this::read);
    return true;
  }

  private void readLater() {
    Duration pause = keys == null ? RETRY : settings.jwksRefresh();
    system.scheduler().scheduleOnce(pause, this::readOnSchedule, blocking);
  }

  private void readOnSchedule() {
    if (reading.compareAndSet(false, true)) {
      read();
    }
    readLater();
  }

  private void read() {
    lastRead = System.nanoTime();
    try {
      JWKSet read = fetch();
      if (!read.equals(keys)) {
        keys = read;
        log.info("Read {} signing keys from {}", read.size(), source());
      }
    } catch (IOException | ParseException | RuntimeException e) {
      log.error("Cannot read signing keys from {}; keeping those known", source(), e);
    } finally {
      reading.set(false);
    }
  }

  private JWKSet fetch() throws IOException, ParseException {
    if (!settings.jwksFile().isEmpty()) {
      return JWKSet.parse(Files.readString(Path.of(settings.jwksFile())));
    }
    int timeout = (int) TIMEOUT.toMillis();
    URL url = URI.create(settings.jwksUrl()).toURL();
    return JWKSet.parse(
        new DefaultResourceRetriever(timeout, timeout, LARGEST_SET_BYTES)
            .retrieveResource(url)
            .getContent());
  }

  private String source() {
    return settings.jwksFile().isEmpty() ? settings.jwksUrl() : settings.jwksFile();
  }
}
