package io.tideline.node.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Asks nodes about the members of their cluster, and changes those, over the management port. */
final class ManagementClient {
  /**
   * A member as others see it.
   *
   * @param address of its cluster port, {@code pekko://tideline@host:port}
   * @param incarnation differs when the node comes back on the same port
   * @param status in lower case, or {@code unreachable}
   */
  record Member(String address, String incarnation, String status, List<String> roles) {
    String hostAndPort() {
      return address.replaceFirst(".*@", "");
    }

    String grpcAddress() {
      return role("grpc-");
    }

    String managementAddress() {
      return role("management-");
    }

    /** By an address, or by the id of this process and of no other at the address. */
    boolean isCalled(String name) {
      String[] parts = name.split("#", 2);
      return (parts[0].equals(hostAndPort()) || parts[0].equals(grpcAddress()))
          && (parts.length == 1 || parts[1].equals(unsigned(incarnation)));
    }

    /** As the topology has it. */
    private static String unsigned(String number) {
      return Long.toUnsignedString(Long.parseLong(number));
    }

    boolean isSameProcess(Member other) {
      return address.equals(other.address) && incarnation.equals(other.incarnation);
    }

    private String role(String prefix) {
      return roles.stream()
          .filter(role -> role.startsWith(prefix))
          .map(role -> role.substring(prefix.length()))
          .findFirst()
          .orElse("");
    }
  }

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration TO_CONNECT = Duration.ofSeconds(3);
  private static final Duration TO_ANSWER = Duration.ofSeconds(10);

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(TO_CONNECT)
          .build();
  private final String token;
  private Set<String> nodes;

  ManagementClient(List<String> nodes, String token) {
    this.nodes = new LinkedHashSet<>(nodes.stream().map(String::strip).toList());
    this.token = token;
  }

  /** The address of the oldest member's cluster port, where the singletons live. */
  String oldest() {
    return json(ask("GET", "/cluster/members", "")).path("oldest").asText();
  }

  /** Members, as the first node sees them that answers. */
  List<Member> members() {
    JsonNode answer = json(ask("GET", "/cluster/members", ""));
    Set<String> unreachable = new HashSet<>();
    answer.path("unreachable").forEach(node -> unreachable.add(node.path("node").asText()));
    List<Member> members = new ArrayList<>();
    for (JsonNode member : answer.path("members")) {
      String address = member.path("node").asText();
      List<String> roles = new ArrayList<>();
      member.path("roles").forEach(role -> roles.add(role.asText()));
      members.add(
          new Member(
              address,
              member.path("nodeUid").asText(),
              unreachable.contains(address)
                  ? "unreachable"
                  : member.path("status").asText().toLowerCase(Locale.ROOT),
              roles));
    }
    return members;
  }

  /** Asks others than this one from now on, if there are any: it goes. */
  void stayAwayFrom(Member gone, List<Member> members) {
    Set<String> others = new LinkedHashSet<>(nodes);
    members.stream().map(Member::managementAddress).forEach(others::add);
    others.remove(gone.managementAddress());
    others.remove("");
    if (!others.isEmpty()) nodes = others;
  }

  void leave(Member member) {
    ask("PUT", "/cluster/members/" + member.address(), "operation=Leave");
  }

  void down(Member member) {
    ask("PUT", "/cluster/members/" + member.address(), "operation=Down");
  }

  /** Only the node itself can do it. */
  void drain(Member member) {
    String address = member.managementAddress();
    if (address.isEmpty())
      throw new CommandFailure(
          ExitCode.FAILED,
          "%s does not say where its management port is; send it a SIGTERM, or use `tideline leave`"
              .formatted(member.grpcAddress()));
    checked(send(address, "POST", "/drain", ""));
  }

  /** What is said about where shards are; {@code change} is empty for nothing but a look. */
  JsonNode placement(String name, String change) {
    return change.isEmpty()
        ? json(ask("GET", "/placement", ""))
        : json(ask("PUT", "/placement/" + segment(name) + "?" + change, ""));
  }

  /** Takes back all that was said about where a node's or zone's shards are. */
  JsonNode forget(String name) {
    return json(ask("DELETE", "/placement/" + segment(name), ""));
  }

  /** How far other cells have come in the one that is asked. */
  JsonNode cells() {
    return json(ask("GET", "/cells", ""));
  }

  /** Has another cell say again all that it knows. */
  JsonNode backfill(String cell) {
    return json(ask("POST", "/cells/" + segment(cell) + "/backfill", ""));
  }

  /** A name as a part of a path. */
  private static String segment(String name) {
    return URLEncoder.encode(name, UTF_8).replace("+", "%20").replace("%3A", ":");
  }

  private HttpResponse<String> ask(String method, String path, String form) {
    CommandFailure away = new CommandFailure(ExitCode.UNAVAILABLE, "no node is named");
    for (String node : nodes) {
      try {
        return checked(send(node, method, path, form));
      } catch (CommandFailure e) {
        if (e.exitCode() != ExitCode.UNAVAILABLE) throw e;
        away = e;
      }
    }
    throw away;
  }

  private HttpResponse<String> send(String node, String method, String path, String form) {
    URI uri;
    try {
      uri = URI.create("http://" + node + path);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(
          ExitCode.USAGE, "`%s` is no address of a node, expected host:port".formatted(node));
    }
    try {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(uri)
              .timeout(TO_ANSWER)
              .method(
                  method, form.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(form))
              .header("Content-Type", "application/x-www-form-urlencoded");
      if (!token.isEmpty()) request.header("Authorization", "Bearer " + token);
      return http.send(request.build(), BodyHandlers.ofString());
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.UNAVAILABLE,
          "no node answers on %s (%s): is that a management port?"
              .formatted(node, e.getClass().getSimpleName()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure(ExitCode.FAILED, "interrupted");
    }
  }

  private static HttpResponse<String> checked(HttpResponse<String> response) {
    int status = response.statusCode();
    if (status < 300) return response;
    String said = json(response).path("message").asText();
    String what =
        switch (status) {
          case 401 -> "the token does not fit, or there is none: --token";
          case 404 ->
              said.isEmpty()
                  ? "%s is not there: is that a management port?".formatted(response.uri())
                  : said;
          default -> said.isEmpty() ? "%s answers %d".formatted(response.uri(), status) : said;
        };
    throw new CommandFailure(
        switch (status) {
          case 400 -> ExitCode.USAGE;
          case 401, 403 -> ExitCode.DENIED;
          case 404 -> ExitCode.NOT_FOUND;
          case 503 -> ExitCode.UNAVAILABLE;
          default -> ExitCode.FAILED;
        },
        what);
  }

  private static JsonNode json(HttpResponse<String> response) {
    try {
      return JSON.readTree(response.body());
    } catch (JsonProcessingException e) {
      if (response.statusCode() >= 300) return JSON.createObjectNode();
      throw new CommandFailure(
          ExitCode.FAILED,
          "%s answers no JSON: is that a management port?".formatted(response.uri()));
    }
  }
}
