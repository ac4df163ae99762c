//! PKCS#11 URIs (RFC 7512): which token, which key on it, and the module that reaches it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Octets of the longest URI that is read.
const LONGEST: usize = 2048;

/// Why a text is not the URI of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Another scheme, or too long.
    #[error("it does not begin with pkcs11:")]
    Scheme,
    /// Not NAME=VALUE, or an escape that is none.
    #[error("a part of it is not NAME=VALUE with % and two digits for other characters")]
    Malformed,
    /// A name that is not used here; passing over it would let another key fit.
    #[error("it has a part that is not known here: {0}")]
    Unknown(String),
    /// The same name twice.
    #[error("it has {0} twice")]
    Twice(&'static str),
    /// A PIN in it would be seen in lists of processes and in histories.
    #[error("it holds a PIN, or where to find one")]
    Pin,
    /// A relative path would mean another file from another folder.
    #[error("module-path is not an absolute path")]
    RelativeModule,
}

/// Which key on which token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenUri {
    pub(super) token: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    pub(super) object: Option<String>,
    pub(super) id: Option<Vec<u8>>,
    module: Option<PathBuf>,
}

impl TokenUri {
    /// The library that reaches the token.
    pub fn module(&self) -> Option<&Path> {
        self.module.as_deref()
    }
}

impl FromStr for TokenUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<TokenUri, UriError> {
        let rest = text.strip_prefix("pkcs11:").filter(|_| text.len() <= LONGEST).ok_or(UriError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = TokenUri::default();
        for part in path.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = attribute(part)?;
            match name {
                "token" => once(&mut uri.token, "token", utf8(value)?)?,
                "serial" => once(&mut uri.serial, "serial", utf8(value)?)?,
                "manufacturer" => once(&mut uri.manufacturer, "manufacturer", utf8(value)?)?,
                "model" => once(&mut uri.model, "model", utf8(value)?)?,
                "object" => once(&mut uri.object, "object", utf8(value)?)?,
                "id" => once(&mut uri.id, "id", value)?,
                // The key is meant, however the URI was copied from the listing of a program.
                "type" if matches!(value.as_slice(), b"private" | b"cert" | b"public") => {}
                "pin-value" | "pin-source" => return Err(UriError::Pin),
                other => return Err(UriError::Unknown(shown(other))),
            }
        }
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = attribute(part)?;
            match name {
                "module-path" => {
                    let path = PathBuf::from(utf8(value)?);
                    if !path.is_absolute() {
                        return Err(UriError::RelativeModule);
                    }
                    once(&mut uri.module, "module-path", path)?;
                }
                "pin-value" | "pin-source" => return Err(UriError::Pin),
                other => return Err(UriError::Unknown(shown(other))),
            }
        }
        Ok(uri)
    }
}

fn attribute(part: &str) -> Result<(&str, Vec<u8>), UriError> {
    let (name, value) = part.split_once('=').ok_or(UriError::Malformed)?;
    Ok((name, unescape(value).ok_or(UriError::Malformed)?))
}

/// Percent-encoding (RFC 3986, section 2.1).
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            octets.push(first);
            continue;
        }
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        octets.push(u8::try_from(digit(0)? << 4 | digit(1)?).ok()?);
        rest = &after[2..];
    }
    Some(octets)
}

fn utf8(octets: Vec<u8>) -> Result<String, UriError> {
    String::from_utf8(octets).map_err(|_| UriError::Malformed)
}

fn once<T>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), UriError> {
    if place.replace(value).is_some() { Err(UriError::Twice(name)) } else { Ok(()) }
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_graphic()).take(40).collect()
}

/// Octets as they stand in `id=`.
pub(super) struct Escaped<'a>(pub(super) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "%{octet:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TokenUri, UriError> {
        text.parse()
    }

    #[test]
    fn a_uri_names_token_key_and_module() {
        let uri = read(
            "pkcs11:token=Carte%20CPS;serial=80250;object=cl%c3%a9;id=%01%AB;type=private?module-path=/usr/lib/x.so",
        );
        let uri = uri.unwrap();
        assert_eq!((uri.token.as_deref(), uri.serial.as_deref()), (Some("Carte CPS"), Some("80250")));
        assert_eq!((uri.object.as_deref(), uri.id.as_deref()), (Some("clé"), Some(&[1, 0xAB][..])));
        assert_eq!(uri.module(), Some(Path::new("/usr/lib/x.so")));
        assert_eq!(read("pkcs11:").unwrap(), TokenUri::default());
    }

    #[test]
    fn what_would_let_another_key_fit_is_refused() {
        for (text, error) in [
            ("token=x", UriError::Scheme),
            ("pkcs11:tokn=x", UriError::Unknown("tokn".to_owned())),
            ("pkcs11:token=x;token=y", UriError::Twice("token")),
            ("pkcs11:token", UriError::Malformed),
            ("pkcs11:id=%0", UriError::Malformed),
            ("pkcs11:token=%ff", UriError::Malformed),
            ("pkcs11:type=data", UriError::Unknown("type".to_owned())),
            ("pkcs11:?module-name=opensc", UriError::Unknown("module-name".to_owned())),
            ("pkcs11:?module-path=x.so", UriError::RelativeModule),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
        assert_eq!(read(&format!("pkcs11:token={}", "x".repeat(LONGEST))), Err(UriError::Scheme));
    }

    #[test]
    fn a_pin_in_a_uri_is_refused_and_not_repeated() {
        for text in ["pkcs11:token=x?pin-value=4711", "pkcs11:token=x;pin-value=4711", "pkcs11:?pin-source=file:/4711"]
        {
            let error = read(text).unwrap_err();
            assert_eq!(error, UriError::Pin);
            assert!(!format!("{error} {error:?}").contains("4711"));
        }
    }
}
