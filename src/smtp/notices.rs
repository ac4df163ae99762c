//! Delivery status notices: what a server is asked to report, and to whom it refers (RFC 3461, RFC 6533).

use super::Failure;
use crate::mail::Address;

/// Longest envelope identifier, as it is written (RFC 3461, section 4.4).
const ENVELOPE_ID_LIMIT: usize = 100;

/// Longest ORCPT parameter (RFC 3461, section 4.2).
const ORIGINAL_RECIPIENT_LIMIT: usize = 500;

/// What the servers on the way are asked to report to the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notices {
    /// Comes back in every notice, so that it finds its message: printable ASCII. It is left out where it would have more
    /// than 100 characters.
    pub envelope_id: Option<String>,
    /// When a notice is wanted.
    pub notify: Notify,
    /// How much of the message comes back with a notice of failure.
    pub ret: Return,
    /// A recipient of whom nothing is to be told.
    pub silent: Option<Address>,
}

/// When a notice is wanted; none of them means never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// It was delivered.
    pub success: bool,
    /// It could not be delivered.
    pub failure: bool,
    /// It is still under way after some time.
    pub delay: bool,
}

/// How much of a message comes back with a notice of failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Return {
    /// Its header.
    #[default]
    Headers,
    /// All of it.
    Full,
}

impl Notices {
    /// The parameters of MAIL.
    pub(super) fn of_mail(&self) -> Result<String, Failure> {
        let ret = match self.ret {
            Return::Headers => " RET=HDRS",
            Return::Full => " RET=FULL",
        };
        let Some(id) = &self.envelope_id else { return Ok(ret.to_owned()) };
        if id.is_empty() || !id.bytes().all(|octet| (b' '..=b'~').contains(&octet)) {
            return Err(Failure::Argument("the envelope identifier"));
        }
        let id = xtext(id);
        Ok(if id.len() > ENVELOPE_ID_LIMIT { ret.to_owned() } else { format!("{ret} ENVID={id}") })
    }

    /// The parameters of RCPT.
    pub(super) fn of_rcpt(&self, recipient: &Address) -> String {
        let Notify { success, failure, delay } = self.notify;
        let wanted = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
        let wanted: Vec<&str> = wanted.into_iter().filter_map(|(on, word)| on.then_some(word)).collect();
        let never = wanted.is_empty() || self.silent.as_ref() == Some(recipient);
        let notify = if never { "NEVER".to_owned() } else { wanted.join(",") };
        let original = if recipient.is_internationalized() {
            format!("utf-8;{}", utf8_xtext(recipient.as_str()))
        } else {
            format!("rfc822;{}", xtext(recipient.as_str()))
        };
        if original.len() > ORIGINAL_RECIPIENT_LIMIT {
            return format!(" NOTIFY={notify}");
        }
        format!(" NOTIFY={notify} ORCPT={original}")
    }
}

/// RFC 3461, section 4: what is not printable, and `+` and `=`, as a plus sign and two hexadecimal digits.
fn xtext(text: &str) -> String {
    let written = |octet: u8| match octet {
        b'!'..=b'~' if octet != b'+' && octet != b'=' => char::from(octet).to_string(),
        _ => format!("+{octet:02X}"),
    };
    text.bytes().map(written).collect()
}

/// RFC 6533, section 3: a character that is not printable ASCII, and `+`, `=` and the backslash, by its number.
fn utf8_xtext(text: &str) -> String {
    let written = |c: char| match c {
        '!'..='~' if !"+=\\".contains(c) => c.to_string(),
        _ => format!("\\x{{{:X}}}", u32::from(c)),
    };
    text.chars().map(written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notices(envelope_id: &str) -> Notices {
        let notify = Notify { success: true, failure: true, delay: false };
        Notices { envelope_id: Some(envelope_id.to_owned()), notify, ret: Return::Headers, silent: None }
    }

    #[test]
    fn what_could_end_an_argument_is_encoded() {
        assert_eq!(notices("a+b=c d").of_mail().unwrap(), " RET=HDRS ENVID=a+2Bb+3Dc+20d");
        let plus = "a+b@x.fr".parse().unwrap();
        assert_eq!(notices("x").of_rcpt(&plus), " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@x.fr");
        let accent = "zoé+1@x.fr".parse().unwrap();
        assert_eq!(notices("x").of_rcpt(&accent), r" NOTIFY=SUCCESS,FAILURE ORCPT=utf-8;zo\x{E9}\x{2B}1@x.fr");
        let never = Notices { envelope_id: None, notify: Notify::default(), ret: Return::Full, silent: None };
        assert_eq!(never.of_mail().unwrap(), " RET=FULL");
        assert_eq!(never.of_rcpt(&"a@x.fr".parse().unwrap()), " NOTIFY=NEVER ORCPT=rfc822;a@x.fr");
        let silent = Notices { silent: Some("a@x.fr".parse().unwrap()), ..notices("x") };
        assert_eq!(silent.of_rcpt(&"a@x.fr".parse().unwrap()), " NOTIFY=NEVER ORCPT=rfc822;a@x.fr");
        assert_eq!(silent.of_rcpt(&"b@x.fr".parse().unwrap()), " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@x.fr");
    }

    #[test]
    fn an_identifier_that_carries_a_command_is_refused_and_a_long_one_left_out() {
        for bad in ["", "a\r\nRSET", "a\nb", "a\tb", "a\0", "é"] {
            assert!(matches!(notices(bad).of_mail(), Err(Failure::Argument(_))), "{bad:?}");
        }
        assert_eq!(notices(&"x".repeat(100)).of_mail().unwrap().len(), " RET=HDRS ENVID=".len() + 100);
        assert_eq!(notices(&"x".repeat(101)).of_mail().unwrap(), " RET=HDRS");
        assert_eq!(notices(&"+".repeat(34)).of_mail().unwrap(), " RET=HDRS");
    }
}
