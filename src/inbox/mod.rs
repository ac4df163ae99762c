//! The durable journal of what was fetched, so that nothing is fetched twice.
