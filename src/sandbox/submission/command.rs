//! The commands of a submission client (RFC 5321, 3030, 3461, 4954), read from their lines.

use crate::mail::Address;

/// The longest path, keyword value or domain that is looked at.
const MAX_ENVID: usize = 100;
const MAX_ORCPT: usize = 500;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Ehlo(String),
    Helo(String),
    StartTls,
    Auth { mechanism: String, initial: Option<String> },
    Mail(MailFrom),
    Rcpt(RcptTo),
    Data,
    Bdat { size: u64, last: bool },
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
}

/// `MAIL FROM` and its parameters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MailFrom {
    /// Nobody for the null path.
    pub(super) address: Option<Address>,
    pub(super) size: Option<u64>,
    pub(super) eight_bit: bool,
    pub(super) smtputf8: bool,
    /// A report is to carry the header only (RET=HDRS).
    pub(super) headers_only: bool,
    pub(super) envid: Option<String>,
}

/// `RCPT TO` and its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RcptTo {
    pub(super) address: Address,
    pub(super) notify: Notify,
    /// As written: type, semicolon, encoded address.
    pub(super) orcpt: Option<String>,
}

/// Of what the sender wants to be told (RFC 3461, section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Notify {
    pub(super) success: bool,
    pub(super) failure: bool,
    pub(super) delay: bool,
}

/// What who does not say gets to know.
impl Default for Notify {
    fn default() -> Notify {
        Notify { success: false, failure: true, delay: true }
    }
}

/// Why a line is no command; the text is the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) &'static str);

const UNKNOWN: Refusal = Refusal("500 5.5.2 command unknown");
const SYNTAX: Refusal = Refusal("501 5.5.4 the arguments are not those of this command");
const PARAMETER: Refusal = Refusal("555 5.5.4 a parameter is unknown or malformed");
const SENDER: Refusal = Refusal("501 5.1.7 the sender is not an address");
const RECIPIENT: Refusal = Refusal("501 5.1.3 the recipient is not an address");
const ENCODING: Refusal = Refusal("500 5.5.2 the line is not UTF-8, or holds control characters");

impl Command {
    /// Reads a line, its end taken off.
    pub(super) fn parse(line: &[u8]) -> Result<Command, Refusal> {
        let line = std::str::from_utf8(line).map_err(|_| ENCODING)?;
        if line.chars().any(char::is_control) {
            return Err(ENCODING);
        }
        let line = line.trim_end_matches(' ');
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let alone = |command| if rest.is_empty() { Ok(command) } else { Err(SYNTAX) };
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => domain(rest).map(Command::Ehlo),
            "HELO" => domain(rest).map(Command::Helo),
            "STARTTLS" => alone(Command::StartTls),
            "AUTH" => auth(rest),
            "MAIL" => mail(argument(rest, "FROM:")?).map(Command::Mail),
            "RCPT" => rcpt(argument(rest, "TO:")?).map(Command::Rcpt),
            "DATA" => alone(Command::Data),
            "BDAT" => bdat(rest),
            "RSET" => alone(Command::Rset),
            "NOOP" => Ok(Command::Noop),
            "VRFY" | "EXPN" => Ok(Command::Vrfy),
            "HELP" => Ok(Command::Help),
            "QUIT" => alone(Command::Quit),
            _ => Err(UNKNOWN),
        }
    }
}

/// A domain, or a literal such as `[127.0.0.1]`.
fn domain(text: &str) -> Result<String, Refusal> {
    let fits = |c: char| c.is_alphanumeric() || ".-_[]:".contains(c);
    let good = !text.is_empty() && text.len() <= 255 && text.chars().all(fits);
    if good { Ok(text.to_owned()) } else { Err(SYNTAX) }
}

fn auth(rest: &str) -> Result<Command, Refusal> {
    let (mechanism, initial) = match rest.split_once(' ') {
        Some((mechanism, initial)) => (mechanism, Some(initial.to_owned())),
        None => (rest, None),
    };
    if mechanism.is_empty() || initial.as_ref().is_some_and(|text| text.contains(' ')) {
        return Err(SYNTAX);
    }
    Ok(Command::Auth { mechanism: mechanism.to_ascii_uppercase(), initial })
}

