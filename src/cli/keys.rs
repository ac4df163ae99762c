//! The words that say where a certificate and its key are: in PEM files, in a PKCS#12 file, or on a token.

use std::path::{Path, PathBuf};

use super::diagnosis::Diagnosis;
use super::pair::{LIMIT, pem, read_pair};
use super::session::Session;
use super::status::Status;
use super::unlock;
use crate::cms::{Pkcs12Error, read_pkcs12};
use crate::commands::identity_of;
use crate::fs;
use crate::pki::Identity;
use crate::vault::Keys;

/// Where the certificate and its key are.
#[derive(Debug, clap::Args)]
pub struct KeyWords {
    /// The S/MIME certificate and its chain (PEM)
    #[arg(long, value_name = "FILE", requires = "private_key")]
    pub certificate: Option<PathBuf>,
    /// The key of the certificate (PEM, mode 0600)
    #[arg(long, value_name = "FILE", requires = "certificate", group = "private_key")]
    pub key: Option<PathBuf>,
    /// The S/MIME certificate, its chain and its key in one PKCS#12 file (.p12, .pfx); its password is asked for
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate", "private_key"])]
    pub p12: Option<PathBuf>,
    /// Read the password of the PKCS#12 file from the first line of this file (mode 0600)
    #[arg(long, value_name = "FILE", requires = "p12", conflicts_with = "p12_password_fd")]
    pub p12_password_file: Option<PathBuf>,
    /// Read the password of the PKCS#12 file from this file descriptor
    #[arg(long, value_name = "N", requires = "p12")]
    pub p12_password_fd: Option<i32>,
    /// The private key on a token or card: its PKCS#11 URI (RFC 7512) with module-path; the certificate may be there too
    #[arg(long, value_name = "URI", group = "private_key")]
    pub token: Option<String>,
    /// Keep the PIN of the token, read from the first line of this file (mode 0600); without, it is asked for at each run
    #[arg(long, value_name = "FILE", requires = "token", conflicts_with = "pin_command")]
    pub pin_file: Option<PathBuf>,
    /// Keep this command, whose first line of output is the PIN of the token
    #[arg(long, value_name = "COMMAND", requires = "token")]
    pub pin_command: Option<String>,
}

impl KeyWords {
    /// The keys that were named, if any were. A token is asked for its PIN once as long as the identity is held.
    pub(super) fn read(&self, session: &Session<'_>) -> Result<Option<(Keys, Identity)>, Diagnosis> {
        if let Some(file) = &self.p12 {
            return self.read_p12(file, session).map(Some);
        }
        if let Some(uri) = &self.token {
            return self.find_token(uri, session).map(Some);
        }
        let Some((certificate, key)) = self.certificate.as_deref().zip(self.key.as_deref()) else { return Ok(None) };
        let (certificate, key, identity) = read_pair(certificate, key)?;
        Ok(Some((Keys::of_pem(certificate, key), identity)))
    }

    /// The key is tried before it is kept: the token is there, takes the PIN, and signs with the key of the certificate.
    fn find_token(&self, uri: &str, session: &Session<'_>) -> Result<(Keys, Identity), Diagnosis> {
        let keys = Keys {
            certificate: self.certificate.as_deref().map(pem).transpose()?,
            key: None,
            token: Some(uri.to_owned()),
            pin: self.pin_file.as_deref().map(unlock::read_file).transpose()?,
            pin_command: self.pin_command.clone(),
            previous: Vec::new(),
        };
        let world = session.world();
        let name = session.globals.profile.as_deref().unwrap_or("that is made");
        let identity = identity_of(name, &keys, &world)?;
        identity.key().sign(b"mss").map_err(Diagnosis::token_key)?;
        Ok((keys, identity))
    }

    fn read_p12(&self, file: &Path, session: &Session<'_>) -> Result<(Keys, Identity), Diagnosis> {
        // Its key is under a password: the mode of the file is its owner's affair, as with the browsers that make it.
        let octets = fs::read_bounded(file, LIMIT).map_err(|error| Diagnosis::input_file(file, error))?;
        let question = format!("password of {}", file.display());
        let password = match (&self.p12_password_file, self.p12_password_fd) {
            (Some(path), _) => unlock::read_file(path)?,
            (None, Some(number)) => unlock::read_descriptor(number)?,
            (None, None) => session.prompt.secret(&question, "--p12-password-file FILE")?,
        };
        let identity = read_pkcs12(&octets, &password).map_err(|error| not_read(file, error))?;
        let chain = std::iter::once(identity.certificate()).chain(identity.chain());
        let certificate = chain.map(|certificate| certificate.to_pem()).collect();
        Ok((Keys::of_pem(certificate, identity.key().to_pkcs8_pem()), identity))
    }
}

fn not_read(file: &Path, error: Pkcs12Error) -> Diagnosis {
    let (status, code) = match error {
        Pkcs12Error::Password => (Status::SignIn, "p12-password"),
        Pkcs12Error::Memory => (Status::LocalIo, "p12"),
        _ => (Status::Data, "p12"),
    };
    let mut diagnosis = Diagnosis::of(status, code, format!("{} cannot be opened", file.display()));
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        diagnosis = diagnosis.because(error.to_string());
        cause = error.source();
    }
    match error {
        Pkcs12Error::Password => {
            diagnosis.hint("check the password and the keyboard layout; if it is right, copy the file anew")
        }
        Pkcs12Error::Malformed => {
            diagnosis.hint("copy the file anew from where it was made; PEM files go with --certificate and --key")
        }
        Pkcs12Error::Unsupported | Pkcs12Error::Iterations => {
            diagnosis.hint("export it anew with AES and SHA-256, as openssl pkcs12 -export does")
        }
        Pkcs12Error::NoKey | Pkcs12Error::Identity(_) => {
            diagnosis.hint("export the certificate together with its private key")
        }
        Pkcs12Error::SeveralKeys => diagnosis.hint("export one certificate with its key, not the whole store"),
        Pkcs12Error::TooLarge | Pkcs12Error::Key(_) | Pkcs12Error::Certificate(_) | Pkcs12Error::Memory => diagnosis,
    }
}
