//! Message-ID (RFC 5322, section 3.6.4): random, in the sender's domain, without the name of the workstation.

use std::fmt;
use std::str::FromStr;

use super::Address;

/// The text between the angle brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(String);

/// A text that is not a Message-ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a Message-ID is written <left@right>, in ASCII without spaces")]
pub struct MessageIdError;

impl MessageId {
    /// Makes one from 16 random octets.
    pub fn new(random: [u8; 16], sender: &Address) -> MessageId {
        let left: String = random.iter().map(|octet| format!("{octet:02x}")).collect();
        MessageId(format!("{left}@{}", sender.domain()))
    }

    /// The text without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<MessageId, MessageIdError> {
        let text = text.trim();
        let text = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(text);
        let good = text.len() <= 996 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>');
        match text.split_once('@') {
            Some((left, right)) if good && !left.is_empty() && !right.is_empty() => Ok(MessageId(text.to_owned())),
            _ => Err(MessageIdError),
        }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_one_names_the_domain_and_nothing_else() {
        let sender: Address = "labo@biologie.sandbox".parse().unwrap();
        assert_eq!(MessageId::new([0xab; 16], &sender).to_string(), format!("<{}@biologie.sandbox>", "ab".repeat(16)));
    }

    #[test]
    fn what_would_break_a_header_is_refused() {
        assert_eq!("<a@b>".parse::<MessageId>().unwrap().as_str(), "a@b");
        for bad in ["", "a", "<a@b", "a@b\r\nX: y", "a b@c", "@b"] {
            assert!(bad.parse::<MessageId>().is_err(), "{bad:?}");
        }
    }
}
