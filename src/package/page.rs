//! The package as one page: it asks for the password, decrypts in the browser, shows the text and offers the files.
//!
//! PBKDF2 with SHA-256 and AES-256-GCM (NIST SP 800-132, 800-38D), which every browser has in Web Crypto. Subject, sender,
//! date, text, names and files are one ciphertext, and the parameters are authenticated with it. The page loads nothing: its
//! policy allows its own script and style by their digests and no connection at all (Content Security Policy, level 2).

use std::io::{self, Write};
use std::num::NonZeroU32;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, pbkdf2};
use base64_simd::STANDARD;
use serde::Serialize;
use zeroize::Zeroizing;

use super::content::Content;
use super::{PackageError, Password};

const HTML: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Half a second on a telephone; 600,000 are the least that OWASP asks for.
const ROUNDS: NonZeroU32 = NonZeroU32::new(1_000_000).expect("it is not zero");
const TAG: usize = 16;
/// Octets encoded in one go; without a rest, so that no padding falls between two pieces.
const PIECE: usize = 48 * 1024;

/// What the page needs beside the password. Its text is the associated data of the cipher.
#[derive(Serialize)]
struct Parameters<'a> {
    version: u8,
    rounds: u32,
    salt: &'a str,
    nonce: &'a str,
}

/// Writes the page. It is made, and later opened, in memory: that is why its content is bounded.
pub(super) fn write(content: &Content<'_>, password: &Password, out: &mut dyn Write) -> Result<(), PackageError> {
    let (mut salt, mut nonce) = ([0u8; 16], [0u8; 12]);
    for random in [&mut salt[..], &mut nonce[..]] {
        aws_lc_rs::rand::fill(random).map_err(|_| PackageError::Randomness)?;
    }
    let parameters = Parameters {
        version: 1,
        rounds: ROUNDS.get(),
        salt: &STANDARD.encode_to_string(salt),
        nonce: &STANDARD.encode_to_string(nonce),
    };
    let parameters = serde_json::to_string(&parameters).expect("numbers and base64 are JSON");
    let mut sealed = plain(content)?;
    cipher(password, &salt, ROUNDS)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&parameters), &mut *sealed)
        .expect("the content is far below the limit of GCM");
    frame(&parameters, &sealed, out).map_err(PackageError::output)
}

/// Four octets of length, the description in JSON, then the files one behind the other.
fn plain(content: &Content<'_>) -> Result<Zeroizing<Vec<u8>>, PackageError> {
    let description = Zeroizing::new(serde_json::to_vec(&content.description).expect("text and numbers are JSON"));
    let length = u32::try_from(description.len()).expect("a page holds far less");
    let size =
        content.files.iter().map(|file| usize::try_from(file.size()).expect("a page holds far less")).sum::<usize>();
    // Room for all of it at once: a growing buffer would leave copies behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(4 + description.len() + size + TAG));
    plain.extend_from_slice(&length.to_be_bytes());
    plain.extend_from_slice(&description);
    for (number, file) in content.files.iter().enumerate() {
        file.copy_to(number + 1, &mut *plain)?;
    }
    Ok(plain)
}

fn cipher(password: &Password, salt: &[u8], rounds: NonZeroU32) -> LessSafeKey {
    let mut key = Zeroizing::new([0u8; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, password.secret().expose().as_bytes(), &mut *key);
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key).expect("AES-256 takes 32 octets"))
}

/// Nothing in the page is written by the sender: style and script are ours, the rest is numbers and base64.
fn frame(parameters: &str, sealed: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let (before, behind) = HTML.split_once("{content}").expect("the page has a place for the content");
    let before = before
        .replace("{style-hash}", &source_hash(STYLE))
        .replace("{script-hash}", &source_hash(SCRIPT))
        .replace("{style}", STYLE)
        .replace("{parameters}", parameters);
    out.write_all(before.as_bytes())?;
    for piece in sealed.chunks(PIECE) {
        out.write_all(STANDARD.encode_to_string(piece).as_bytes())?;
    }
    out.write_all(behind.replace("{script}", SCRIPT).as_bytes())
}

