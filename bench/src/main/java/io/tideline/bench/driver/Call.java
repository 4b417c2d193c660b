package io.tideline.bench.driver;

/**
 * One call to make.
 *
 * @param body the request as protobuf
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared, and copied by nobody.
public record Call(Rpc rpc, byte[] body) {}
