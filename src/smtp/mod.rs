//! Message submission (RFC 6409, 5321), stage by stage, up to the point of no return.

mod body;
mod error;
mod extensions;
mod reply;
mod session;
#[cfg(test)]
mod session_tests;
mod submission;
#[cfg(test)]
mod submission_tests;

pub use error::{Failure, MessageFault, SmtpError, Stage};
pub use extensions::Extensions;
pub use reply::Reply;
pub use session::{Session, Transfer};
pub use submission::{Outcome, Parameters, RecipientOutcome};
