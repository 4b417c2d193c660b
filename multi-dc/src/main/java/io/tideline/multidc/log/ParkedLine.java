package io.tideline.multidc.log;

import com.google.protobuf.ByteString;
import java.time.Instant;

/**
 * A line that could not be read, kept until somebody deals with it.
 *
 * @param offset its place among the parked lines, by which it is named
 * @param topic the log it was in, with partition and place
 * @param appended when it was appended to that log
 */
public record ParkedLine(
    long offset,
    String reason,
    String topic,
    int partition,
    long topicOffset,
    Instant appended,
    ByteString key,
    ByteString value) {}
