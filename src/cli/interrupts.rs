//! SIGINT and SIGTERM while work is under way that should not be cut short: the first is heard, the second ends the program.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// From now on an interruption sets the flag; one more, and the program ends as if nobody had listened.
pub(super) fn heard() -> Arc<AtomicBool> {
    let heard = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The order matters: the first interruption finds the flag not yet set. Where the system lets nobody listen, the
        // first one ends the program, and the outbox is as after any other end.
        let _ = flag::register_conditional_default(signal, heard.clone());
        let _ = flag::register(signal, heard.clone());
    }
    heard
}
