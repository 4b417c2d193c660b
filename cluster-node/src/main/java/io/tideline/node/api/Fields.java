package io.tideline.node.api;

import io.tideline.protocols.PostId;
import io.tideline.protocols.UserId;

/** Checks one field at a time; {@link FieldViolations} collects over several. */
public final class Fields {
  private Fields() {}

  public static UserId userId(String field, String text) {
    FieldViolations violations = new FieldViolations();
    UserId user = violations.userId(field, text);
    violations.check();
    return user;
  }

  public static PostId postId(String field, String text) {
    FieldViolations violations = new FieldViolations();
    PostId post = violations.postId(field, text);
    violations.check();
    return post;
  }

  /** An unsigned 32-bit page size of 1 to {@code most}, where 0 means {@code whenZero}. */
  public static int pageSize(String field, int size, int whenZero, int most) {
    FieldViolations violations = new FieldViolations();
    int checked = violations.pageSize(field, size, whenZero, most);
    violations.check();
    return checked;
  }
}
