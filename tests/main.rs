//! Every integration test, in one binary: the rules of the house, then the real program.

mod bench;
mod cli;
mod dependencies;
mod docs;
mod flows;
mod house;
mod interop;
mod what_was_skipped;
