//! What is shown at a given moment, and who is asked for it how often.

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Means, Method, Placement, ShownCodes, SignInError, Source, Tokens, credential};
use crate::clock::Clock;
use crate::net::{Credential, Exchange, PasswordBy};
use crate::secret::{NoPrompt, Prompt, PromptError, Secret};

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

    fn announce(&self, _text: &str, _otherwise: &str) -> Result<(), PromptError> {
        unreachable!("nothing is announced")
    }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn means<'a>(clock: Clock, prompt: &'a dyn Prompt) -> Means<'a> {
    Means {
        clock,
        prompt,
        output_of: |command| match command {
            "print-token" => Ok(Secret::new("t0ken".to_owned())),
            _ => Err("it ended with 1".to_owned()),
        },
        http: None,
        announce: &|_| panic!("nothing is announced"),
        wait: &|_| panic!("nothing is waited for"),
    }
}

/// What PLAIN would say.
fn said(credential: &Credential) -> String {
    let mut exchange = Exchange::begin(credential, ["PLAIN", "XOAUTH2"].into_iter(), None).unwrap();
    let command = exchange.command("AUTH", Some(4096));
    let line = std::str::from_utf8(command.expose()).unwrap().trim_end().rsplit(' ').next().unwrap().to_owned();
    String::from_utf8(STANDARD.decode(line).unwrap()).unwrap()
}

fn with_codes(seed: Option<&str>, password: Option<&str>, placement: Placement) -> Method {
    let (user, shown) = ("u".to_owned(), ShownCodes::default());
    Method::PasswordTotp { user, password: password.map(secret), seed: seed.map(secret), placement, shown }
}

/// The moment and the code are those of RFC 6238, appendix B.
#[test]
fn the_code_of_the_moment_stands_where_the_profile_says() {
    let clock = Clock::Fixed("2005-03-18T01:58:31Z".parse().unwrap());
    for (placement, expected) in
        [(Placement::Appended, "pw050471"), (Placement::Prefixed, "050471pw"), (Placement::SecondPrompt, "pw")]
    {
        let mut method = with_codes(Some("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), Some("pw"), placement);
        let credential = credential(&mut method, means(clock, &NoPrompt)).unwrap();
        assert_eq!(said(&credential), format!("\0u\0{expected}"));
    }
}

#[test]
fn a_code_that_was_shown_twice_has_a_next_one_within_half_a_minute() {
    let mut shown = ShownCodes::default();
    assert_eq!(shown.until_next(Clock::System), None, "nothing was shown");
    let now = Clock::System.unix_seconds() / 30;
    shown.show(now);
    assert_eq!(shown.until_next(Clock::System), None, "it was shown once");
    shown.show(now);
    assert!(shown.until_next(Clock::System).is_some_and(|time| time.as_secs() <= 30));
    assert_eq!(shown.until_next(Clock::Fixed("2026-06-01T12:00:00Z".parse().unwrap())), None);
    shown.show(now + 1);
    assert_eq!(shown.until_next(Clock::System), None, "it is another one");
}

#[test]
fn a_password_is_asked_for_once_and_a_code_each_time() {
    let answers = Answers(RefCell::new(vec!["pw", "111111", " 222222\n"]));
    let mut method = with_codes(None, None, Placement::Appended);
    assert_eq!(said(&credential(&mut method, means(Clock::System, &answers)).unwrap()), "\0u\0pw111111");
    assert_eq!(said(&credential(&mut method, means(Clock::System, &answers)).unwrap()), "\0u\0pw222222");
}

#[test]
fn where_nobody_can_be_asked_the_error_names_the_setting() {
    let mut method = Method::Password { user: "u".to_owned(), password: None, by: PasswordBy::Strongest };
    let error = credential(&mut method, means(Clock::System, &NoPrompt)).unwrap_err();
    assert_eq!(error.to_string(), "password for u cannot be asked here; give signin.password");
}

#[test]
fn a_token_comes_from_its_command_each_time_and_one_that_was_given_is_good_once_refused() {
    let mut method = Method::Token(Tokens::new("u".to_owned(), Source::Command("print-token".to_owned())));
    let shown = credential(&mut method, means(Clock::System, &NoPrompt)).unwrap();
    assert_eq!(said(&shown), "user=u\u{1}auth=Bearer t0ken\u{1}\u{1}");
    let mut method = Method::Token(Tokens::new("u".to_owned(), Source::Command("false".to_owned())));
    let error = credential(&mut method, means(Clock::System, &NoPrompt)).unwrap_err();
    assert!(matches!(error, SignInError::TokenCommand { .. }));

    let mut tokens = Tokens::new("u".to_owned(), Source::Given(secret("t1")));
    let shown = tokens.credential(means(Clock::System, &NoPrompt)).unwrap();
    assert!(shown.is_token(&secret("t1")));
    assert!(tokens.renew(&shown).is_err(), "there is no other");
}
