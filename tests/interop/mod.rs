//! The real program against real programs; each test says which it needs, and what is skipped without.

mod bouncycastle;
mod cms;
mod curl;
mod dovecot;
mod gnupg;
mod kills;
mod openssl;
mod packages;
mod paths;
mod pkcs12;
mod postfix;
mod proxies;
mod python;
mod signin;
mod tls;
mod token;
mod vault_openssl;
