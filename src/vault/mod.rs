//! The encrypted local configuration.
