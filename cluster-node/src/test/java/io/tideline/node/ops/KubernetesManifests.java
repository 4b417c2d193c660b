package io.tideline.node.ops;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.yaml.snakeyaml.Yaml;

/** The manifests that come with Tideline, read as plain maps and lists. */
final class KubernetesManifests {
  static final Path ROOT = Path.of("..", "deploy", "kubernetes");
  static final Path BASE = ROOT.resolve("base");
  static final Path EXAMPLE = ROOT.resolve(Path.of("overlays", "example"));

  private KubernetesManifests() {}

  static Node kustomization(Path directory) {
    return documents(directory.resolve("kustomization.yaml")).get(0);
  }

  /** Everything that the base applies. */
  static List<Node> all() {
    List<Node> all = new ArrayList<>();
    for (Node file : kustomization(BASE).at("resources").list())
      all.addAll(documents(BASE.resolve(file.text())));
    return all;
  }

  static Node theOnly(String kind) {
    List<Node> found = all().stream().filter(each -> each.at("kind").text().equals(kind)).toList();
    if (found.size() != 1) throw new IllegalStateException(found.size() + " of kind " + kind);
    return found.get(0);
  }

  static Node pod() {
    return theOnly("StatefulSet").at("spec.template");
  }

  static Node container() {
    return pod().at("spec.containers").list().get(0);
  }

  /** The paths that probes ask for. */
  static Set<String> probes() {
    Set<String> paths = new TreeSet<>();
    for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe"))
      paths.add(container().at(probe + ".httpGet.path").text());
    return paths;
  }

  private static List<Node> documents(Path file) {
    List<Node> documents = new ArrayList<>();
    for (Object document : new Yaml().loadAll(Monitoring.read(file)))
      documents.add(new Node(document));
    return documents;
  }

  /** A value somewhere in a document. */
  record Node(Object value) {
    /** Down the keys, which must be there, separated by dots. */
    Node at(String path) {
      Object here = value;
      for (String key : List.of(path.split("\\."))) {
        here = here instanceof Map<?, ?> map ? map.get(key) : null;
        if (here == null) throw new IllegalStateException("no " + path + " in " + value);
      }
      return new Node(here);
    }

    String text() {
      return String.valueOf(value);
    }

    int number() {
      return Integer.parseInt(text());
    }

    List<Node> list() {
      return ((List<?>) value).stream().map(Node::new).toList();
    }

    Map<String, String> map() {
      Map<String, String> map = new HashMap<>();
      ((Map<?, ?>) value).forEach((key, each) -> map.put(key.toString(), String.valueOf(each)));
      return map;
    }

    /** The element of a list whose key has this value. */
    Node with(String key, String wanted) {
      return list().stream()
          .filter(each -> wanted.equals(each.map().get(key)))
          .findFirst()
          .orElseThrow(() -> new IllegalStateException("no " + key + " " + wanted));
    }
  }
}
