//! Tells, among the last lines of `cargo test`, what was not tested here and how to test it.

use crate::bench::skip;

#[test]
fn is_told() {
    let summary = skip::summary();
    assert!(summary.is_empty() || !skip::real(), "{summary}");
    if !summary.is_empty() {
        skip::say(&summary);
    }
}
