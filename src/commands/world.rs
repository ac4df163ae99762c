//! What a story is given from outside.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Places, Told};
use crate::clock::Clock;
use crate::secret::{Prompt, Secret};

/// What a story is given from outside: the time, somebody to ask, somebody to tell, places to keep things.
#[derive(Clone, Copy)]
pub struct World<'a> {
    pub clock: Clock,
    pub prompt: &'a dyn Prompt,
    pub tell: &'a dyn Fn(Told),
    pub places: &'a Places,
    /// Asks to hear of interruptions instead of being ended by the first one: the flag is set when one comes.
    pub interrupts: fn() -> Arc<AtomicBool>,
    /// The first line that a command prints, for secrets that are kept elsewhere; or why there is none.
    pub output_of: fn(&str) -> Result<Secret<String>, String>,
    /// The access token that was handed over at the start, if one was.
    pub token: Option<&'a Secret<String>>,
}

impl World<'_> {
    /// Tells of a step.
    pub fn step(&self, text: impl Into<String>) {
        (self.tell)(Told::Step(text.into()));
    }

    /// Tells of something to act on.
    pub fn warn(&self, text: impl Into<String>) {
        (self.tell)(Told::Warning(text.into()));
    }
}
