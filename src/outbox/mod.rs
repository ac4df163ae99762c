//! The durable journal of what is to be sent and what became of it.
