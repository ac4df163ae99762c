//! The real program against real programs; each test says which it needs, and what is skipped without.

mod curl;
mod openssl;
mod paths;
mod python;
mod vault_openssl;
