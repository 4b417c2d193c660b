package io.tideline.bench.driver;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP/2 connection that makes unary gRPC calls and never waits. A client library would spend
 * more on a call than the servers that are measured do; this spends a few microseconds. It knows
 * just as much of HTTP/2 as such calls need, and fails loudly when a server does anything else.
 */
final class Connection implements AutoCloseable {
  /** Hears of each answer. */
  interface Answers {
    /**
     * Takes one answer.
     *
     * @param asked when the call should have been sent, by {@link System#nanoTime}
     * @param problem null when the answer is right
     * @param bytes of the message
     */
    void answered(Rpc rpc, long asked, @Nullable String problem, int bytes);
  }

  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int RST_STREAM = 3;
  private static final int SETTINGS = 4;
  private static final int PING = 6;
  private static final int GOAWAY = 7;
  private static final int WINDOW_UPDATE = 8;
  private static final int CONTINUATION = 9;
  private static final int END_STREAM = 1;
  private static final int ACK = 1;
  private static final int END_HEADERS = 4;
  private static final int PADDED = 8;
  private static final int PRIORITY = 0x20;
  private static final int FRAME_HEADER = 9;
  private static final int MESSAGE_HEADER = 5;
  private static final int FIRST_WINDOW = 65_535;
  private static final int LARGEST_WINDOW = Integer.MAX_VALUE;
  private static final int WINDOW_STEP = 64 << 20;
  private static final int SETTING_ENABLE_PUSH = 2;
  private static final int SETTING_MAX_CONCURRENT_STREAMS = 3;
  private static final int SETTING_INITIAL_WINDOW_SIZE = 4;

  /** More than calls can be under way, so that a slot is free again when its turn comes. */
  private static final int SLOTS = 1 << 14;

