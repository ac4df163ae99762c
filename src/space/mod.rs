//! The trusted space: its signed list of admitted domains, and the recipients it admits.
