//! A whole compliant operator on loopback, for trying and testing.
