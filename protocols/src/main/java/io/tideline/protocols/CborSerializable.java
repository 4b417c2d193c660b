package io.tideline.protocols;

/** Marks what travels between nodes or rests in the journal as CBOR. */
public interface CborSerializable {}