fn bdat(rest: &str) -> Result<Command, Refusal> {
    let (size, last) = match rest.split_once(' ') {
        Some((size, word)) if word.eq_ignore_ascii_case("LAST") => (size, true),
        Some(_) => return Err(SYNTAX),
        None => (rest, false),
    };
    number(size).map(|size| Command::Bdat { size, last }).ok_or(SYNTAX)
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// What follows `FROM:` or `TO:`; a space behind the colon is forgiven.
fn argument<'a>(rest: &'a str, word: &str) -> Result<&'a str, Refusal> {
    match rest.get(..word.len()) {
        Some(found) if found.eq_ignore_ascii_case(word) => Ok(rest[word.len()..].trim_start_matches(' ')),
        _ => Err(SYNTAX),
    }
}

/// The path between angle brackets, and the parameters behind it.
fn path(text: &str) -> Option<(&str, impl Iterator<Item = (String, Option<&str>)>)> {
    let (path, parameters) = text.strip_prefix('<')?.split_once('>')?;
    if !parameters.is_empty() && !parameters.starts_with(' ') {
        return None;
    }
    let parameters = parameters.split(' ').filter(|word| !word.is_empty()).map(|word| match word.split_once('=') {
        Some((keyword, value)) => (keyword.to_ascii_uppercase(), Some(value)),
        None => (word.to_ascii_uppercase(), None),
    });
    Some((path, parameters))
}

fn mail(text: &str) -> Result<MailFrom, Refusal> {
    let (path, parameters) = path(text).ok_or(SENDER)?;
    let mut mail = MailFrom::default();
    if !path.is_empty() {
        mail.address = Some(path.parse().map_err(|_| SENDER)?);
    }
    for (keyword, value) in parameters {
        match (keyword.as_str(), value) {
            ("SIZE", Some(value)) => mail.size = Some(number(value).ok_or(PARAMETER)?),
            ("BODY", Some(value)) if value.eq_ignore_ascii_case("7BIT") => {}
            ("BODY", Some(value)) if value.eq_ignore_ascii_case("8BITMIME") => mail.eight_bit = true,
            ("SMTPUTF8", None) => mail.smtputf8 = true,
            ("RET", Some(value)) if value.eq_ignore_ascii_case("FULL") => {}
            ("RET", Some(value)) if value.eq_ignore_ascii_case("HDRS") => mail.headers_only = true,
            ("ENVID", Some(value)) if value.len() <= MAX_ENVID && is_xtext(value) => {
                mail.envid = Some(value.to_owned())
            }
            // RFC 4954, section 5: who vouches for whom is of no use here.
            ("AUTH", Some(value)) if is_xtext(value) => {}
            _ => return Err(PARAMETER),
        }
    }
    let foreign = mail.address.as_ref().is_some_and(Address::is_internationalized) && !mail.smtputf8;
    if foreign { Err(Refusal("553 5.6.7 an address outside ASCII needs SMTPUTF8")) } else { Ok(mail) }
}

fn rcpt(text: &str) -> Result<RcptTo, Refusal> {
    let (path, parameters) = path(text).ok_or(RECIPIENT)?;
    let mut rcpt = RcptTo { address: path.parse().map_err(|_| RECIPIENT)?, notify: Notify::default(), orcpt: None };
    for (keyword, value) in parameters {
        match (keyword.as_str(), value) {
            ("NOTIFY", Some(value)) => rcpt.notify = notify(value)?,
            ("ORCPT", Some(value)) if is_orcpt(value) => rcpt.orcpt = Some(value.to_owned()),
            _ => return Err(PARAMETER),
        }
    }
    Ok(rcpt)
}

/// NEVER stands alone.
fn notify(value: &str) -> Result<Notify, Refusal> {
    let mut notify = Notify { success: false, failure: false, delay: false };
    let value = value.to_ascii_uppercase();
    if value == "NEVER" {
        return Ok(notify);
    }
    for word in value.split(',') {
        match word {
            "SUCCESS" => notify.success = true,
            "FAILURE" => notify.failure = true,
            "DELAY" => notify.delay = true,
            _ => return Err(PARAMETER),
        }
    }
    Ok(notify)
}

/// RFC 3461, section 4: printable ASCII; `+` opens two hexadecimal digits in capitals.
fn is_xtext(text: &str) -> bool {
    let hex = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b));
    let octets = text.as_bytes();
    let right = |(at, octet): (usize, &u8)| match octet {
        b'+' => hex(octets.get(at + 1)) && hex(octets.get(at + 2)),
        b'=' => false,
        octet => octet.is_ascii_graphic(),
    };
    !text.is_empty() && octets.iter().enumerate().all(right)
}

/// The text behind xtext, as a report shows it (RFC 3464, section 2.2.1). What would break a line stays encoded.
pub(super) fn from_xtext(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| octet == b'+').and_then(|digits| std::str::from_utf8(digits).ok());
        let encoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        octets.push(encoded.unwrap_or(octet));
        rest = if encoded.is_some() { &after[2..] } else { after };
    }
    match String::from_utf8(octets) {
        Ok(decoded) if !decoded.chars().any(char::is_control) => decoded,
        _ => text.to_owned(),
    }
}

