package io.tideline.protocols;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import com.google.protobuf.UnsafeByteOperations;
import io.tideline.protocols.TokenException.Reason;
import io.tideline.protocols.log.v1.ConsistencyTokenPayload;
import io.tideline.protocols.log.v1.CursorDirection;
import io.tideline.protocols.log.v1.CursorPayload;
import io.tideline.protocols.log.v1.PageTokenPayload;
import io.tideline.protocols.log.v1.PassedStretch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Writes and reads the signed tokens that clients carry: base64url of a key id, a protobuf payload,
 * and 16 bytes of HMAC-SHA256 over the kind of token, the key id and the payload.
 */
public final class TokenCodec {
  private static final String ALGORITHM = "HmacSHA256";
  private static final int FORMAT = 1;
  private static final int MAX_TEXT = 4096;

  /** Longer are only cursors with positions in very many partitions. */
  private static final int USUAL_TEXT = 1024;

  private static final int MAC_BYTES = 16;
  private static final int MAX_BYTES = MAX_TEXT / 4 * 3;
  private static final int USUAL_BYTES = USUAL_TEXT / 4 * 3;
  private static final int CURSOR = 1;
  private static final int CONSISTENCY_TOKEN = 2;
  private static final int PAGE_TOKEN = 3;

  private final int signingKeyId;

  @SuppressWarnings("ThreadLocalUsage") // There is one codec, and it has the keys.
  private final ThreadLocal<Tools> tools;

  /** What a thread keeps from one token to the next. */
  private static final class Tools {
    // By key id. Looking a Mac up and giving it its key costs more than using it, and so does a
    // copy.
    final Map<Integer, Mac> macs = new HashMap<>();
    // Ends where the signature has to begin: a stream over a part of an array writes behind its
    // part, where it asks the array only.
    final byte[] room = new byte[MAX_BYTES - MAC_BYTES];
    // The cursors of a page have one base.
    Watermark base = Watermark.NOTHING;
    byte[] encodedBase = Watermark.NOTHING.toProto().toByteArray();

    Tools(KeyRing keys) {
      keys.keys().forEach((id, key) -> macs.put(id, prepare(key)));
    }

    Mac mac(int keyId) {
      return Objects.requireNonNull(macs.get(keyId));
    }

    @SuppressWarnings("ReferenceEquality") // To compare them costs as much as to encode one.
    byte[] encode(Watermark mark) {
      if (mark != base) {
        encodedBase = mark.toProto().toByteArray();
        base = mark;
      }
      return encodedBase;
    }
  }

  public TokenCodec(KeyRing keys) {
    signingKeyId = keys.signingKeyId();
    tools = ThreadLocal.withInitial(() -> new Tools(keys));
  }

  /**
   * At most 1,024 characters: what has no room of what the walk has passed over is forgotten, then
   * of the rules. Where positions alone need more, 4,096.
   */
  public String encode(Cursor cursor) {
    return new String(encoded(cursor), StandardCharsets.ISO_8859_1);
  }

  /** The text of {@link #encode}, for messages that take bytes. */
  public ByteString encodeToBytes(Cursor cursor) {
    return UnsafeByteOperations.unsafeWrap(encoded(cursor));
  }

  private byte[] encoded(Cursor cursor) {
    Tools mine = tools.get();
    int macAt = fitted(cursor, USUAL_BYTES, mine);
    if (macAt < 0) macAt = fitted(cursor, MAX_BYTES, mine);
    if (macAt < 0) {
      throw new IllegalArgumentException(
          "a token has at most " + MAX_TEXT + " characters, but this would have more");
    }
    return seal(CURSOR, Arrays.copyOf(mine.room, macAt + MAC_BYTES), macAt, mine);
  }

  /** The end of what has been written of the cursor; negative when even the least does not fit. */
  private static int fitted(Cursor cursor, int mostBytes, Tools tools) {
    int macAt = write(cursor, mostBytes, tools);
    if (macAt < 0) macAt = write(cursor.withoutPassed(), mostBytes, tools);
    if (macAt < 0) macAt = write(cursor.withoutPassed().withoutRules(), mostBytes, tools);
    return macAt;
  }

