//! What the value of a setting looks like, in words, and whether a text is one.

use super::settings::After;
use crate::mail::Address;
use crate::net::Proxy;
use crate::pace::{Rate, Span};
use crate::token::TokenUri;

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line of text.
    Line,
    /// A whole number between two others, both included.
    Whole(i64, i64),
    /// `true` or `false`.
    YesNo,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of some of these words.
    Choices(&'static [&'static str]),
    /// A time between two others, both included, such as `5d`.
    Span(Span, Span),
    /// So many in a second, minute or hour, such as `600/m`.
    Rate,
    /// A mail address.
    Address,
    /// A mail address, or `@` and a domain.
    Mailbox,
    /// A host name or an IP address.
    Host,
    /// A list of hosts, or of domains with a dot before them.
    Hosts,
    /// `http://HOST:PORT` or `socks5://HOST:PORT`.
    Proxy,
    /// `https://...`.
    Https,
    /// A list of `http://...` or `https://...`.
    Urls,
    /// One or more PEM blocks (RFC 7468).
    Pem,
    /// 32 octets in base64.
    Octets32,
    /// `keep`, `seen`, `move:FOLDER` or `delete`.
    After,
    /// `pkcs11:...` (RFC 7512).
    TokenUri,
}

impl Kind {
    /// The kind in words, to complete "... is".
    pub fn describe(&self) -> String {
        match self {
            Kind::Line => "one line of text".to_owned(),
            Kind::Whole(least, most) if least == most => format!("the number {least}"),
            Kind::Whole(least, most) => format!("a whole number from {least} to {most}"),
            Kind::YesNo => "true or false".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Choices(words) => format!("a list of some of {}", words.join(", ")),
            Kind::Span(least, most) => format!("a time from {least} to {most}, written like 90s, 30m, 24h or 5d"),
            Kind::Rate => "a rate written like 10/s, 600/m or 5000/h".to_owned(),
            Kind::Address => "a mail address".to_owned(),
            Kind::Mailbox => "a mail address, or @ and a domain".to_owned(),
            Kind::Host => "a host name or an IP address".to_owned(),
            Kind::Hosts => "a list of host names and IP addresses; .DOMAIN stands for all below it".to_owned(),
            Kind::Proxy => "http://HOST:PORT or socks5://HOST:PORT".to_owned(),
            Kind::Https => "a URL that starts with https://".to_owned(),
            Kind::Urls => "a list of URLs that start with http:// or https://".to_owned(),
            Kind::Pem => "PEM text".to_owned(),
            Kind::Octets32 => "32 octets in base64".to_owned(),
            Kind::After => "keep, seen, move:FOLDER or delete".to_owned(),
            Kind::TokenUri => "a PKCS#11 URI, pkcs11:..., without a PIN in it".to_owned(),
        }
    }

    /// Whether a text can stand there.
    pub(super) fn accepts(&self, text: &str) -> bool {
        let url = |scheme: &str| {
            text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
                && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        match self {
            Kind::Line => !text.trim().is_empty() && !text.contains(char::is_control),
            Kind::Whole(least, most) => text.parse::<i64>().is_ok_and(|number| (*least..=*most).contains(&number)),
            Kind::YesNo => text == "true" || text == "false",
            Kind::Choice(words) => words.contains(&text),
            Kind::Choices(words) => text.split(',').all(|word| words.contains(&word.trim())),
            Kind::Span(least, most) => text.parse().is_ok_and(|span| (*least..=*most).contains(&span)),
            Kind::Rate => text.parse::<Rate>().is_ok(),
            Kind::Address => text.parse::<Address>().is_ok(),
            Kind::Mailbox => match text.strip_prefix('@') {
                Some(domain) => format!("x@{domain}").parse::<Address>().is_ok(),
                None => text.parse::<Address>().is_ok(),
            },
            Kind::Host => is_host(text),
            Kind::Hosts => is_host(text.strip_prefix('.').unwrap_or(text)),
            Kind::Proxy => text.parse::<Proxy>().is_ok(),
            Kind::Https => url("https://"),
            Kind::Urls => url("https://") || url("http://"),
            Kind::Pem => text.trim_start().starts_with("-----BEGIN ") && text.trim_end().ends_with("-----"),
            Kind::Octets32 => is_32_octets(text),
            Kind::After => text.parse::<After>().is_ok(),
            Kind::TokenUri => text.parse::<TokenUri>().is_ok(),
        }
    }
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | ':' | '_'))
}

fn is_32_octets(text: &str) -> bool {
    use base64::Engine;
    let decoded = base64::engine::general_purpose::STANDARD.decode(text.trim()).map(zeroize::Zeroizing::new);
    decoded.is_ok_and(|octets| octets.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_a_kind_is_refused() {
        for (kind, bad) in [
            (Kind::Host, "a b"),
            (Kind::Host, ""),
            (Kind::Mailbox, "@"),
            (Kind::Mailbox, "a@"),
            (Kind::Hosts, ""),
            (Kind::Hosts, "a b"),
            (Kind::Proxy, "https://x:1"),
            (Kind::Proxy, "http://user:word@x:1"),
            (Kind::Https, "http://x"),
            (Kind::Https, "https://"),
            (Kind::Line, "a\nb"),
            (Kind::Whole(1, 9), "10"),
            (Kind::Octets32, "AAAA"),
            (Kind::Pem, "MIIB"),
            (Kind::After, "move:"),
            (Kind::TokenUri, "pkcs11:token=CPS?pin-value=1234"),
            (Kind::Choice(&["a"]), "b"),
            (Kind::Choices(&["a", "b"]), "a,c"),
            (Kind::Choices(&["a", "b"]), ""),
            (Kind::Rate, "600"),
            (Kind::Span(Span::of_seconds(3600), Span::of_days(30)), "59m"),
            (Kind::Span(Span::of_seconds(3600), Span::of_days(30)), "31d"),
        ] {
            assert!(!kind.accepts(bad), "{kind:?} {bad:?}");
        }
    }
}
