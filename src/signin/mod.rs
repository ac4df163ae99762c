//! How a session proves who it is.

use std::fmt;

use crate::clock::Clock;
use crate::net::{Authzid, Credential, CredentialError};
use crate::secret::{Prompt, PromptError, Secret, Totp, TotpError};

/// How one mailbox signs in, at its submission server and at its mailbox server alike.
pub enum Method {
    /// Password by SASL PLAIN (RFC 4616).
    Password {
        /// The name to sign in with, mostly the address.
        user: String,
        /// Asked for where it is absent.
        password: Option<Secret<String>>,
    },
    /// Password and one-time code (RFC 6238) in the password field of SASL PLAIN.
    PasswordTotp {
        /// The name to sign in with, mostly the address.
        user: String,
        /// Asked for where it is absent.
        password: Option<Secret<String>>,
        /// The seed of the codes, in base32; a code is asked for where it is absent.
        seed: Option<Secret<String>>,
        /// Where the code stands.
        placement: Placement,
    },
    /// The certificate of the TLS handshake, by SASL EXTERNAL (RFC 4422, appendix A).
    Certificate {
        /// Whom to act as.
        authzid: Authzid,
    },
}

/// Where the one-time code stands in the password field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// After the password.
    #[default]
    Appended,
    /// Before the password.
    Prefixed,
}

/// Why there is nothing to sign in with.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Nobody answered.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The seed of the one-time codes gives none.
    #[error("no one-time code can be made")]
    Totp(#[from] TotpError),
    /// A user name, password or identity that SASL cannot carry.
    #[error("this cannot be signed in with")]
    Credential(#[from] CredentialError),
}

/// What to show for one session, with the one-time code of this moment.
///
/// Make it right before the session is opened: the code is good for half a minute. A password that was asked for stays in
/// `method`, so that it is asked for once in a run; a code does not.
///
/// # Errors
/// Nobody to ask, a seed that is none, or a text that SASL PLAIN cannot carry.
pub fn credential(method: &mut Method, clock: Clock, prompt: &dyn Prompt) -> Result<Credential, SignInError> {
    match method {
        Method::Password { user, password } => {
            let password = password_of(user, password, prompt)?;
            Ok(Credential::plain(user, password.clone())?)
        }
        Method::PasswordTotp { user, password, seed, placement } => {
            let password = password_of(user, password, prompt)?;
            let code = match seed {
                Some(seed) => Totp::from_base32(seed)?.code(clock.unix_seconds()),
                None => prompt.secret(&format!("one-time code for {user}"), "signin.totp-seed")?,
            };
            let (password, code) = (password.expose().as_str(), code.expose().trim());
            let both = match placement {
                Placement::Appended => [password, code].concat(),
                Placement::Prefixed => [code, password].concat(),
            };
            Ok(Credential::plain(user, Secret::new(both))?)
        }
        Method::Certificate { authzid } => Ok(Credential::external(authzid.clone())?),
    }
}

/// The password, asked for once.
fn password_of<'a>(
    user: &str,
    known: &'a mut Option<Secret<String>>,
    prompt: &dyn Prompt,
) -> Result<&'a Secret<String>, PromptError> {
    if known.is_none() {
        *known = Some(prompt.secret(&format!("password for {user}"), "signin.password")?);
    }
    Ok(known.get_or_insert_default())
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Password { .. } => "Method::Password",
            Method::PasswordTotp { .. } => "Method::PasswordTotp",
            Method::Certificate { .. } => "Method::Certificate",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::secret::NoPrompt;

    /// Someone who answers what is foreseen, once.
    struct Answers(RefCell<Vec<&'static str>>);

    impl Prompt for Answers {
        fn secret(&self, _question: &str, _otherwise: &str) -> Result<Secret<String>, PromptError> {
            Ok(Secret::new(self.0.borrow_mut().remove(0).to_owned()))
        }

        fn line(&self, _question: &str, _default: Option<&str>, _otherwise: &str) -> Result<String, PromptError> {
            unreachable!("no line is asked for")
        }

        fn show(&self, _what: &str, _secret: &Secret<String>, _remark: &str, _: &str) -> Result<(), PromptError> {
            panic!("nothing is shown");
        }

        fn confirm(&self, _question: &str, _otherwise: &str) -> Result<bool, PromptError> {
            unreachable!("nothing is to be confirmed")
        }
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn said(credential: &Credential) -> String {
        let line = credential.line("");
        let line = std::str::from_utf8(line.expose()).unwrap().trim_end();
        String::from_utf8(STANDARD.decode(line).unwrap()).unwrap()
    }

    /// The moment and the code are those of RFC 6238, appendix B.
    #[test]
    fn the_code_of_the_moment_stands_where_the_profile_says() {
        let clock = Clock::Fixed("2005-03-18T01:58:31Z".parse().unwrap());
        for (placement, expected) in [(Placement::Appended, "pw050471"), (Placement::Prefixed, "050471pw")] {
            let seed = Some(secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"));
            let mut method =
                Method::PasswordTotp { user: "a@x.fr".to_owned(), password: Some(secret("pw")), seed, placement };
            let credential = credential(&mut method, clock, &NoPrompt).unwrap();
            assert_eq!(said(&credential), format!("\0a@x.fr\0{expected}"));
        }
    }

    #[test]
    fn a_password_is_asked_for_once_and_a_code_each_time() {
        let answers = Answers(RefCell::new(vec!["pw", "111111", " 222222\n"]));
        let mut method =
            Method::PasswordTotp { user: "u".to_owned(), password: None, seed: None, placement: Placement::Appended };
        assert_eq!(said(&credential(&mut method, Clock::System, &answers).unwrap()), "\0u\0pw111111");
        assert_eq!(said(&credential(&mut method, Clock::System, &answers).unwrap()), "\0u\0pw222222");
    }

    #[test]
    fn where_nobody_can_be_asked_the_error_names_the_setting() {
        let mut method = Method::Password { user: "u".to_owned(), password: None };
        let error = credential(&mut method, Clock::System, &NoPrompt).unwrap_err();
        assert_eq!(error.to_string(), "password for u cannot be asked here; give signin.password");
    }
}