/// RFC 3461, section 4.2, and RFC 6533, section 3: the type `utf-8` brings its own encoding, or plain UTF-8.
fn is_orcpt(text: &str) -> bool {
    let Some((kind, address)) = text.split_once(';') else { return false };
    let kind_is_atom = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let encoded = if kind.eq_ignore_ascii_case("utf-8") {
        !address.is_empty() && address.chars().all(|c| c.is_ascii_graphic() || c.is_alphanumeric())
    } else {
        is_xtext(address)
    };
    text.len() <= MAX_ORCPT && kind_is_atom && encoded
}

#[cfg(test)]
mod tests {
    use crate::sandbox::submission::command::{
        Command, MailFrom, Notify, PARAMETER, RECIPIENT, SENDER, SYNTAX, UNKNOWN, from_xtext,
    };

    fn parse(line: &str) -> Result<Command, super::Refusal> {
        Command::parse(line.as_bytes())
    }

    #[test]
    fn letter_case_and_a_space_behind_the_colon_do_not_matter() {
        let from = Command::Mail(MailFrom { address: Some("a@x.sandbox".parse().unwrap()), ..MailFrom::default() });
        assert_eq!(parse("mail from:<a@x.sandbox>"), Ok(from));
        assert_eq!(parse("MAIL FROM: <>"), Ok(Command::Mail(MailFrom::default())));
        assert_eq!(parse("bdat 10 last"), Ok(Command::Bdat { size: 10, last: true }));
        assert_eq!(parse("AUTH plain ="), Ok(Command::Auth { mechanism: "PLAIN".into(), initial: Some("=".into()) }));
    }

    #[test]
    fn the_parameters_of_size_and_reports_are_read() {
        let line = "MAIL FROM:<a@x.sandbox> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=abc+3D1";
        let Ok(Command::Mail(mail)) = parse(line) else { panic!("it is well formed") };
        assert_eq!((mail.size, mail.eight_bit, mail.smtputf8, mail.headers_only), (Some(1000), true, true, true));
        assert_eq!(mail.envid.as_deref(), Some("abc+3D1"));
        let line = "RCPT TO:<b@x.sandbox> NOTIFY=SUCCESS,FAILURE ORCPT=utf-8;é\\x{e9}@x.sandbox";
        let Ok(Command::Rcpt(rcpt)) = parse(line) else { panic!("it is well formed") };
        assert_eq!(rcpt.notify, Notify { success: true, failure: true, delay: false });
        assert!(rcpt.orcpt.is_some());
        assert_eq!(from_xtext("abc+3D1+2B"), "abc=1+");
        assert_eq!(from_xtext("a+0D+0Ab"), "a+0D+0Ab", "no line is broken");
    }

    #[test]
    fn what_is_malformed_has_its_own_reply() {
        for (line, refusal) in [
            ("", UNKNOWN),
            ("LHLO x", UNKNOWN),
            ("EHLO", SYNTAX),
            ("EHLO a b", SYNTAX),
            ("DATA now", SYNTAX),
            ("BDAT -1", SYNTAX),
            ("BDAT 1 FIRST", SYNTAX),
            ("MAIL <a@x.sandbox>", SYNTAX),
            ("MAIL FROM:a@x.sandbox", SENDER),
            ("MAIL FROM:<a@x.sandbox>SIZE=1", SENDER),
            ("MAIL FROM:<a@x.sandbox> SIZE=x", PARAMETER),
            ("MAIL FROM:<a@x.sandbox> HOLDFOR=1", PARAMETER),
            ("MAIL FROM:<a@x.sandbox> ENVID=a+3d", PARAMETER),
            ("RCPT TO:<>", RECIPIENT),
            ("RCPT TO:<a b@x.sandbox>", RECIPIENT),
            ("RCPT TO:<a@x.sandbox> NOTIFY=NEVER,SUCCESS", PARAMETER),
            ("RCPT TO:<a@x.sandbox> ORCPT=rfc822;é@x.sandbox", PARAMETER),
        ] {
            assert_eq!(parse(line), Err(refusal), "{line}");
        }
        assert!(Command::parse(b"NOOP \0").is_err() && Command::parse(b"EHLO \xff").is_err());
        assert!(parse("MAIL FROM:<é@x.sandbox>").is_err() && parse("MAIL FROM:<é@x.sandbox> SMTPUTF8").is_ok());
    }
}
