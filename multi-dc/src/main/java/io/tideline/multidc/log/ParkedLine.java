package io.tideline.multidc.log;

import com.google.protobuf.ByteString;
import java.time.Instant;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/**
 * A line that could not be read, kept until somebody deals with it.
 *
 * @param offset its place among the parked lines, by which it is named
 * @param topic the log it was in, with partition and place
 * @param appended when it was appended to that log
 * @param again the header of a line that says something again
 */
public record ParkedLine(
    long offset,
    String reason,
    String topic,
    int partition,
    long topicOffset,
    Instant appended,
    ByteString key,
    ByteString value,
    @Nullable Header again) {}
