//! How a session proves who it is.