  private static final int MOST_UNDER_WAY = 4_000;
  private static final int BUFFER = 1 << 20;
  private static final int MOST_FOR_HEADERS = 512;
  private static final int AUTHORITY = 1;
  private static final int PATH = 4;
  private static final int CONTENT_TYPE = 31;
  private static final int FIRST_OF_TABLE = 62;
  private static final byte[] GRPC = "application/grpc".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] TE = "te".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] TRAILERS = "trailers".getBytes(StandardCharsets.US_ASCII);
  private static final AsciiString GRPC_STATUS = AsciiString.cached("grpc-status");
  private static final AsciiString GRPC_MESSAGE = AsciiString.cached("grpc-message");

  private static final class Slot {
    private int stream;
    private Rpc rpc = Rpc.READ_FEED;
    private long asked;
    private byte[] message = new byte[0];
    private int received;
    private int size;
    private boolean checked;
    private @Nullable String problem;
  }

  private final SocketChannel channel;
  private final byte[] authority;
  private final Answers answers;
  private final DefaultHttp2HeadersDecoder headersDecoder = new DefaultHttp2HeadersDecoder(false);
  private final ByteBuffer out = ByteBuffer.allocateDirect(BUFFER);
  private final ByteBuffer in = ByteBuffer.allocateDirect(BUFFER);
  private final byte[] frames = new byte[2 * BUFFER];
  private final Slot[] slots = new Slot[SLOTS];
  private final List<Object> table = new ArrayList<>();
  private int framesEnd;
  private int nextStream = 1;
  private int underWay;
  private long sendWindow = FIRST_WINDOW;
  private long maxConcurrent = MOST_UNDER_WAY;
  private int consumed;

  Connection(InetSocketAddress address, Answers answers) throws IOException {
    this.answers = answers;
    this.authority =
        (address.getHostString() + ":" + address.getPort()).getBytes(StandardCharsets.US_ASCII);
    Arrays.setAll(slots, i -> new Slot());
    channel = SocketChannel.open(address);
    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    channel.configureBlocking(false);
    out.put(PREFACE);
    frame(12, SETTINGS, 0, 0);
    out.putShort((short) SETTING_ENABLE_PUSH).putInt(0);
    out.putShort((short) SETTING_INITIAL_WINDOW_SIZE).putInt(LARGEST_WINDOW);
    frame(4, WINDOW_UPDATE, 0, 0);
    out.putInt(LARGEST_WINDOW - FIRST_WINDOW);
  }

  /** How many calls have no answer yet. */
  int underWay() {
    return underWay;
  }

  /** Takes a call to send with the next {@link #poll}; false when there is no room for it now. */
  boolean send(Call call, long asked) {
    int length = MESSAGE_HEADER + call.body().length;
    Slot slot = slots[nextStream >>> 1 & SLOTS - 1];
    if (underWay >= maxConcurrent
        || slot.stream != 0
        || sendWindow < length
        || out.remaining() < length + MOST_FOR_HEADERS) {
      return false;
    }
    slot.stream = nextStream;
    slot.rpc = call.rpc();
    slot.asked = asked;
    slot.received = 0;
    slot.size = 0;
    slot.checked = false;
    slot.problem = null;
    headers(call.rpc());
    frame(length, DATA, END_STREAM, nextStream);
    out.put((byte) 0).putInt(call.body().length).put(call.body());
    sendWindow -= length;
    nextStream += 2;
    underWay++;
    return true;
  }

  /** Header fields go into the server's table once and are numbers from then on. */
  private void headers(Rpc rpc) {
    int frameAt = out.position();
    out.position(frameAt + FRAME_HEADER);
    out.put((byte) 0x83).put((byte) 0x86); // :method POST, :scheme http
    field(AUTHORITY, authority, authority);
    field(PATH, rpc, rpc.path());
    field(CONTENT_TYPE, CONTENT_TYPE, GRPC);
    field(0, TE, TRAILERS);
    int end = out.position();
    out.position(frameAt);
    frame(end - frameAt - FRAME_HEADER, HEADERS, END_HEADERS, nextStream);
    out.position(end);
  }

  /**
   * A header field, by its number in the server's table, where it has one.
   *
   * @param name number of the name in the table that all know; 0 = {@code te}
   * @param key stands for the field
   */
  private void field(int name, Object key, byte[] value) {
    int position = table.indexOf(key);
    if (position >= 0) {
      out.put((byte) (0x80 | FIRST_OF_TABLE + table.size() - 1 - position));
      return;
    }
    out.put((byte) (0x40 | name));
    if (name == 0) string(TE);
    string(value);
    table.add(key);
  }

  private void string(byte[] value) {
    out.put((byte) value.length).put(value);
  }

  private void frame(int length, int type, int flags, int stream) {
    out.putInt(length << 8 | type).put((byte) flags).putInt(stream);
  }

  /** Sends and receives what can be now; false when that was nothing. */
  boolean poll() throws IOException {
    boolean moved = false;
    if (out.position() > 0) {
      out.flip();
      moved = channel.write(out) > 0;
      out.compact();
    }
    int count;
    while ((count = channel.read(in)) > 0) {
      in.flip();
      in.get(frames, framesEnd, count);
      in.clear();
      framesEnd += count;
      receive();
      moved = true;
    }
    if (count < 0) throw new EOFException("the server closed the connection");
    return moved;
  }

  private void receive() throws IOException {
    int at = 0;
    while (framesEnd - at >= FRAME_HEADER) {
      int length =
          (frames[at] & 0xff) << 16 | (frames[at + 1] & 0xff) << 8 | (frames[at + 2] & 0xff);
      int end = at + FRAME_HEADER + length;
      if (end > framesEnd) break;
      receive(
          frames[at + 3], frames[at + 4], int32(at + 5) & 0x7fff_ffff, at + FRAME_HEADER, length);
      at = end;
    }
    System.arraycopy(frames, at, frames, 0, framesEnd - at);
    framesEnd -= at;
  }

  private void receive(int type, int flags, int stream, int at, int length) throws IOException {
    if ((type == DATA || type == HEADERS) && (flags & (PADDED | PRIORITY)) != 0) {
      throw new IOException("the server pads or ranks frames, which this client does not know");
    }
    switch (type) {
      case DATA -> {
        consumed += length;
        if (consumed >= WINDOW_STEP) {
          frame(4, WINDOW_UPDATE, 0, 0);
          out.putInt(consumed);
          consumed = 0;
        }
        data(slotOf(stream), at, length);
      }
      case HEADERS -> {
        if ((flags & END_HEADERS) == 0) throw new IOException("the server splits headers");
        Http2Headers headers = decode(stream, at, length);
        if ((flags & END_STREAM) != 0) end(slotOf(stream), problemOf(headers));
      }
      case RST_STREAM -> end(slotOf(stream), "a reset stream, error " + int32(at));
      case SETTINGS -> {
        if ((flags & ACK) == 0) settings(at, length);
      }
      case PING -> {
        if ((flags & ACK) == 0) {
          frame(8, PING, ACK, 0);
          out.put(frames, at, 8);
        }
      }
      case WINDOW_UPDATE -> {
        if (stream == 0) sendWindow += int32(at);
      }
      case GOAWAY ->
          throw new IOException(
              "the server sent GOAWAY, error %d (%s)"
                  .formatted(
                      int32(at + 4),
                      new String(frames, at + 8, length - 8, StandardCharsets.US_ASCII)));
      case CONTINUATION -> throw new IOException("the server splits headers");
      default -> {
        // What is unknown is to be ignored.
      }
    }
  }

  private void settings(int at, int length) {
    for (int i = at; i < at + length; i += 6) {
      int setting = (frames[i] & 0xff) << 8 | (frames[i + 1] & 0xff);
      if (setting == SETTING_MAX_CONCURRENT_STREAMS) {
        maxConcurrent = Math.min(MOST_UNDER_WAY, int32(i + 2) & 0xffff_ffffL);
      }
    }
    frame(0, SETTINGS, ACK, 0);
  }

  private Slot slotOf(int stream) throws IOException {
    Slot slot = slots[stream >>> 1 & SLOTS - 1];
    if (slot.stream != stream) throw new IOException("the server answers what nobody asked");
    return slot;
  }

  private void data(Slot slot, int at, int length) {
    if (slot.received == 0 && isWholeMessage(frames, at, length)) {
      check(slot, frames, at, length);
      return;
    }
    if (slot.message.length < slot.received + length) {
      slot.message = Arrays.copyOf(slot.message, 2 * (slot.received + length));
    }
    System.arraycopy(frames, at, slot.message, slot.received, length);
    slot.received += length;
    if (isWholeMessage(slot.message, 0, slot.received)) {
      check(slot, slot.message, 0, slot.received);
    }
  }

  private static boolean isWholeMessage(byte[] bytes, int at, int length) {
    return length >= MESSAGE_HEADER && int32(bytes, at + 1) == length - MESSAGE_HEADER;
  }

  private static void check(Slot slot, byte[] bytes, int at, int length) {
    slot.size = length - MESSAGE_HEADER;
    slot.problem =
        bytes[at] == 0
            ? slot.rpc.problemOf(bytes, at + MESSAGE_HEADER, at + length)
            : "a compressed answer";
    slot.checked = true;
  }

  private Http2Headers decode(int stream, int at, int length) throws IOException {
    try {
      return headersDecoder.decodeHeaders(stream, Unpooled.wrappedBuffer(frames, at, length));
    } catch (Http2Exception e) {
      throw new IOException(e);
    }
  }

  private static @Nullable String problemOf(Http2Headers trailers) {
    CharSequence status = trailers.get(GRPC_STATUS);
    if (status != null && status.length() == 1 && status.charAt(0) == '0') return null;
    return "grpc-status %s (%s)".formatted(status, trailers.get(GRPC_MESSAGE));
  }

  private void end(Slot slot, @Nullable String failure) {
    String problem = failure;
    if (problem == null) problem = slot.checked ? slot.problem : "no message";
    slot.stream = 0;
    underWay--;
    answers.answered(slot.rpc, slot.asked, problem, slot.size);
  }

  private int int32(int at) {
    return int32(frames, at);
  }

  private static int int32(byte[] bytes, int at) {
    return bytes[at] << 24
        | (bytes[at + 1] & 0xff) << 16
        | (bytes[at + 2] & 0xff) << 8
        | (bytes[at + 3] & 0xff);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
