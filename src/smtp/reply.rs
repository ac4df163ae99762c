//! Replies (RFC 5321, section 4.2): one code, some lines, an enhanced code (RFC 3463) in front of the text.

use std::fmt;

use crate::net::{LinkError, TEXT_LIMIT, Wire};

/// Longest line that is read, in octets; RFC 5321, section 4.5.3.1.5, asks servers for 512 at most.
const LINE_LIMIT: usize = 4096;

/// Most lines of one reply.
const LINES_LIMIT: usize = 200;

/// A reply. Its text was written by the server: bounded, and otherwise as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    lines: Vec<String>,
}

/// Why the server wants something later, as far as its codes tell (RFC 3463, RFC 5321, section 4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// A sender or recipient that it has not seen before is to come back in some minutes (RFC 6647).
    Greylisted,
    /// The mailbox of this recipient has no room.
    MailboxFull,
    /// It, its disk or its network has too much to do, or it is about to stop.
    Congested,
    /// No more recipients in this transaction: the others can be tried in another one at once (RFC 5321, section 4.5.3.1.10).
    TooManyRecipients,
    /// It does not say.
    Other,
}

/// Why no reply could be read.
#[derive(Debug)]
pub(super) enum ReplyFault {
    Link(LinkError),
    Malformed(&'static str),
}

impl Reply {
    /// The three digits: 200 to 599.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The text of each line, without code; at least one.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The whole text on one line, bounded.
    pub fn text(&self) -> String {
        crate::net::bounded(&self.lines.join(" "))
    }

    /// The enhanced status code, such as `5.1.1`, if the server sends one.
    pub fn enhanced(&self) -> Option<&str> {
        let word = self.lines.first()?.split(' ').next()?;
        let mut parts = word.split('.');
        let digits = |part: Option<&str>, most: usize| {
            part.is_some_and(|part| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
        };
        let class = parts.next().is_some_and(|class| matches!(class, "2" | "4" | "5"));
        (class && digits(parts.next(), 3) && digits(parts.next(), 3) && parts.next().is_none()).then_some(word)
    }

    /// Done.
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// Not now; the same may be tried again.
    pub fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }

    /// Not at all.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// Why it wants something later; nothing for a reply that is not 4yz. The enhanced code is more exact than the words, and
    /// the words than the code: greylisting has no code of its own, and programs use 4.7.1, 4.2.0 or none.
    pub fn delay(&self) -> Option<Delay> {
        if !self.is_temporary() {
            return None;
        }
        let enhanced = self.enhanced().and_then(|code| code.strip_prefix("4."));
        let says_greylisted = self.lines.iter().any(|line| {
            let line = line.to_ascii_lowercase();
            ["greylist", "graylist", "grey-list", "grey list"].iter().any(|word| line.contains(word))
        });
        Some(match (self.code, enhanced) {
            (421, _) => Delay::Congested,
            (_, Some("5.3")) => Delay::TooManyRecipients,
            (_, Some("2.2")) => Delay::MailboxFull,
            _ if says_greylisted => Delay::Greylisted,
            (450 | 451, Some("7.1")) => Delay::Greylisted,
            (_, Some(code)) if code.starts_with("3.") || code == "4.5" => Delay::Congested,
            (452, None) => Delay::Congested,
            _ => Delay::Other,
        })
    }

    /// The name the server gave to the message, where its words are those of a known server: Postfix, Exim, Sendmail, Exchange.
    pub(super) fn queue_id(&self) -> Option<String> {
        let text = self.lines.last()?;
        let after = |mark: &str| text.split_once(mark).map(|(_, rest)| rest);
        let rest = after("queued as ").or_else(|| after("id=")).or_else(|| after("InternalId=")).or_else(|| {
            let words = self.enhanced().and_then(|code| text.strip_prefix(code)).unwrap_or(text).trim_start();
            words.contains(" Message accepted for delivery").then_some(words)
        })?;
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(rest.len());
        (1..=64).contains(&end).then(|| rest[..end].trim_end_matches('.').to_owned())
    }

