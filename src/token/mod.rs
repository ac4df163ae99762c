//! Keys on tokens and cards (PKCS#11): found by their URI, used where they are, behind one PIN.

mod error;
mod key;
mod open;
mod padding;
mod uri;

pub use error::{TokenError, Tries};
pub use open::{Asks, Token};
pub use uri::{TokenUri, UriError};
