//! The stories: one file per verb.
