//! Who may sign in: password followed by a one-time code, or the client certificate of the TLS session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

use crate::clock::Clock;
use crate::mail::Address;
use crate::sandbox::people::Account;
use crate::sandbox::tokens::Tokens;
use crate::secret::{Secret, Totp};

/// The digits of a one-time code.
const CODE: usize = 6;

/// How long the answer to a failed sign-in takes.
pub(super) const FAILURE_DELAY: Duration = Duration::from_millis(100);

/// Everybody who has a mailbox.
pub(super) struct Accounts {
    accounts: HashMap<String, Account>,
    clock: Clock,
    /// The step of the last code of each account; read only where codes are good once.
    last_steps: Mutex<HashMap<String, u64>>,
    /// What the provider of access tokens gave.
    tokens: Arc<Tokens>,
}

impl Accounts {
    pub(super) fn new(accounts: Vec<Account>, clock: Clock, tokens: Arc<Tokens>) -> Accounts {
        let accounts = accounts.into_iter().map(|account| (account.address.key(), account)).collect();
        Accounts { accounts, clock, last_steps: Mutex::default(), tokens }
    }

    /// Whether mail for this address can be delivered.
    pub(super) fn has_mailbox(&self, address: &Address) -> bool {
        self.accounts.contains_key(&address.key())
    }

    /// Whether this domain is one of the operator's.
    pub(super) fn has_domain(&self, domain: &str) -> bool {
        self.accounts.values().any(|account| account.address.domain() == domain)
    }

    /// Signs in with the address and the password with the code right behind it; `once` refuses a code used before.
    pub(super) fn with_password(&self, user: &str, secret: &Secret<Vec<u8>>, once: bool) -> Option<&Address> {
        let account = self.accounts.get(&user.parse::<Address>().ok()?.key())?;
        let secret = secret.expose();
        let (password, code) = secret.split_at(secret.len().checked_sub(CODE)?);
        let step = Totp::from_base32(&account.totp_seed)
            .ok()?
            .step_of(std::str::from_utf8(code).ok()?, self.clock.unix_seconds());
        let right = verify_slices_are_equal(password, account.password.expose().as_bytes()).is_ok();
        let step = step.filter(|_| right)?;
        let mut last_steps = self.last_steps.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last_steps.entry(account.address.key()).or_default();
        if once && step <= *last {
            return None;
        }
        *last = step.max(*last);
        Some(&account.address)
    }

    /// The password of somebody: SCRAM is judged by it alone, without one-time code.
    pub(super) fn password_of(&self, user: &str) -> Option<(&Address, &Secret<String>)> {
        let account = self.accounts.get(&user.parse::<Address>().ok()?.key())?;
        Some((&account.address, &account.password))
    }

    /// Whether it is the password without a code: the code is then asked for.
    pub(super) fn lacks_code(&self, user: &str, secret: &Secret<Vec<u8>>) -> bool {
        self.password_of(user)
            .is_some_and(|(_, password)| verify_slices_are_equal(secret.expose(), password.expose().as_bytes()).is_ok())
    }

    /// Signs in with an access token of the same person; `expired` makes those that were given so far useless.
    pub(super) fn with_token(&self, user: &str, token: &str, expired: bool) -> Option<&Address> {
        if expired {
            self.tokens.expire();
        }
        let account = self.accounts.get(&user.parse::<Address>().ok()?.key())?;
        (self.tokens.owner(token)? == account.address).then_some(&account.address)
    }

    /// Signs in by the certificate of the TLS session (RFC 4422, appendix A); `authzid` is empty or the same address.
    pub(super) fn with_certificate(&self, certificate: Option<&[u8]>, authzid: &str) -> Option<&Address> {
        let fingerprint = digest(&SHA256, certificate?);
        let known = |account: &&Account| account.certificate_sha256.is_some_and(|own| own == fingerprint.as_ref());
        let account = self.accounts.values().find(known)?;
        let same = || authzid.parse::<Address>().is_ok_and(|address| address == account.address);
        (authzid.is_empty() || same()).then_some(&account.address)
    }
}

