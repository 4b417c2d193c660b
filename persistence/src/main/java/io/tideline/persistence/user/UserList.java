package io.tideline.persistence.user;

/**
 * Some followees whose posts are a feed of their own.
 *
 * @param exclusive takes its members out of the home feed
 */
public record UserList(String name, boolean exclusive) {}
