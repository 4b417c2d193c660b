package io.tideline.node.api;

import io.grpc.ServerCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.util.AdvancedTlsX509KeyManager;
import io.grpc.util.AdvancedTlsX509TrustManager;
import java.io.File;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import org.apache.pekko.http.javadsl.ConnectionContext;
import org.apache.pekko.http.javadsl.HttpsConnectionContext;
import org.jspecify.annotations.Nullable;

/**
 * The server's certificate, its key and the authority of its clients, re-read when files change.
 */
final class TlsFiles implements AutoCloseable {
  private final ScheduledExecutorService reloader =
      Executors.newSingleThreadScheduledExecutor(TlsFiles::reloaderThread);
  private final AdvancedTlsX509KeyManager keys = new AdvancedTlsX509KeyManager();
  private final @Nullable AdvancedTlsX509TrustManager clients;

  TlsFiles(GrpcSettings.Tls settings) {
    try {
      keys.updateIdentityCredentials(
          new File(settings.certificateChain()),
          new File(settings.privateKey()),
          settings.reload().toMillis(),
          TimeUnit.MILLISECONDS,
          reloader);
      clients =
          settings.clientAuthority().isEmpty()
              ? null
              : trusting(new File(settings.clientAuthority()), settings.reload());
    } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
      reloader.shutdownNow();
      throw new IllegalArgumentException(
          "tideline.node.grpc.tls: cannot read PEM certificates and a PKCS#8 key from "
              + settings
              + ": "
              + e.getMessage(),
          e);
    }
  }

  private AdvancedTlsX509TrustManager trusting(File authority, Duration reload)
      throws IOException, GeneralSecurityException {
    AdvancedTlsX509TrustManager manager =
        AdvancedTlsX509TrustManager.newBuilder()
            .setVerification(AdvancedTlsX509TrustManager.Verification.CERTIFICATE_ONLY_VERIFICATION)
            .build();
    manager.updateTrustCredentials(authority, reload.toMillis(), TimeUnit.MILLISECONDS, reloader);
    return manager;
  }

  ServerCredentials forNetty() {
    TlsServerCredentials.Builder credentials = TlsServerCredentials.newBuilder().keyManager(keys);
    if (clients != null) {
      credentials.trustManager(clients).clientAuth(TlsServerCredentials.ClientAuth.REQUIRE);
    }
    return credentials.build();
  }

  HttpsConnectionContext forPekkoHttp() {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(
          new KeyManager[] {keys}, clients == null ? null : new TrustManager[] {clients}, null);
      return ConnectionContext.httpsServer(() -> serverEngine(context));
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
    reloader.shutdownNow();
  }

  private static Thread reloaderThread(Runnable work) {
    Thread thread = new Thread(work, "tideline-grpc-tls-reload");
    thread.setDaemon(true);
    return thread;
  }
}
