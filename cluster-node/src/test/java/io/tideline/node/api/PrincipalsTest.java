package io.tideline.node.api;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import com.google.rpc.ErrorInfo;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.tideline.protocols.UserId;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.grpc.javadsl.MetadataBuilder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrincipalsTest {
  private static final ActorTestKit KIT = TestServer.kit("PrincipalsTest");
  private static final UserId ANN = new UserId("ann");

  @TempDir static Path directory;
  private static ECKey key;
  private static Principals principals;

  @BeforeAll
  static void start() throws Exception {
    key = newKey("k1");
    Path jwks = directory.resolve("jwks.json");
    Files.writeString(jwks, publicKeys(key));
    principals = startWith("jwks-file = \"" + jwks + "\"");
  }

  @AfterAll
  static void stopKit() {
    KIT.shutdownTestKit();
  }

  @Test
  void a_good_token_names_its_subject_roles_and_tenant() throws Exception {
    Principal ann =
        authenticate(
            signed(
                claims("ann").claim("roles", List.of("import", "x")).claim("tenant", "acme"), key));
    assertThat(ann)
        .returns("ann", Principal::subject)
        .returns("acme", Principal::tenant)
        .returns(java.util.Set.of("import", "x"), Principal::roles);
  }

  @Test
  void roles_may_be_one_text() throws Exception {
    assertThat(authenticate(signed(claims("ann").claim("roles", "admin service"), key)).roles())
        .containsExactlyInAnyOrder("admin", "service");
  }

  @Test
  void the_same_token_is_verified_once() throws Exception {
    String token = signed(claims("ann"), key);
    assertThat(authenticate(token)).isSameAs(authenticate(token));
  }

  @Test
  void no_token_is_refused() {
    StatusRuntimeException failure =
        catchThrowableOfType(
            StatusRuntimeException.class, () -> principals.authenticate(MetadataBuilder.empty()));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
    assertThat(reasonOf(failure)).isEqualTo("TOKEN_MISSING");
  }

  @Test
  void an_expired_token_is_refused() throws Exception {
    JWTClaimsSet.Builder expired =
        claims("ann").expirationTime(Date.from(Instant.now().minusSeconds(120)));
    assertRefused(signed(expired, key), "TOKEN_EXPIRED");
  }

  @Test
  void a_token_expires_in_the_cache_too() throws Exception {
    Principals strict =
        startWith("clock-skew = 0s, jwks-file = \"" + directory.resolve("jwks.json") + "\"");
    String token =
        signed(claims("ann").expirationTime(Date.from(Instant.now().plusSeconds(2))), key);
    strict.authenticate(bearer(token));
    await()
        .untilAsserted(
            () ->
                assertThatThrownBy(() -> strict.authenticate(bearer(token)))
                    .hasMessageContaining("expired"));
  }

  @Test
  void a_token_for_another_audience_is_refused() throws Exception {
    assertRefused(signed(claims("ann").audience("other"), key), "TOKEN_INVALID");
  }

  @Test
  void a_token_of_another_issuer_is_refused() throws Exception {
    assertRefused(signed(claims("ann").issuer("https://other"), key), "TOKEN_INVALID");
  }

  @Test
  void a_token_without_subject_or_expiry_is_refused() throws Exception {
    assertRefused(signed(claims("ann").subject(null), key), "TOKEN_INVALID");
    assertRefused(signed(claims("ann").expirationTime(null), key), "TOKEN_INVALID");
  }

  @Test
  void a_token_signed_by_another_key_of_the_same_name_is_refused() throws Exception {
    assertRefused(signed(claims("ann"), newKey("k1")), "TOKEN_INVALID");
  }

  @Test
  void unsigned_tokens_secrets_and_garbage_are_refused() throws Exception {
    assertRefused("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.", "TOKEN_INVALID");
    SignedJWT secret = new SignedJWT(new JWSHeader(JWSAlgorithm.HS256), claims("ann").build());
    secret.sign(new MACSigner(new byte[32]));
    assertRefused(secret.serialize(), "TOKEN_INVALID");
    assertRefused("garbage", "TOKEN_INVALID");
    assertRefused("", "TOKEN_INVALID");
  }

  @Test
  void a_subject_acts_for_itself_only() throws Exception {
    Principal ann = authenticate(signed(claims("ann"), key));
    assertThatCode(() -> principals.requireUser(ann, ANN)).doesNotThrowAnyException();
    StatusRuntimeException failure =
        catchThrowableOfType(
            StatusRuntimeException.class, () -> principals.requireUser(ann, new UserId("bob")));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(reasonOf(failure)).isEqualTo("NOT_THE_USER");
  }

  @Test
  void a_process_may_ask_itself_in_the_name_of_one_user() throws Exception {
    Principal ann = authenticate(principals.ownToken(ANN));
    assertThat(ann).isEqualTo(new Principal("ann", java.util.Set.of(), ""));
    Principals other = startWith("jwks-file = \"" + directory.resolve("jwks.json") + "\"");
    assertRefused(other.ownToken(ANN), "TOKEN_INVALID");
    assertRefused(principals.ownToken(ANN).replace("/ann", "/bob"), "TOKEN_INVALID");
    assertRefused("own/ann", "TOKEN_INVALID");
    assertRefused("own/", "TOKEN_INVALID");
  }

  @Test
  void services_importers_and_admins_act_for_all() throws Exception {
    for (String role : List.of("service", "import", "admin")) {
      Principal caller = authenticate(signed(claims("job").claim("roles", role), key));
      assertThatCode(() -> principals.requireUser(caller, ANN)).doesNotThrowAnyException();
    }
  }

  @Test
  void a_role_is_required_unless_one_is_an_admin() throws Exception {
    Principal service = authenticate(signed(claims("job").claim("roles", "service"), key));
    Principal admin = authenticate(signed(claims("job").claim("roles", "admin"), key));
    assertThatThrownBy(() -> principals.requireRole(service, Principal.IMPORT))
        .hasMessageContaining("PERMISSION_DENIED");
    assertThatCode(() -> principals.requireRole(service, Principal.SERVICE))
        .doesNotThrowAnyException();
    assertThatCode(() -> principals.requireRole(admin, Principal.IMPORT))
        .doesNotThrowAnyException();
  }

  @Test
  void what_only_the_user_and_admins_may_do_is_refused_to_all_others() throws Exception {
    Principal ann = authenticate(signed(claims("ann"), key));
    Principal bob = authenticate(signed(claims("bob"), key));
    Principal admin = authenticate(signed(claims("job").claim("roles", "admin"), key));
    assertThatCode(() -> principals.requireUserOrAdmin(ann, ANN)).doesNotThrowAnyException();
    assertThatCode(() -> principals.requireUserOrAdmin(admin, ANN)).doesNotThrowAnyException();
    assertThatThrownBy(() -> principals.requireUserOrAdmin(bob, ANN))
        .hasMessageContaining("PERMISSION_DENIED");
    for (String role : List.of("service", "import")) {
      Principal other = authenticate(signed(claims("job").claim("roles", role), key));
      assertThatThrownBy(() -> principals.requireUserOrAdmin(other, ANN))
          .hasMessageContaining("PERMISSION_DENIED");
    }
  }

  @Test
  void keys_are_fetched_from_a_url_without_waiting_and_again_for_a_new_key() throws Exception {
    ECKey second = newKey("k2");
    Path published = Files.writeString(directory.resolve("published"), publicKeys(key));
    HttpServer issuer = issuer(exchange -> answer(exchange, 200, Files.readAllBytes(published)));
    try {
      Principals remote = startWith("jwks-refresh = 1s, " + keysOf(issuer));
      String old = signed(claims("ann"), key);
      await()
          .ignoreExceptions()
          .untilAsserted(
              () -> assertThat(remote.authenticate(bearer(old)).subject()).isEqualTo("ann"));
      Files.writeString(published, publicKeys(second));
      String fresh = signed(claims("bob"), second);
      await()
          .ignoreExceptions()
          .untilAsserted(
              () -> assertThat(remote.authenticate(bearer(fresh)).subject()).isEqualTo("bob"));
      // The old key is gone, and with it what it had signed; UNAVAILABLE while keys are read again.
      await()
          .untilAsserted(
              () ->
                  assertThatThrownBy(() -> remote.authenticate(bearer(old)))
                      .hasMessageContaining("UNAUTHENTICATED"));
    } finally {
      issuer.stop(0);
    }
  }

  @Test
  void while_the_issuer_is_away_callers_are_asked_to_try_again() throws Exception {
    Principals remote = startWith("jwks-url = \"http://127.0.0.1:1/keys\"");
    StatusRuntimeException failure =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () -> remote.authenticate(bearer(signed(claims("ann"), key))));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(reasonOf(failure)).isEqualTo("SIGNING_KEYS_UNKNOWN");
  }

  @Test
  void an_issuer_that_was_away_when_the_node_started_is_asked_again_soon() throws Exception {
    var asked = new AtomicInteger();
    byte[] keys = publicKeys(key).getBytes(UTF_8);
    HttpServer issuer =
        issuer(exchange -> answer(exchange, asked.getAndIncrement() > 0 ? 200 : 503, keys));
    try {
      Principals remote = startWith(keysOf(issuer));
      String token = signed(claims("ann"), key);
      await()
          .ignoreExceptions()
          .untilAsserted(
              () -> assertThat(remote.authenticate(bearer(token)).subject()).isEqualTo("ann"));
    } finally {
      issuer.stop(0);
    }
  }

  @Test
  void a_node_that_checks_nobody_starts_on_loopback_only() {
    AuthSettings none = AuthSettings.from(TestServer.config("tideline.node.auth", ""));
    for (String host : List.of("127.0.0.1", "localhost", "::1")) {
      Principals open = Principals.start(KIT.system(), none, host);
      Principal anybody = open.authenticate(MetadataBuilder.empty());
      assertThatCode(() -> open.requireUser(anybody, ANN)).doesNotThrowAnyException();
      assertThatCode(() -> open.requireRole(anybody, Principal.IMPORT)).doesNotThrowAnyException();
    }
    assertThatThrownBy(() -> Principals.start(KIT.system(), none, "0.0.0.0"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("tideline.node.auth.mode")
        .hasMessageContaining("0.0.0.0");
  }

  @Test
  void settings_that_cannot_work_say_why() {
    assertThatThrownBy(() -> startWith("")).hasMessageContaining("jwks-file");
    assertThatThrownBy(() -> startWith("jwks-file = \"/no/such/file\""))
        .hasMessageContaining("/no/such/file");
    assertThatThrownBy(() -> startWith("jwks-file = x, audience = \"\""))
        .hasMessageContaining("audience");
    assertThatThrownBy(
            () -> AuthSettings.from(TestServer.config("tideline.node.auth", "mode = maybe")))
        .hasMessageContaining("maybe");
  }

  private static Principals startWith(String settings) {
    return Principals.start(
        KIT.system(),
        AuthSettings.from(
            TestServer.config(
                "tideline.node.auth",
                "mode = jwt, issuer = \"https://issuer\", audience = tideline\n" + settings)),
        "0.0.0.0");
  }

  private static Principal authenticate(String token) {
    return principals.authenticate(bearer(token));
  }

  private static org.apache.pekko.grpc.javadsl.Metadata bearer(String token) {
    return new MetadataBuilder().addText("authorization", "Bearer " + token).build();
  }

  private static void assertRefused(String token, String reason) {
    StatusRuntimeException failure =
        catchThrowableOfType(StatusRuntimeException.class, () -> authenticate(token));
    assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
    assertThat(reasonOf(failure)).isEqualTo(reason);
  }

  private static String reasonOf(StatusRuntimeException failure) {
    return GrpcServerContract.detail(failure, ErrorInfo.class).getReason();
  }

  private static JWTClaimsSet.Builder claims(String subject) {
    return new JWTClaimsSet.Builder()
        .subject(subject)
        .issuer("https://issuer")
        .audience("tideline")
        .expirationTime(Date.from(Instant.now().plusSeconds(300)));
  }

  private static ECKey newKey(String id) throws JOSEException {
    return new ECKeyGenerator(Curve.P_256).keyID(id).generate();
  }

  private static HttpServer issuer(HttpHandler keys) throws IOException {
    HttpServer issuer =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    issuer.createContext("/keys", keys);
    issuer.start();
    return issuer;
  }

  private static void answer(HttpExchange exchange, int status, byte[] body) throws IOException {
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private static String keysOf(HttpServer issuer) {
    return "jwks-url = \"http://127.0.0.1:%d/keys\"".formatted(issuer.getAddress().getPort());
  }

  private static String publicKeys(ECKey key) {
    return new JWKSet(key).toPublicJWKSet().toString();
  }

  private static String signed(JWTClaimsSet.Builder claims, ECKey key) throws JOSEException {
    SignedJWT jwt =
        new SignedJWT(
            new JWSHeader.Builder(JWSAlgorithm.ES256).keyID(key.getKeyID()).build(),
            claims.build());
    jwt.sign(new ECDSASigner(key));
    return jwt.serialize();
  }
}