/// The three parts of a PLAIN message (RFC 4616): authzid, authcid, password.
pub(super) fn split_plain(message: &[u8]) -> Option<(&str, &str, Secret<Vec<u8>>)> {
    let mut parts = message.splitn(3, |octet| *octet == 0);
    let authzid = std::str::from_utf8(parts.next()?).ok()?;
    let authcid = std::str::from_utf8(parts.next()?).ok()?;
    let password = parts.next()?;
    let well_formed = !authcid.is_empty() && !password.is_empty() && !password.contains(&0);
    well_formed.then(|| (authzid, authcid, Secret::new(password.to_vec())))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::clock::Clock;
    use crate::sandbox::people::Account;
    use crate::sandbox::signin::{Accounts, split_plain};
    use crate::secret::{Secret, Totp};

    const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn accounts() -> Accounts {
        let account = Account {
            address: "labo@biologie.sandbox".parse().unwrap(),
            password: Secret::new("tilleul".to_owned()),
            totp_seed: Secret::new(SEED.to_owned()),
            certificate_sha256: Some(
                aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"der").as_ref().try_into().unwrap(),
            ),
        };
        Accounts::new(vec![account], Clock::Fixed("2026-01-05T08:00:00Z".parse().unwrap()), Arc::default())
    }

    fn secret(password: &str, seconds: i64) -> Secret<Vec<u8>> {
        let totp = Totp::from_base32(&Secret::new(SEED.to_owned())).unwrap();
        let code = totp.code(u64::try_from(1_767_600_000 + seconds).unwrap());
        Secret::new(format!("{password}{}", code.expose()).into_bytes())
    }

    #[test]
    fn password_and_code_open_and_nothing_less_does() {
        let accounts = accounts();
        let ok = |user: &str, secret: Secret<Vec<u8>>| accounts.with_password(user, &secret, false).is_some();
        assert!(ok("LABO@biologie.sandbox", secret("tilleul", 0)));
        assert!(ok("labo@biologie.sandbox", secret("tilleul", 29)));
        assert!(!ok("labo@biologie.sandbox", secret("tilleul", 300)), "a code of another time");
        assert!(!ok("labo@biologie.sandbox", secret("chêne", 0)));
        assert!(!ok("nobody@biologie.sandbox", secret("tilleul", 0)));
        assert!(!ok("labo@biologie.sandbox", Secret::new(b"tilleul".to_vec())), "no code");
        assert!(!ok("labo@biologie.sandbox", Secret::new(b"12345".to_vec())));
    }

    #[test]
    fn a_code_is_good_twice_unless_that_is_refused() {
        let accounts = accounts();
        let sign_in = |once, seconds| {
            accounts.with_password("labo@biologie.sandbox", &secret("tilleul", seconds), once).is_some()
        };
        assert!(sign_in(false, 0) && sign_in(false, 0));
        assert!(!sign_in(true, 0));
        assert!(sign_in(true, 30));
        assert!(!sign_in(true, 0), "an older one either");
    }

    #[test]
    fn a_certificate_speaks_for_its_own_address_only() {
        let accounts = accounts();
        let ok = |certificate: Option<&[u8]>, authzid| accounts.with_certificate(certificate, authzid).is_some();
        assert!(ok(Some(b"der"), "") && ok(Some(b"der"), "labo@biologie.sandbox"));
        assert!(!ok(Some(b"der"), "dr.durand@medecin.sandbox"));
        assert!(!ok(Some(b"other"), "") && !ok(None, ""));
    }

    #[test]
    fn a_plain_message_has_three_parts() {
        let (authzid, authcid, password) = split_plain(b"\0user\0pass").unwrap();
        assert_eq!((authzid, authcid, password.expose().as_slice()), ("", "user", b"pass".as_slice()));
        for bad in [&b""[..], b"user\0pass", b"\0\0pass", b"\0user\0", b"\0user\0pa\0ss", b"\0us\xffer\0pass"] {
            assert!(split_plain(bad).is_none());
        }
    }
}
