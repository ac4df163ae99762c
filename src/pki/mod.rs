//! Certificates and keys (RFC 5280): reading them, judging their path, signing and agreeing with them.
