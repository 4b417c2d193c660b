package io.tideline.node.api;

import io.grpc.ChannelCredentials;
import io.grpc.ServerCredentials;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.util.AdvancedTlsX509KeyManager;
import io.grpc.util.AdvancedTlsX509TrustManager;
import io.grpc.util.AdvancedTlsX509TrustManager.Verification;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import org.apache.pekko.actor.Cancellable;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.http.javadsl.ConnectionContext;
import org.apache.pekko.http.javadsl.HttpsConnectionContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The node's certificate and its key, and the authorities of its clients and of other nodes,
 * re-read when files change.
 */
final class TlsFiles implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TlsFiles.class);

  private final GrpcSettings.Tls settings;
  private final AdvancedTlsX509KeyManager keys = new AdvancedTlsX509KeyManager();
  private final @Nullable AdvancedTlsX509TrustManager clients;
  private final @Nullable AdvancedTlsX509TrustManager nodes;
  private final Cancellable reading;

  TlsFiles(ActorSystem<?> system, GrpcSettings.Tls settings) {
    this.settings = settings;
    try {
      this.clients =
          settings.clientAuthority().isEmpty()
              ? null
              : trustManager(Verification.CERTIFICATE_ONLY_VERIFICATION);
      this.nodes =
          settings.nodeAuthority().isEmpty()
              ? null
              : trustManager(Verification.CERTIFICATE_AND_HOST_NAME_VERIFICATION);
      read();
    } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "tideline.node.grpc.tls: cannot read PEM certificates and a PKCS#8 key from %s: %s"
              .formatted(settings, e.getMessage()),
          e);
    }
    this.reading =
        system
            .scheduler()
            .scheduleWithFixedDelay(
                settings.reload(),
                settings.reload(),
                this::readAgain,
                system.dispatchers().lookup(DispatcherSelector.blocking()));
  }

  private static AdvancedTlsX509TrustManager trustManager(Verification verification)
      throws GeneralSecurityException {
    return AdvancedTlsX509TrustManager.newBuilder().setVerification(verification).build();
  }

  private void read() throws IOException, GeneralSecurityException {
    keys.updateIdentityCredentials(
        readable(settings.certificateChain()), readable(settings.privateKey()));
    if (clients != null) {
      clients.updateTrustCredentials(readable(settings.clientAuthority()));
    }
    if (nodes != null) {
      nodes.updateTrustCredentials(readable(settings.nodeAuthority()));
    }
  }

  private void readAgain() {
    try {
      read();
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      log.error("Cannot read {} again; keeping what was read before", settings, e);
    }
  }

  private static File readable(String path) throws IOException {
    if (!Files.isReadable(Path.of(path))) {
      throw new IOException("there is no readable file " + path);
    }
    return new File(path);
  }

  ServerCredentials forNetty() {
    TlsServerCredentials.Builder credentials = TlsServerCredentials.newBuilder().keyManager(keys);
    if (clients != null) {
      credentials.trustManager(clients).clientAuth(TlsServerCredentials.ClientAuth.REQUIRE);
    }
    return credentials.build();
  }

  /** For calls to other nodes, which may want to see a certificate, too. */
  ChannelCredentials forCalls() {
    TlsChannelCredentials.Builder credentials = TlsChannelCredentials.newBuilder().keyManager(keys);
    if (nodes != null) credentials.trustManager(nodes);
    return credentials.build();
  }

  /** The same for the toolkit's clients. */
  SSLContext forCallsOfPekko() {
    return context(nodes);
  }

  HttpsConnectionContext forPekkoHttp() {
    SSLContext context = context(clients);
    return ConnectionContext.httpsServer(() -> serverEngine(context));
  }

  private SSLContext context(@Nullable TrustManager trusted) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(
          new KeyManager[] {keys}, trusted == null ? null : new TrustManager[] {trusted}, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has TLS", e);
    }
  }

  private SSLEngine serverEngine(SSLContext context) {
    SSLEngine engine = context.createSSLEngine();
    engine.setUseClientMode(false);
    engine.setNeedClientAuth(clients != null);
    return engine;
  }

  @Override
  public void close() {
    reading.cancel();
  }
}
