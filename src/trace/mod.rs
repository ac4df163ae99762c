//! The tamper-evident log of every exchange.
