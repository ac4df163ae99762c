//! The Cryptographic Message Syntax (RFC 5652, 5083), written and read as a stream.