  /**
   * Writes a {@code CursorPayload} behind the place of the key id, in the order of its fields.
   *
   * @return where it ends; negative when it does not fit
   */
  private static int write(Cursor cursor, int mostBytes, Tools tools) {
    CodedOutputStream out = CodedOutputStream.newInstance(tools.room, 1, tools.room.length - 1);
    try {
      out.writeUInt32(CursorPayload.FORMAT_FIELD_NUMBER, FORMAT);
      out.writeString(CursorPayload.READER_ID_FIELD_NUMBER, cursor.reader().value());
      out.writeString(CursorPayload.SURFACE_FIELD_NUMBER, cursor.surface());
      CursorDirection direction =
          switch (cursor.direction()) {
            case OLDER -> CursorDirection.CURSOR_DIRECTION_OLDER;
            case NEWER -> CursorDirection.CURSOR_DIRECTION_NEWER;
          };
      out.writeEnum(CursorPayload.DIRECTION_FIELD_NUMBER, direction.getNumber());
      if (cursor.after() != null) {
        out.writeByteArray(CursorPayload.AFTER_POST_ID_FIELD_NUMBER, cursor.after().toBytes());
      }
      out.writeByteArray(CursorPayload.BASE_FIELD_NUMBER, tools.encode(cursor.base()));
      if (cursor.until() != null) {
        out.writeMessage(CursorPayload.UNTIL_FIELD_NUMBER, cursor.until().toProto());
      }
      for (PassedOver.Stretch stretch : cursor.passed().stretches()) {
        out.writeMessage(CursorPayload.PASSED_FIELD_NUMBER, protoOf(stretch));
      }
      for (PostId post : cursor.passed().posts()) {
        out.writeByteArray(CursorPayload.PASSED_POST_IDS_FIELD_NUMBER, post.toBytes());
      }
      for (PostId post : cursor.owed()) {
        out.writeByteArray(CursorPayload.OWED_POST_IDS_FIELD_NUMBER, post.toBytes());
      }
    } catch (CodedOutputStream.OutOfSpaceException e) {
      return -1;
    } catch (IOException e) {
      throw new UncheckedIOException("an array has no other failure", e);
    }
    int macAt = 1 + out.getTotalBytesWritten();
    return macAt + MAC_BYTES > mostBytes ? -1 : macAt;
  }

  private static PassedStretch protoOf(PassedOver.Stretch stretch) {
    return PassedStretch.newBuilder()
        .setNewerPostId(bytesOf(stretch.newer()))
        .setOldestPostId(
            stretch.oldest().equals(PostId.MIN) ? ByteString.EMPTY : bytesOf(stretch.oldest()))
        .addAllRulesAt(stretch.rulesAt())
        .setCell(stretch.cell())
        .build();
  }

  public Cursor decodeCursor(String text, UserId reader, String surface) {
    Cursor cursor = open(CURSOR, text, CursorPayload.parser(), TokenCodec::cursorOf);
    if (!cursor.reader().equals(reader)) {
      throw new TokenException(
          Reason.CURSOR_OF_ANOTHER_READER, "this cursor was given to another reader");
    }
    if (!cursor.surface().equals(surface)) {
      throw anotherSurface(surface);
    }
    return cursor;
  }

  public String encode(ConsistencyToken token) {
    return seal(
        CONSISTENCY_TOKEN,
        ConsistencyTokenPayload.newBuilder()
            .setFormat(FORMAT)
            .setCell(token.cell())
            .setUserId(token.user().value())
            .setPostSequence(token.postSequence())
            .setAt(token.at())
            .setPostId(bytesOf(token.post()))
            .build());
  }

  public ConsistencyToken decodeConsistencyToken(String text) {
    return open(
        CONSISTENCY_TOKEN, text, ConsistencyTokenPayload.parser(), TokenCodec::consistencyTokenOf);
  }

  /** Remembers where a list, named by {@code scope}, goes on. */
  public String encodePage(String scope, String after) {
    return seal(
        PAGE_TOKEN,
        PageTokenPayload.newBuilder().setFormat(FORMAT).setScope(scope).setAfter(after).build());
  }

  /** Returns what {@link #encodePage} was told to remember. */
  public String decodePage(String text, String scope) {
    PageTokenPayload page = open(PAGE_TOKEN, text, PageTokenPayload.parser(), TokenCodec::pageOf);
    if (!page.getScope().equals(scope)) {
      throw anotherSurface(scope);
    }
    return page.getAfter();
  }

  private static Cursor cursorOf(CursorPayload payload) {
    checkFormat(payload.getFormat());
    return new Cursor(
        new UserId(payload.getReaderId()),
        payload.getSurface(),
        switch (payload.getDirection()) {
          case CURSOR_DIRECTION_OLDER -> Cursor.Direction.OLDER;
          case CURSOR_DIRECTION_NEWER -> Cursor.Direction.NEWER;
          default -> throw new IllegalArgumentException("no direction");
        },
        postIdOf(payload.getAfterPostId()),
        Watermark.fromProto(payload.getBase()),
        payload.hasUntil() ? Watermark.fromProto(payload.getUntil()) : null,
        new PassedOver(
            payload.getPassedList().stream().map(TokenCodec::stretchOf).toList(),
            postIdsOf(payload.getPassedPostIdsList())),
        postIdsOf(payload.getOwedPostIdsList()));
  }

