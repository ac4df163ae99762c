//! The real program from end to end: one file for each verb, and some for accidents.

mod audit;
mod batch;
mod certificates;
mod config;
mod demo;
mod faults;
mod fetch;
mod flips;
mod foreign;
mod init;
mod kills;
mod lookup;
mod memory;
mod moments;
mod outbox;
mod outbox_alerts;
mod outbox_service;
pub mod package;
pub mod post;
mod purge_check;
mod readers;
mod refusals;
mod sandbox;
mod schemas;
mod send;
mod shortage;
mod tracking;
