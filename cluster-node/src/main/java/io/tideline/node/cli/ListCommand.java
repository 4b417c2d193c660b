package io.tideline.node.cli;

import io.tideline.protocols.v1.AddToListRequest;
import io.tideline.protocols.v1.DeleteListRequest;
import io.tideline.protocols.v1.GetListsRequest;
import io.tideline.protocols.v1.GetListsResponse;
import io.tideline.protocols.v1.PutListRequest;
import io.tideline.protocols.v1.RemoveFromListRequest;
import io.tideline.protocols.v1.UserList;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Looks after a user's lists. */
@Command(
    name = "list",
    description = "Make lists of followees; `read --list` and `watch --list` show their feeds.",
    subcommands = {
      ListCommand.Put.class,
      ListCommand.Delete.class,
      ListCommand.Add.class,
      ListCommand.Remove.class,
      ListCommand.Show.class
    })
final class ListCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "put, delete, add, remove or show?");
  }

  /** Makes or changes a list. */
  @Command(name = "put", description = "Make a list, or change its name and exclusiveness.")
  static final class Put extends CallCommand {
    @Parameters(
        index = "1",
        paramLabel = "LIST",
        description = "id of the list, 1-32 characters of A-Z a-z 0-9 . _ -")
    private String list = "";

    @Option(names = "--name", paramLabel = "NAME", description = "at most 100 characters")
    private String name = "";

    @Option(
        names = "--exclusive",
        description = "take the posts of its members out of the home feed")
    private boolean exclusive;

    @Override
    public Integer call() {
      return show(
          Methods.PUT_LIST,
          PutListRequest.newBuilder()
              .setUserId(user())
              .setList(UserList.newBuilder().setListId(list).setName(name).setExclusive(exclusive))
              .build(),
          done -> user() + " has the list " + list);
    }
  }

  /** Deletes a list. */
  @Command(name = "delete", description = "Delete a list; its members stay followed.")
  static final class Delete extends CallCommand {
    @Parameters(index = "1", paramLabel = "LIST", description = "id of the list")
    private String list = "";

    @Override
    public Integer call() {
      return show(
          Methods.DELETE_LIST,
          DeleteListRequest.newBuilder().setUserId(user()).setListId(list).build(),
          done -> user() + " has no list " + list);
    }
  }

  /** Puts followees into a list. */
  @Command(name = "add", description = "Put followees into a list.")
  static final class Add extends CallCommand {
    @Parameters(index = "1", paramLabel = "LIST", description = "id of the list")
    private String list = "";

    @Parameters(index = "2..*", arity = "1..*", paramLabel = "MEMBER", description = "whom")
    private List<String> members = List.of();

    @Override
    public Integer call() {
      return show(
          Methods.ADD_TO_LIST,
          AddToListRequest.newBuilder()
              .setUserId(user())
              .setListId(list)
              .addAllMemberIds(members)
              .build(),
          done -> "%s: with %s".formatted(list, String.join(", ", members)));
    }
  }

  /** Takes users out of a list. */
  @Command(name = "remove", description = "Take users out of a list.")
  static final class Remove extends CallCommand {
    @Parameters(index = "1", paramLabel = "LIST", description = "id of the list")
    private String list = "";

    @Parameters(index = "2..*", arity = "1..*", paramLabel = "MEMBER", description = "whom")
    private List<String> members = List.of();

    @Override
    public Integer call() {
      return show(
          Methods.REMOVE_FROM_LIST,
          RemoveFromListRequest.newBuilder()
              .setUserId(user())
              .setListId(list)
              .addAllMemberIds(members)
              .build(),
          done -> "%s: without %s".formatted(list, String.join(", ", members)));
    }
  }

  /** Shows a user's lists. */
  @Command(name = "show", description = "Show a user's lists and who is in them.")
  static final class Show extends CallCommand {
    @Override
    public Integer call() {
      return show(
          Methods.GET_LISTS, GetListsRequest.newBuilder().setUserId(user()).build(), this::text);
    }

    private String text(GetListsResponse lists) {
      return lists.getListsCount() == 0
          ? user() + " has no list"
          : lists.getListsList().stream().map(Show::text).collect(Collectors.joining("\n"));
    }

    private static String text(GetListsResponse.Entry entry) {
      UserList list = entry.getList();
      return "%s%s%s: %s"
          .formatted(
              list.getListId(),
              list.getName().isEmpty() ? "" : " (" + list.getName() + ")",
              list.getExclusive() ? ", exclusive" : "",
              entry.getMemberIdsCount() == 0
                  ? "nobody"
                  : String.join(", ", entry.getMemberIdsList()));
    }
  }
}
