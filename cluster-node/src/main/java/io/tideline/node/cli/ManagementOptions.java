package io.tideline.node.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Which node's management port a command talks to. */
final class ManagementOptions {
  private static final String DEFAULT_ADDRESS = "127.0.0.1:8700";
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  @Option(
      names = "--management",
      paramLabel = "host:port",
      description = {
        "the management port of a node. Default: TIDELINE_MANAGEMENT, or a node of the cluster that"
            + " `up` or `demo` runs here, or "
            + DEFAULT_ADDRESS
            + ". TIDELINE_MANAGEMENT_TOKEN is the token that changes need",
      })
  private String address = "";

  /** The answer; a refusal or silence ends the command. */
  JsonNode call(String method, String path) {
    String at = address();
    try {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(URI.create("http://" + at + "/" + path))
              .timeout(PATIENCE)
              .method(method, HttpRequest.BodyPublishers.noBody());
      token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
      HttpResponse<String> response =
          HttpClient.newBuilder()
              .connectTimeout(PATIENCE)
              .build()
              .send(request.build(), HttpResponse.BodyHandlers.ofString());
      return checked(at, response);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(
          ExitCode.USAGE, "`%s` cannot be called: %s".formatted(at, e.getMessage()));
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.UNAVAILABLE, "no node answers on the management port %s".formatted(at));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure(ExitCode.FAILED, "interrupted");
    }
  }

  private static JsonNode checked(String at, HttpResponse<String> response) {
    JsonNode body;
    try {
      body = new ObjectMapper().readTree(response.body());
    } catch (JsonProcessingException e) {
      throw new CommandFailure(
          ExitCode.UNAVAILABLE, "%s does not answer as a node does".formatted(at));
    }
    int exitCode =
        switch (response.statusCode()) {
          case 200 -> ExitCode.OK;
          case 400 -> ExitCode.USAGE;
          case 401, 403 -> ExitCode.DENIED;
          case 404 -> ExitCode.NOT_FOUND;
          default -> ExitCode.UNAVAILABLE;
        };
    if (exitCode == ExitCode.OK) return body;
    throw new CommandFailure(exitCode, body.path("message").asText(response.body()));
  }

  private String address() {
    if (!address.isEmpty()) return address;
    String configured = System.getenv("TIDELINE_MANAGEMENT");
    if (configured != null && !configured.isBlank()) return configured;
    List<String> here = running().map(RunningNote.Management::addresses).orElse(List.of());
    return here.isEmpty() ? DEFAULT_ADDRESS : here.get(0);
  }

  private static Optional<String> token() {
    return Optional.ofNullable(System.getenv("TIDELINE_MANAGEMENT_TOKEN"))
        .or(() -> running().map(RunningNote.Management::token))
        .filter(token -> !token.isEmpty());
  }

  private static Optional<RunningNote.Management> running() {
    return Home.ofLauncher().cluster().read().map(RunningNote.Running::management);
  }
}
