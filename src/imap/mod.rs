//! The mailbox (RFC 9051): peek, acknowledge, move, expunge.
