//! From a passphrase to the key-encryption key of the vault: Argon2id (RFC 9106), its parameters kept in the key identifier.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use super::file::VaultError;
use crate::secret::Secret;

/// How a key identifier that names a passphrase begins.
const MARK: &str = "argon2id$";
/// Memory in KiB, passes, lanes: RFC 9106, section 4, second recommended option.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;
/// A file from elsewhere may ask for no more work than this.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 16;
const SALT: usize = 16;

/// The cost and the salt of one passphrase, as they stand in clear in the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
}

impl Recipe {
    /// Today's cost and a new salt.
    pub(super) fn new() -> Result<Recipe, VaultError> {
        let mut salt = vec![0; SALT];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| VaultError::Randomness)?;
        Ok(Recipe { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt })
    }

    /// The key identifier (RFC 5652, section 6.2.3) that carries it: `argon2id$v=19$m=65536,t=3,p=4$salt`.
    pub(super) fn identifier(&self) -> Vec<u8> {
        let salt = BASE64_STANDARD_NO_PAD.encode(&self.salt);
        format!("{MARK}v=19$m={},t={},p={}${salt}", self.memory_kib, self.passes, self.lanes).into_bytes()
    }

    /// Whether a key identifier names a passphrase at all.
    pub(super) fn is_one(identifier: &[u8]) -> bool {
        identifier.starts_with(MARK.as_bytes())
    }

    /// Reads a key identifier; what asks for more work than a vault may is refused.
    pub(super) fn parse(identifier: &[u8]) -> Result<Recipe, VaultError> {
        let damaged = || VaultError::Damaged("the parameters of the passphrase cannot be read");
        let text = std::str::from_utf8(identifier).map_err(|_| damaged())?;
        let rest = text.strip_prefix(MARK).and_then(|rest| rest.strip_prefix("v=19$")).ok_or_else(damaged)?;
        let (costs, salt) = rest.split_once('$').ok_or_else(damaged)?;
        let mut numbers =
            costs.split(',').zip(["m=", "t=", "p="]).map(|(field, name)| field.strip_prefix(name)?.parse().ok());
        let mut next = || numbers.next().flatten().ok_or_else(damaged);
        let (memory_kib, passes, lanes) = (next()?, next()?, next()?);
        let salt = BASE64_STANDARD_NO_PAD.decode(salt).map_err(|_| damaged())?;
        let bounded = memory_kib <= MOST_MEMORY_KIB && passes <= MOST_PASSES && lanes <= MOST_LANES;
        if !bounded || !(8..=64).contains(&salt.len()) {
            return Err(VaultError::Damaged("the parameters of the passphrase are out of bounds"));
        }
        Ok(Recipe { memory_kib, passes, lanes, salt })
    }

    /// The key-encryption key of a passphrase.
    pub(super) fn key(&self, passphrase: &Secret<String>) -> Result<Secret<[u8; 32]>, VaultError> {
        let damaged = |_| VaultError::Damaged("the parameters of the passphrase are out of bounds");
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(damaged)?;
        let mut key = zeroize::Zeroizing::new([0u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose().as_bytes(), &self.salt, key.as_mut_slice())
            .map_err(damaged)?;
        Ok(Secret::new(*key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::Hex;

    #[test]
    fn a_recipe_travels_in_the_key_identifier() {
        let recipe = Recipe::new().unwrap();
        assert!(Recipe::is_one(&recipe.identifier()));
        assert_eq!(Recipe::parse(&recipe.identifier()).unwrap(), recipe);
    }

    #[test]
    fn a_recipe_that_asks_for_too_much_is_refused() {
        for bad in [
            "argon2id$v=19$m=99999999,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA",
            "argon2id$v=19$m=65536,t=300,p=4$AAAAAAAAAAAAAAAAAAAAAA",
            "argon2id$v=19$m=65536,t=3$AAAAAAAAAAAAAAAAAAAAAA",
            "argon2id$v=19$m=65536,t=3,p=4$",
            "argon2i$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(Recipe::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_key_is_that_of_argon2id() {
        // argon2 (the reference program): echo -n passphrase | argon2 saltsaltsaltsalt -id -m 12 -t 2 -p 1 -l 32 -r
        let recipe = Recipe { memory_kib: 4096, passes: 2, lanes: 1, salt: b"saltsaltsaltsalt".to_vec() };
        let key = recipe.key(&Secret::new("passphrase".to_owned())).unwrap();
        assert_eq!(Hex(key.expose()).to_string(), "fa5179cca6c84d48219c361cac27ece310e2f68ab03fe91326f69aae022b4a6f");
    }
}