  private static PassedOver.Stretch stretchOf(PassedStretch stretch) {
    PostId oldest = postIdOf(stretch.getOldestPostId());
    return new PassedOver.Stretch(
        postIdOf(stretch.getNewerPostId()),
        oldest == null ? PostId.MIN : oldest,
        stretch.getRulesAtList(),
        stretch.getCell());
  }

  private static List<PostId> postIdsOf(List<ByteString> ids) {
    return ids.stream().map(PostId::fromBytes).toList();
  }

  private static ConsistencyToken consistencyTokenOf(ConsistencyTokenPayload payload) {
    checkFormat(payload.getFormat());
    return new ConsistencyToken(
        payload.getCell(),
        new UserId(payload.getUserId()),
        payload.getPostSequence(),
        payload.getAt(),
        postIdOf(payload.getPostId()));
  }

  private static PageTokenPayload pageOf(PageTokenPayload payload) {
    checkFormat(payload.getFormat());
    return payload;
  }

  private static void checkFormat(int format) {
    if (format != FORMAT) {
      throw new IllegalArgumentException("format " + format);
    }
  }

  private static ByteString bytesOf(@Nullable PostId id) {
    return id == null ? ByteString.EMPTY : id.toByteString();
  }

  private static @Nullable PostId postIdOf(ByteString bytes) {
    return bytes.isEmpty() ? null : PostId.fromBytes(bytes);
  }

  private String seal(int kind, MessageLite payload) {
    int macAt = 1 + payload.getSerializedSize();
    if (macAt + MAC_BYTES > MAX_BYTES) {
      throw new IllegalArgumentException(
          "a token has at most " + MAX_TEXT + " characters, but this would have more");
    }
    byte[] token = new byte[macAt + MAC_BYTES];
    try {
      payload.writeTo(CodedOutputStream.newInstance(token, 1, macAt - 1));
    } catch (IOException e) {
      throw new UncheckedIOException("an array takes what it was sized for", e);
    }
    return new String(seal(kind, token, macAt, tools.get()), StandardCharsets.ISO_8859_1);
  }

  /** The text, as bytes, of a token that lacks its key id and its signature. */
  private byte[] seal(int kind, byte[] token, int macAt, Tools mine) {
    token[0] = (byte) signingKeyId;
    byte[] signature = sign(mine.mac(signingKeyId), kind, token, macAt);
    System.arraycopy(signature, 0, token, macAt, MAC_BYTES);
    return Base64.getUrlEncoder().withoutPadding().encode(token);
  }

  private <P, T> T open(int kind, String text, Parser<P> parser, Function<P, T> mapping) {
    byte[] token = bytesOf(text);
    int macAt = token.length - MAC_BYTES;
    Mac mac = tools.get().macs.get(token[0] & 0xFF);
    if (mac == null
        || !MessageDigest.isEqual(
            Arrays.copyOf(sign(mac, kind, token, macAt), MAC_BYTES),
            Arrays.copyOfRange(token, macAt, token.length))) {
      throw new TokenException(
          Reason.CURSOR_FORGED, "this was not issued here, was altered, or is older than its key");
    }
    try {
      return mapping.apply(parser.parseFrom(token, 1, macAt - 1));
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      throw malformed();
    }
  }

  private static byte[] bytesOf(String text) {
    if (text.length() > MAX_TEXT) {
      throw malformed();
    }
    byte[] token;
    try {
      token = Base64.getUrlDecoder().decode(text);
    } catch (IllegalArgumentException e) {
      throw malformed();
    }
    // The decoder is lenient about padding and spare bits; a token has one text form only.
    int odd = token.length % 3;
    byte[] end = Arrays.copyOfRange(token, token.length - odd, token.length);
    if (token.length < 1 + MAC_BYTES
        || text.length() != (token.length * 4 + 2) / 3
        || !text.endsWith(Base64.getUrlEncoder().withoutPadding().encodeToString(end))) {
      throw malformed();
    }
    return token;
  }

  private static TokenException malformed() {
    return new TokenException(
        Reason.CURSOR_MALFORMED,
        "this is not a token; hand back what an answer contained, unchanged");
  }

  private static TokenException anotherSurface(String expected) {
    return new TokenException(
        Reason.CURSOR_OF_ANOTHER_SURFACE, "this cursor was not given for " + expected);
  }

  private static byte[] sign(Mac mac, int kind, byte[] token, int length) {
    mac.update((byte) kind);
    mac.update(token, 0, length);
    return mac.doFinal();
  }

  private static Mac prepare(byte[] key) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(new SecretKeySpec(key, ALGORITHM));
      return mac;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has " + ALGORITHM, e);
    }
  }
}