/// A source expression that allows this very text (Content Security Policy, level 2, section 4.2.5).
fn source_hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode_to_string(digest::digest(&digest::SHA256, text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::specimen::{HOSTILE, content_of, draft};

    /// The text of a script element by its id.
    fn element<'a>(page: &'a str, id: &str) -> &'a str {
        let (_, rest) = page.split_once(&format!("id=\"{id}\">")).unwrap();
        rest.split_once("</script>").unwrap().0
    }

    fn page() -> (String, Password) {
        let (draft, password) = (draft(), Password::generate().unwrap());
        let mut page = Vec::new();
        write(&content_of(&draft), &password, &mut page).unwrap();
        (String::from_utf8(page).unwrap(), password)
    }

    /// Decrypts as the page does, with a key that was derived before.
    fn decrypt(key: &LessSafeKey, parameters: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let read: serde_json::Value = serde_json::from_str(parameters).ok()?;
        let nonce = STANDARD.decode_to_vec(read["nonce"].as_str()?).ok()?;
        let mut data = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        key.open_in_place(nonce, Aad::from(parameters), &mut data).ok().map(|plain| plain.to_vec())
    }

    fn key_of(page: &str, password: &Password) -> LessSafeKey {
        let parameters: serde_json::Value = serde_json::from_str(element(page, "parameters")).unwrap();
        let rounds = u32::try_from(parameters["rounds"].as_u64().unwrap()).unwrap();
        assert!(rounds >= 600_000);
        let salt = STANDARD.decode_to_vec(parameters["salt"].as_str().unwrap()).unwrap();
        cipher(password, &salt, NonZeroU32::new(rounds).unwrap())
    }

    #[test]
    fn everything_is_inside_the_ciphertext_and_comes_out_as_it_was() {
        let (page, password) = page();
        let sealed = STANDARD.decode_to_vec(element(&page, "content")).unwrap();
        let plain = decrypt(&key_of(&page, &password), element(&page, "parameters"), &sealed).unwrap();
        let length = u32::from_be_bytes(plain[..4].try_into().unwrap()) as usize;
        let described: serde_json::Value = serde_json::from_slice(&plain[4..4 + length]).unwrap();
        assert_eq!(described["subject"], HOSTILE);
        assert_eq!(described["text"], format!("{HOSTILE}\nÀ demain.\n"));
        assert_eq!(described["files"][0]["name"], "résultat.pdf");
        assert_eq!(described["files"][1]["name"], "résultat-2.pdf", "no two have one name");
        assert_eq!(&plain[4 + length..], b"%PDF-1.7 one\x00two");
        for said in ["alert(", "résultat", "Tilleuls", "labo@", "durand", "%PDF"] {
            assert!(!page.contains(said), "{said} shows");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_other_password_is_refused() {
        let (page, password) = page();
        let (parameters, content) = (element(&page, "parameters"), element(&page, "content"));
        let sealed = STANDARD.decode_to_vec(content).unwrap();
        let key = key_of(&page, &password);
        assert!(decrypt(&key, parameters, &sealed).is_some());
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decrypt(&key, parameters, &changed).is_none(), "bit {bit}");
        }
        for cut in 0..sealed.len() {
            assert!(decrypt(&key, parameters, &sealed[..cut]).is_none(), "cut at {cut}");
        }
        for bit in 0..parameters.len() * 8 {
            let mut changed = parameters.as_bytes().to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = String::from_utf8_lossy(&changed).into_owned();
            assert!(decrypt(&key, &changed, &sealed).is_none(), "bit {bit} of the parameters");
        }
        let other = Password::generate().unwrap();
        assert!(decrypt(&key_of(&page, &other), parameters, &sealed).is_none());
    }

    #[test]
    fn the_policy_allows_our_own_script_and_style_and_nothing_else() {
        let (page, _) = page();
        let policy = page.split_once("Content-Security-Policy\" content=\"").unwrap().1.split_once('"').unwrap().0;
        let inside = |tag: &str| {
            let (_, rest) = page.rsplit_once(&format!("<{tag}>")).unwrap();
            rest.split_once(&format!("</{tag}>")).unwrap().0
        };
        let expected = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'; \
             require-trusted-types-for 'script'",
            source_hash(inside("script")),
            source_hash(inside("style"))
        );
        assert_eq!(policy, expected);
        for way_out in ["http:", "https:", "//cdn", "innerHTML", "eval(", "fetch(", "import(", "src=", "style="] {
            assert!(!page.contains(way_out), "{way_out}");
        }
        assert!(!SCRIPT.contains("</") && !SCRIPT.contains("<!--") && !STYLE.contains("</"));
    }

    #[test]
    fn both_languages_say_everything_the_page_shows() {
        let (french, english) = SCRIPT.split_once("\n  en: {").unwrap();
        let english = english.split_once("\n};").unwrap().0;
        let key = |line: &str| line.trim().split_once(": ").map(|(key, _)| key.to_owned());
        let keys = |text: &str| text.lines().filter_map(key).filter(|key| key != "fr").collect::<Vec<_>>();
        assert_eq!(keys(french.split_once("SAYINGS").unwrap().1), keys(english));
        for said in HTML.split("data-say=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0) {
            assert!(keys(english).contains(&said.to_owned()), "{said}");
        }
    }
}
