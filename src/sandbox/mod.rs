//! A whole compliant operator on loopback, for trying and testing.

#[allow(dead_code, reason = "the servers that use it come next")]
mod faults;

pub use faults::{Action, Fault, FaultError, ServerCertificate, Stage, help as fault_help};
