//! Where a domain says its servers are: SRV records (RFC 6186, RFC 8314), then the autoconfiguration document.
//!
//! What is found is an offer, no more: anyone on the way can write a DNS answer. Only names are taken, only with TLS, and only
//! where they lead to public addresses; who answers there is judged by certificate before anybody signs in.

mod cache;
mod document;
mod gate;
mod offer;
mod search;
mod services;

pub use cache::Cache;
pub use document::{DocumentError, Listed, read as read_document};
pub use gate::{Why, is_below, is_public, judge_name};
pub use offer::{Offer, Origin, Published, Refusal, Service, Trouble, TroubleKind};
pub use search::Search;
