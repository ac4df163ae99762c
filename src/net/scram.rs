//! SCRAM-SHA-256 (RFC 5802, RFC 7677): the password never leaves, and the server proves that it knows it too.

use std::num::NonZeroU32;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::binding::ChannelBinding;
use super::error::bounded;
use super::sasl::SaslFault;
use super::saslprep::saslprep;
use crate::secret::Secret;

/// How often a password may have to be stretched: less is too easy to guess (RFC 7677, section 4), more keeps us busy.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4096..=1_000_000;

/// Longest nonce and salt that are taken, in characters.
const LONGEST: usize = 1024;

/// What is said of channel binding (RFC 5802, section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// The exchange is bound to the connection.
    Bound(ChannelBinding),
    /// We could, and the server does not offer it: it knows better if somebody on the way removed its offer.
    NotOffered,
    /// We could not.
    Impossible,
}

/// One exchange.
pub(super) struct Scram {
    header: String,
    binding: Vec<u8>,
    first_bare: String,
    nonce: String,
    password: Secret<String>,
    expected: Option<[u8; 32]>,
    proven: bool,
}

impl Scram {
    /// Begins with this nonce, which is random.
    pub(super) fn begin(
        user: &str,
        password: &Secret<String>,
        binding: Binding,
        nonce: String,
    ) -> Result<Scram, SaslFault> {
        let user = saslprep(user).map_err(|_| SaslFault::Unsendable("user name"))?;
        let password = saslprep(password.expose()).map_err(|_| SaslFault::Unsendable("password"))?;
        let (header, data) = match binding {
            Binding::Bound(it) => (format!("p={},,", it.name), it.data),
            Binding::NotOffered => ("y,,".to_owned(), Vec::new()),
            Binding::Impossible => ("n,,".to_owned(), Vec::new()),
        };
        let first_bare = format!("n={},r={nonce}", user.replace('=', "=3D").replace(',', "=2C"));
        let binding = [header.as_bytes(), &data].concat();
        Ok(Scram { header, binding, first_bare, nonce, password: Secret::new(password), expected: None, proven: false })
    }

    /// client-first-message.
    pub(super) fn first(&self) -> Vec<u8> {
        format!("{}{}", self.header, self.first_bare).into_bytes()
    }

    /// client-final-message, as the answer to server-first-message.
    pub(super) fn last(&mut self, server_first: &[u8]) -> Result<Secret<Vec<u8>>, SaslFault> {
        let server_first = std::str::from_utf8(server_first).map_err(|_| SaslFault::Malformed("it is not UTF-8"))?;
        let mut parts = server_first.split(',');
        // `m=` announces an extension that must be understood (RFC 5802, section 5.1); there is none.
        let mut part = |name: &str| {
            let value = parts.next().and_then(|part| part.strip_prefix(name));
            value.filter(|value| value.len() <= LONGEST).ok_or(SaslFault::Malformed("it is no answer of SCRAM"))
        };
        let (nonce, salt, iterations) = (part("r=")?, part("s=")?, part("i=")?);
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(SaslFault::Malformed("its nonce does not continue ours"));
        }
        let salt = STANDARD.decode(salt).map_err(|_| SaslFault::Malformed("its salt is not base64"))?;
        let count: u32 = iterations.parse().map_err(|_| SaslFault::Malformed("its count is no number"))?;
        let rounds = NonZeroU32::new(count).filter(|_| ITERATIONS.contains(&count) && !salt.is_empty());
        let rounds = rounds.ok_or(SaslFault::Iterations { count })?;

