//! Message submission (RFC 6409, 5321), stage by stage, up to the point of no return.

mod body;
mod error;
mod extensions;
mod flight;
mod notices;
mod opening;
mod pipeline;
#[cfg(test)]
mod pipeline_tests;
mod reply;
#[cfg(test)]
mod robot;
mod session;
#[cfg(test)]
mod session_tests;
#[cfg(test)]
mod signin_tests;
mod submission;
#[cfg(test)]
mod submission_tests;
mod writing;

pub use error::{Failure, MessageFault, SmtpError, Stage};
pub use extensions::Extensions;
pub use notices::{Notices, Notify, Return};
pub use reply::{Delay, Reply};
pub use session::{Meeting, Session, Transfer};
pub use submission::{Order, Outcome, Parameters, RecipientOutcome, Supply, Window};
