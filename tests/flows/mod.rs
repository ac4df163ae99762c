//! The real program from end to end, one file per verb.

mod audit;
mod config;
mod demo;
mod init;
mod outbox;
mod purge_check;
mod sandbox;
mod schemas;