        let mut salted = Zeroizing::new([0u8; 32]);
        derive(PBKDF2_HMAC_SHA256, rounds, &salt, self.password.expose().as_bytes(), salted.as_mut_slice());
        // Who knows the client key can sign in without the password.
        let client_key = Zeroizing::new(hmac(salted.as_slice(), b"Client Key"));
        let stored_key = digest(&SHA256, client_key.as_slice());
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(&self.binding));
        let message = format!("{},{server_first},{without_proof}", self.first_bare);
        let signature = hmac(stored_key.as_ref(), message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, octet)| key ^ octet).collect();
        let server_key = Zeroizing::new(hmac(salted.as_slice(), b"Server Key"));
        self.expected = Some(hmac(server_key.as_slice(), message.as_bytes()));
        Ok(Secret::new(format!("{without_proof},p={}", STANDARD.encode(proof)).into_bytes()))
    }

    /// Whether client-final-message was sent.
    pub(super) fn is_last(&self) -> bool {
        self.expected.is_some()
    }

    /// server-final-message: the proof of the server, or why it refuses.
    pub(super) fn verify(&mut self, server_last: &[u8]) -> Result<(), SaslFault> {
        let text = std::str::from_utf8(server_last).map_err(|_| SaslFault::Malformed("it is not UTF-8"))?;
        if let Some(error) = text.strip_prefix("e=") {
            return Err(SaslFault::Told(bounded(error)));
        }
        let proof = text.strip_prefix("v=").and_then(|rest| rest.split(',').next()).unwrap_or_default();
        let proof = STANDARD.decode(proof).map_err(|_| SaslFault::Unproven)?;
        let expected = self.expected.ok_or(SaslFault::Unproven)?;
        verify_slices_are_equal(&proof, &expected).map_err(|_| SaslFault::Unproven)?;
        self.proven = true;
        Ok(())
    }

    /// Whether the server proved that it knows the password.
    pub(super) fn is_proven(&self) -> bool {
        self.proven
    }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    sign(&Key::new(HMAC_SHA256, key), data).as_ref().try_into().expect("HMAC-SHA-256 gives 32 octets")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn begun(user: &str, binding: Binding) -> Scram {
        Scram::begin(user, &Secret::new("pencil".to_owned()), binding, NONCE.to_owned()).unwrap()
    }

    /// RFC 7677, section 3.
    #[test]
    fn the_exchange_is_that_of_rfc_7677() {
        let mut scram = begun("user", Binding::Impossible);
        assert_eq!(scram.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let last = scram.last(SERVER_FIRST.as_bytes()).unwrap();
        let expected = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(std::str::from_utf8(last.expose()).unwrap(), expected);
        assert!(!scram.is_proven());
        scram.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(scram.is_proven());
    }

    #[test]
    fn a_server_that_does_not_know_the_password_is_refused() {
        for bad in ["v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", "v=", "", "v=AAAA", "x"] {
            let mut scram = begun("user", Binding::Impossible);
            scram.last(SERVER_FIRST.as_bytes()).unwrap();
            assert!(matches!(scram.verify(bad.as_bytes()), Err(SaslFault::Unproven)), "{bad}");
            assert!(!scram.is_proven());
        }
        let mut scram = begun("user", Binding::Impossible);
        assert!(matches!(scram.verify(b"v=AAAA"), Err(SaslFault::Unproven)), "before anything was asked");
        assert!(matches!(scram.verify(b"e=invalid-proof"), Err(SaslFault::Told(_))));
    }

    #[test]
    fn a_server_chooses_neither_a_weak_nor_an_endless_stretching_nor_another_nonce() {
        for bad in [
            SERVER_FIRST.replace("4096", "4095"),
            SERVER_FIRST.replace("4096", "1000001"),
            SERVER_FIRST.replace("4096", "99999999999999"),
            SERVER_FIRST.replace("4096", "-1"),
            SERVER_FIRST.replace("r=r", "r=x"),
            SERVER_FIRST.replace("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", ""),
            SERVER_FIRST.replace("s=W22ZaJ0SNY7soEsUEjb6gQ==", "s=?"),
            SERVER_FIRST.replace("s=W22ZaJ0SNY7soEsUEjb6gQ==", "s="),
            format!("m=x,{SERVER_FIRST}"),
            String::new(),
        ] {
            assert!(begun("user", Binding::Impossible).last(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_cannot_move_the_borders_and_the_binding_is_said_as_it_is() {
        let first = |user, binding| String::from_utf8(begun(user, binding).first()).unwrap();
        assert_eq!(first("a=b,c", Binding::NotOffered), format!("y,,n=a=3Db=2Cc,r={NONCE}"));
        let bound = Binding::Bound(ChannelBinding { name: "tls-exporter", data: vec![1, 2] });
        assert_eq!(first("u", bound.clone()), format!("p=tls-exporter,,n=u,r={NONCE}"));
        let last = begun("u", bound).last(SERVER_FIRST.as_bytes()).unwrap();
        let header = STANDARD.encode(b"p=tls-exporter,,\x01\x02");
        assert!(last.expose().starts_with(format!("c={header},r=").as_bytes()));
    }
}