    /// Reads one whole reply.
    pub(super) fn read(wire: &mut Wire) -> Result<Reply, ReplyFault> {
        let mut reply: Option<Reply> = None;
        loop {
            let line = wire.read_line(LINE_LIMIT).map_err(ReplyFault::Link)?;
            let (code, more, text) = split(&line).ok_or(ReplyFault::Malformed("a line is no reply"))?;
            let reply = reply.get_or_insert_with(|| Reply { code, lines: Vec::new() });
            if reply.code != code {
                return Err(ReplyFault::Malformed("one reply has two codes"));
            }
            reply.lines.push(text);
            if !more {
                return Ok(reply.clone());
            }
            if reply.lines.len() == LINES_LIMIT {
                return Err(ReplyFault::Malformed("a reply does not end"));
            }
        }
    }
}

/// Code, whether another line follows, text.
fn split(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let (more, text) = match rest {
        [] => (false, rest),
        [b' ', text @ ..] => (false, text),
        [b'-', text @ ..] => (true, text),
        _ => return None,
    };
    let text = String::from_utf8_lossy(text).chars().take(TEXT_LIMIT).collect();
    (200..600).contains(&code).then_some((code, more, text))
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::scripted::{dialer, serve};

    fn read(sent: &str) -> Result<Reply, ReplyFault> {
        let sent = sent.to_owned();
        let server = serve(move |peer| peer.send(&sent));
        let reply = Reply::read(&mut Wire::new(dialer().connect(&server.endpoint).unwrap()));
        server.join();
        reply
    }

    fn reply(line: &str) -> Reply {
        let (code, _, text) = split(line.as_bytes()).unwrap();
        Reply { code, lines: vec![text] }
    }

    #[test]
    fn a_reply_of_several_lines_is_one() {
        let reply = read("250-labo.sandbox\r\n250-SIZE 10\r\n250 HELP\r\n").unwrap();
        assert_eq!((reply.code(), reply.lines().len(), reply.text().as_str()), (250, 3, "labo.sandbox SIZE 10 HELP"));
        assert_eq!(read("220\n").unwrap().lines(), [""]);
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        let endless = "250-x\r\n".repeat(1000);
        for bad in
            ["hello\r\n", "25\r\n", "2500 x\r\n", "099 x\r\n", "600 x\r\n", "\r\n", "250-a\r\n550 b\r\n", &endless]
        {
            assert!(matches!(read(bad), Err(ReplyFault::Malformed(_))), "{bad:.20}");
        }
        let line = "2".repeat(70_000);
        assert!(matches!(read(&line), Err(ReplyFault::Link(LinkError::EndlessLine { .. }))));
        assert!(matches!(read("250-a\r\n"), Err(ReplyFault::Link(LinkError::Broken { .. }))));
    }

    #[test]
    fn an_enhanced_code_is_found_in_front_of_the_text_only() {
        assert_eq!(reply("550 5.1.1 unknown").enhanced(), Some("5.1.1"));
        for none in ["550 unknown 5.1.1", "550 5.1 x", "550 3.1.1 x", "550 5.1.1.1 x", "550 5.1234.1 x", "550 "] {
            assert_eq!(reply(none).enhanced(), None, "{none}");
        }
    }

    #[test]
    fn what_delays_a_message_is_told_apart() {
        for (line, delay) in [
            ("450 4.7.1 Greylisted, see http://x", Some(Delay::Greylisted)),
            ("451 4.7.1 come back in 5 minutes", Some(Delay::Greylisted)),
            ("450 4.2.0 <a@x.fr>: Recipient address rejected: Greylisted", Some(Delay::Greylisted)),
            ("451 Graylisted", Some(Delay::Greylisted)),
            ("452 4.2.2 over quota", Some(Delay::MailboxFull)),
            ("452 4.3.1 no room", Some(Delay::Congested)),
            ("451 4.4.5 too busy", Some(Delay::Congested)),
            ("421 4.7.0 go away", Some(Delay::Congested)),
            ("452 no room", Some(Delay::Congested)),
            ("452 4.5.3 too many", Some(Delay::TooManyRecipients)),
            ("454 4.7.0 no TLS", Some(Delay::Other)),
            ("450 later", Some(Delay::Other)),
            ("550 5.2.2 full for good", None),
            ("250 2.0.0 greylisted no more", None),
        ] {
            assert_eq!(reply(line).delay(), delay, "{line}");
        }
    }

    #[test]
    fn the_servers_name_for_a_message_is_found() {
        for (text, id) in [
            ("250 2.0.0 Ok: queued as 4XyZ1b2c", Some("4XyZ1b2c")),
            ("250 OK id=1tABcd-000000001-AbC", Some("1tABcd-000000001-AbC")),
            ("250 2.0.0 5AGBx12 Message accepted for delivery", Some("5AGBx12")),
            ("250 2.6.0 <a@b> [InternalId=123, Hostname=x] Queued mail", Some("123")),
            ("250 2.0.0 Ok", None),
            ("250 queued as \u{1b}[31m", None),
        ] {
            assert_eq!(reply(text).queue_id().as_deref(), id, "{text}");
        }
    }
}
