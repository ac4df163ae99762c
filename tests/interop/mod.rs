//! The real program against real programs; each test says which it needs, and what is skipped without.

mod curl;
mod openssl;
mod pkcs12;
mod python;
mod token;
mod vault_openssl;
