//! Whole messages sealed and opened (RFC 8551), with their headers protected (RFC 9788).

mod content;
#[cfg(test)]
mod foreign_tests;
#[cfg(test)]
mod header_protection_tests;
#[cfg(test)]
mod held_tests;
mod layer;
#[cfg(test)]
mod matrix_tests;
mod open;
mod opened;
mod protection;
#[cfg(test)]
mod round_trip_tests;
mod seal;
#[cfg(test)]
mod specimen;
mod suite;
mod transport;
mod verdict;

pub use content::{RESERVED_NAMES, ReceivedFile};
pub use open::{OpenError, open};
pub use opened::{Headers, Layer, Opened};
pub use protection::HeaderProtection;
pub use seal::{SealError, seal};
pub use suite::suite_of;
pub use transport::{TransportError, transport_only};
pub use verdict::{Concern, Severity, Verdict, judge};
