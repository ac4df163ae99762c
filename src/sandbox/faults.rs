//! Faults on demand: what goes wrong, at which stage of a dialogue, and how many times.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The longest text a fault may carry, and the longest stall in seconds.
const MAX_TEXT: usize = 200;
const MAX_STALL: f64 = 3600.0;

/// Where in a dialogue a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Connect,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Body,
    DataEnd,
    Deliver,
    Quit,
    MailboxConnect,
    MailboxStartTls,
    MailboxAuth,
    Select,
    Fetch,
    Store,
    Directory,
    List,
    Crl,
    Token,
}

/// Every stage, its name, and when a fault strikes there.
const STAGES: [(Stage, &str, &str); 21] = [
    (Stage::Connect, "connect", "submission: before the greeting"),
    (Stage::Ehlo, "ehlo", "submission: instead of the answer to EHLO"),
    (Stage::StartTls, "starttls", "submission: at STARTTLS"),
    (Stage::Auth, "auth", "submission: at AUTH"),
    (Stage::Mail, "mail", "submission: at MAIL"),
    (Stage::Rcpt, "rcpt", "submission: at RCPT"),
    (Stage::Data, "data", "submission: at DATA, or at the first BDAT"),
    (Stage::Body, "body", "submission: while the message comes in; cut:N counts its octets"),
    (Stage::DataEnd, "data-end", "submission: message complete, answer not yet given; stall and cut deliver it first"),
    (Stage::Deliver, "deliver", "submission: accepted, then on its way to each recipient; two faults tell of it twice"),
    (Stage::Quit, "quit", "submission: at QUIT"),
    (Stage::MailboxConnect, "mailbox-connect", "mailbox: before the greeting"),
    (Stage::MailboxStartTls, "mailbox-starttls", "mailbox: at STARTTLS"),
    (Stage::MailboxAuth, "mailbox-auth", "mailbox: at LOGIN or AUTHENTICATE"),
    (Stage::Select, "select", "mailbox: at SELECT or EXAMINE"),
    (Stage::Fetch, "fetch", "mailbox: at FETCH; cut:N counts octets of the answer"),
    (Stage::Store, "store", "mailbox: at STORE, COPY, MOVE or EXPUNGE, before anything is changed"),
    (Stage::Directory, "directory", "directory: at a request"),
    (Stage::List, "list", "white list: at a request"),
    (Stage::Crl, "crl", "revocation lists: at a request"),
    (Stage::Token, "token", "provider of access tokens: at a request"),
];

impl Stage {
    fn name(self) -> &'static str {
        STAGES.iter().find(|(stage, ..)| *stage == self).map_or("", |(_, name, _)| name)
    }

    fn is_submission(self) -> bool {
        (self as usize) < (Stage::MailboxConnect as usize)
    }

    fn is_http(self) -> bool {
        (self as usize) >= (Stage::Directory as usize)
    }
}

/// The certificate a server shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerCertificate {
    /// In order.
    #[default]
    Good,
    /// Of the operator's authority and for this host, but no longer valid.
    Expired,
    /// Of the operator's authority, for another host.
    WrongName,
    /// Of an authority nobody was told to trust.
    Foreign,
    /// In order but for the list of its authority, which names it.
    Revoked,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Refused for good, in these words (a 5xx reply, a NO, an HTTP 403).
    Refuse(String),
    /// Refused for now, in these words (a 4xx reply, a NO \[UNAVAILABLE\], an HTTP 503).
    Defer(String),
    /// The server says nothing for that long, then goes on as if nothing had been.
    Stall(Duration),
    /// The line breaks after so many octets, without a farewell.
    Cut(u64),
    /// The server says 421 (or BYE) and closes.
    Close,
    /// What was accepted cannot be delivered, for this reason (RFC 3464: failed).
    Bounce(String),
    /// What was accepted is delivered later than the sender is told that it waits, for this reason (RFC 3464: delayed).
    Delay(String),
    /// The program of the recipient tells that somebody has read the message (RFC 8098).
    Displayed,
    /// A rule of the recipient refuses the message, and tells so (RFC 5429, section 2.1.1).
    Rejected,
    /// The server files what it takes in the folder for sent mail of the sender, as some do.
    FileSent,
    /// STARTTLS is neither offered nor known.
    Strip,
    /// The TLS handshake shows this certificate.
    Certificate(ServerCertificate),
    /// The folder gets a new UIDVALIDITY, and its messages new UIDs (RFC 9051, section 2.3.1.1).
    ChangeUidValidity,
    /// A one-time code that was used is not accepted again (RFC 6238, section 5.2).
    StrictReplay,
    /// Access tokens that were given so far have expired.
    ExpireTokens,
    /// The person says no (RFC 8628, section 3.5: access_denied).
    Decline,
    /// The provider takes no refresh token any more (RFC 6749, section 5.2: invalid_grant).
    Forget,
}

/// What `--fault` takes besides the stage, and what it does.
const ACTIONS: [(&str, &str); 18] = [
    ("refuse[:TEXT]", "refuse for good; TEXT may open with the codes, as in `refuse:550 5.7.1 not from here`"),
    ("defer[:TEXT]", "refuse for now, as in `rcpt=defer:451 4.3.0 later@1`: later, then accept"),
    ("stall:SECONDS", "say nothing for that long, then go on"),
    ("cut[:N]", "break the line at once, or after N octets"),
    ("close421", "say 421 (submission) or BYE (mailbox), and close"),
    ("bounce[:TEXT]", "deliver: it cannot be, and a notice says so, as in `deliver=bounce:550 5.1.1 no such user`"),
    ("delay[:TEXT]", "deliver: a notice says that it waits, and then it is delivered"),
    ("displayed", "deliver: the recipient's program tells that it was read, whether it was asked to or not"),
    ("rejected", "deliver: a rule of the recipient throws it away, and tells so"),
    ("file-sent", "data-end: what is taken is also filed in the folder Sent of its sender, as some servers do"),
    ("strip", "starttls, mailbox-starttls: STARTTLS is not offered"),
    (
        "certificate:KIND",
        "expired, wrong-name, foreign or revoked; at connect for implicit TLS, at starttls, directory, list",
    ),
    ("uidvalidity:change", "select: the folder gets a new UIDVALIDITY and its messages new UIDs"),
    ("otp-replay:strict", "auth, mailbox-auth: a one-time code is good once"),
    ("expire-tokens", "auth, mailbox-auth: access tokens that were given so far have expired"),
    ("decline", "token: the person says no"),
    ("forget", "token: refresh tokens are taken no more"),
    ("...@COUNT", "only the first COUNT times"),
];

/// The stages and the actions with one line of help each, in the order to show them.
pub fn help() -> impl Iterator<Item = (&'static str, &'static str)> {
    STAGES.iter().map(|(_, name, help)| (*name, *help)).chain(ACTIONS)
}

/// One fault, written `STAGE=ACTION[:ARGUMENT][@COUNT]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub stage: Stage,
    pub action: Action,
    /// How many times it strikes; `None` is always.
    pub count: Option<u32>,
}

/// Why a text is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    #[error("a fault is written STAGE=ACTION[:ARGUMENT][@COUNT]")]
    Shape,
    #[error("no stage has this name; the stages are {}", stage_names())]
    Stage,
    #[error("no action has this name; the actions are {}", action_names())]
    Action,
    #[error("the argument of this action is not understood")]
    Argument,
    #[error("this action means nothing at this stage")]
    Misplaced,
}

fn stage_names() -> String {
    STAGES.map(|(_, name, _)| name).join(", ")
}

fn action_names() -> String {
    ACTIONS.map(|(form, _)| form).join(", ")
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Fault, FaultError> {
        let (stage, rest) = text.split_once('=').ok_or(FaultError::Shape)?;
        let stage = STAGES.iter().find(|(_, name, _)| *name == stage).ok_or(FaultError::Stage)?.0;
        let (rest, count) = match rest.rsplit_once('@') {
            // An @ may stand in a text; a count is digits alone.
            Some((before, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                (before, Some(digits.parse().map_err(|_| FaultError::Argument)?))
            }
            _ => (rest, None),
        };
        let (word, argument) = match rest.split_once(':') {
            Some((word, argument)) => (word, Some(argument)),
            None => (rest, None),
        };
        let action = parse_action(word, argument)?;
        if fits(stage, &action) { Ok(Fault { stage, action, count }) } else { Err(FaultError::Misplaced) }
    }
}

fn parse_action(word: &str, argument: Option<&str>) -> Result<Action, FaultError> {
    let words = |default: &str| match argument {
        None => Ok(default.to_owned()),
        Some(text) if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) => {
            Err(FaultError::Argument)
        }
        Some(text) => Ok(text.to_owned()),
    };
    match (word, argument) {
        ("refuse", _) => words("refused by a fault of the sandbox").map(Action::Refuse),
        ("defer", _) => words("deferred by a fault of the sandbox").map(Action::Defer),
        ("stall", Some(seconds)) => match seconds.parse::<f64>() {
            Ok(seconds) if (0.0..=MAX_STALL).contains(&seconds) => Ok(Action::Stall(Duration::from_secs_f64(seconds))),
            _ => Err(FaultError::Argument),
        },
        ("cut", None) => Ok(Action::Cut(0)),
        ("cut", Some(octets)) => octets.parse().map(Action::Cut).map_err(|_| FaultError::Argument),
        ("close421", None) => Ok(Action::Close),
        ("bounce", _) => words("the mailbox of the recipient takes nothing").map(Action::Bounce),
        ("delay", _) => words("the mailbox of the recipient cannot be reached").map(Action::Delay),
        ("displayed", None) => Ok(Action::Displayed),
        ("rejected", None) => Ok(Action::Rejected),
        ("file-sent", None) => Ok(Action::FileSent),
        ("strip", None) => Ok(Action::Strip),
        ("certificate", Some("expired")) => Ok(Action::Certificate(ServerCertificate::Expired)),
        ("certificate", Some("wrong-name")) => Ok(Action::Certificate(ServerCertificate::WrongName)),
        ("certificate", Some("foreign")) => Ok(Action::Certificate(ServerCertificate::Foreign)),
        ("certificate", Some("revoked")) => Ok(Action::Certificate(ServerCertificate::Revoked)),
        ("uidvalidity", Some("change")) => Ok(Action::ChangeUidValidity),
        ("otp-replay", Some("strict")) => Ok(Action::StrictReplay),
        ("expire-tokens", None) => Ok(Action::ExpireTokens),
        ("decline", None) => Ok(Action::Decline),
        ("forget", None) => Ok(Action::Forget),
        (
            "stall" | "close421" | "displayed" | "rejected" | "file-sent" | "strip" | "certificate" | "uidvalidity"
            | "otp-replay" | "expire-tokens" | "decline" | "forget",
            _,
        ) => Err(FaultError::Argument),
        _ => Err(FaultError::Action),
    }
}

fn fits(stage: Stage, action: &Action) -> bool {
    match action {
        Action::Refuse(_) | Action::Defer(_) | Action::Stall(_) | Action::Cut(_) => stage != Stage::Deliver,
        Action::Close => !stage.is_http() && stage != Stage::Deliver,
        Action::Bounce(_) | Action::Delay(_) | Action::Displayed | Action::Rejected => stage == Stage::Deliver,
        Action::FileSent => stage == Stage::DataEnd,
        Action::Strip => matches!(stage, Stage::StartTls | Stage::MailboxStartTls),
        Action::Certificate(_) => matches!(
            stage,
            Stage::Connect
                | Stage::StartTls
                | Stage::MailboxConnect
                | Stage::MailboxStartTls
                | Stage::Directory
                | Stage::List
        ),
        Action::ChangeUidValidity => stage == Stage::Select,
        Action::StrictReplay | Action::ExpireTokens => matches!(stage, Stage::Auth | Stage::MailboxAuth),
        Action::Decline | Action::Forget => stage == Stage::Token,
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.stage.name())?;
        match &self.action {
            Action::Refuse(text) => write!(f, "refuse:{text}"),
            Action::Defer(text) => write!(f, "defer:{text}"),
            Action::Stall(time) => write!(f, "stall:{}", time.as_secs_f64()),
            Action::Cut(0) => f.write_str("cut"),
            Action::Cut(octets) => write!(f, "cut:{octets}"),
            Action::Close => f.write_str("close421"),
            Action::Bounce(text) => write!(f, "bounce:{text}"),
            Action::Delay(text) => write!(f, "delay:{text}"),
            Action::Displayed => f.write_str("displayed"),
            Action::Rejected => f.write_str("rejected"),
            Action::FileSent => f.write_str("file-sent"),
            Action::Strip => f.write_str("strip"),
            Action::Certificate(ServerCertificate::Good) => f.write_str("certificate:good"),
            Action::Certificate(ServerCertificate::Expired) => f.write_str("certificate:expired"),
            Action::Certificate(ServerCertificate::WrongName) => f.write_str("certificate:wrong-name"),
            Action::Certificate(ServerCertificate::Foreign) => f.write_str("certificate:foreign"),
            Action::Certificate(ServerCertificate::Revoked) => f.write_str("certificate:revoked"),
            Action::ChangeUidValidity => f.write_str("uidvalidity:change"),
            Action::StrictReplay => f.write_str("otp-replay:strict"),
            Action::ExpireTokens => f.write_str("expire-tokens"),
            Action::Decline => f.write_str("decline"),
            Action::Forget => f.write_str("forget"),
        }?;
        self.count.map_or(Ok(()), |count| write!(f, "@{count}"))
    }
}

/// The faults of one operator; each use counts one down.
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Faults {
        Faults(Mutex::new(faults))
    }

    /// What interrupts the dialogue here and now: a refusal, a delay, a broken or a closed line.
    pub(super) fn interruption(&self, stage: Stage) -> Option<Action> {
        self.take(stage, |action| {
            matches!(action, Action::Refuse(_) | Action::Defer(_) | Action::Stall(_) | Action::Cut(_) | Action::Close)
        })
    }

    /// What becomes of a message for one recipient: every fault there is strikes once, so that a notice can be doubled.
    pub(super) fn deliveries(&self) -> Vec<Action> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let live = |fault: &&mut Fault| fault.stage == Stage::Deliver && fault.count != Some(0);
        let strike = |fault: &mut Fault| {
            fault.count = fault.count.map(|count| count - 1);
            fault.action.clone()
        };
        faults.iter_mut().filter(live).map(strike).collect()
    }

    /// Whether this message is filed in the folder for sent mail.
    pub(super) fn files_sent(&self) -> bool {
        self.take(Stage::DataEnd, |action| *action == Action::FileSent).is_some()
    }

    /// The certificate to show in this handshake.
    pub(super) fn certificate(&self, stage: Stage) -> ServerCertificate {
        match self.take(stage, |action| matches!(action, Action::Certificate(_))) {
            Some(Action::Certificate(certificate)) => certificate,
            _ => ServerCertificate::Good,
        }
    }

    /// Whether this connection is to see no STARTTLS.
    pub(super) fn strips(&self, stage: Stage) -> bool {
        self.take(stage, |action| *action == Action::Strip).is_some()
    }

    /// Whether the folder selected now gets a new UIDVALIDITY.
    pub(super) fn changes_uid_validity(&self) -> bool {
        self.take(Stage::Select, |action| *action == Action::ChangeUidValidity).is_some()
    }

    /// Whether the code of this sign-in must not have been used before.
    pub(super) fn refuses_replay(&self, stage: Stage) -> bool {
        self.take(stage, |action| *action == Action::StrictReplay).is_some()
    }

    /// Whether access tokens expire before this sign-in.
    pub(super) fn expires_tokens(&self, stage: Stage) -> bool {
        self.take(stage, |action| *action == Action::ExpireTokens).is_some()
    }

    /// Whether the person says no.
    pub(super) fn declines_consent(&self) -> bool {
        self.take(Stage::Token, |action| *action == Action::Decline).is_some()
    }

    /// Whether this refresh token is not taken.
    pub(super) fn forgets_consent(&self) -> bool {
        self.take(Stage::Token, |action| *action == Action::Forget).is_some()
    }

    fn take(&self, stage: Stage, kind: impl Fn(&Action) -> bool) -> Option<Action> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let live = |fault: &&mut Fault| fault.stage == stage && fault.count != Some(0) && kind(&fault.action);
        let fault = faults.iter_mut().find(live)?;
        fault.count = fault.count.map(|count| count - 1);
        Some(fault.action.clone())
    }
}

/// The reply of a submission server: codes that the text brought along are kept, others are put before it.
pub(super) fn smtp_reply(stage: Stage, permanent: bool, text: &str) -> String {
    debug_assert!(stage.is_submission(), "only submission stages answer with SMTP codes");
    let codes = match (permanent, stage) {
        (true, Stage::Connect) => "554 5.3.2",
        (true, Stage::Auth) => "535 5.7.8",
        (true, Stage::Deliver) => "550 5.2.1",
        (false, Stage::Deliver) => "451 4.4.1",
        (true, _) => "550 5.7.1",
        (false, _) => "451 4.3.0",
    };
    let class = if permanent { b'5' } else { b'4' };
    let coded = match text.as_bytes() {
        [first, second, third, rest @ ..] => {
            *first == class
                && second.is_ascii_digit()
                && third.is_ascii_digit()
                && rest.first().is_none_or(|b| *b == b' ')
        }
        _ => false,
    };
    if coded { text.to_owned() } else { format!("{codes} {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_as_it_is_written() {
        for text in [
            "rcpt=defer:451 4.3.0 later@1",
            "body=cut:1000",
            "data-end=cut@1",
            "connect=stall:0.5",
            "starttls=strip",
            "mailbox-starttls=certificate:wrong-name",
            "select=uidvalidity:change@1",
            "auth=otp-replay:strict",
            "quit=close421",
            "deliver=bounce:550 5.1.1 no such user@1",
            "deliver=displayed",
            "data-end=file-sent",
            "rcpt=refuse:550 5.1.1 not for a@b.sandbox",
        ] {
            let fault: Fault = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(fault.to_string(), text);
        }
    }

    #[test]
    fn what_means_nothing_is_refused_with_its_reason() {
        for (text, error) in [
            ("rcpt", FaultError::Shape),
            ("nowhere=cut", FaultError::Stage),
            ("rcpt=explode", FaultError::Action),
            ("rcpt=stall:soon", FaultError::Argument),
            ("rcpt=stall:99999", FaultError::Argument),
            ("rcpt=cut:-1", FaultError::Argument),
            ("rcpt=refuse:a\r\n250 ok", FaultError::Argument),
            ("rcpt=strip", FaultError::Misplaced),
            ("deliver=file-sent", FaultError::Misplaced),
            ("rcpt=bounce", FaultError::Misplaced),
            ("deliver=refuse", FaultError::Misplaced),
            ("deliver=close421", FaultError::Misplaced),
            ("deliver=displayed:twice", FaultError::Argument),
            ("crl=certificate:expired", FaultError::Misplaced),
            ("mail=uidvalidity:change", FaultError::Misplaced),
        ] {
            assert_eq!(text.parse::<Fault>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_counted_fault_strikes_that_often_and_the_next_one_follows() {
        let faults = Faults::new(vec!["rcpt=defer:later@2".parse().unwrap(), "rcpt=cut@1".parse().unwrap()]);
        assert_eq!(faults.interruption(Stage::Mail), None);
        assert_eq!(faults.interruption(Stage::Rcpt), Some(Action::Defer("later".to_owned())));
        assert_eq!(faults.interruption(Stage::Rcpt), Some(Action::Defer("later".to_owned())));
        assert_eq!(faults.interruption(Stage::Rcpt), Some(Action::Cut(0)));
        assert_eq!(faults.interruption(Stage::Rcpt), None);
    }

    #[test]
    fn every_fault_of_a_delivery_strikes() {
        let faults = Faults::new(vec!["deliver=displayed@1".parse().unwrap(), "deliver=displayed".parse().unwrap()]);
        assert_eq!(faults.deliveries(), [Action::Displayed, Action::Displayed]);
        assert_eq!(faults.deliveries(), [Action::Displayed]);
    }

    #[test]
    fn kinds_of_faults_at_one_stage_do_not_hide_each_other() {
        let faults = Faults::new(vec!["auth=refuse@1".parse().unwrap(), "auth=otp-replay:strict".parse().unwrap()]);
        assert!(faults.refuses_replay(Stage::Auth));
        assert!(faults.interruption(Stage::Auth).is_some());
        assert_eq!(faults.certificate(Stage::Connect), ServerCertificate::Good);
    }

    #[test]
    fn a_text_brings_its_codes_or_gets_some() {
        assert_eq!(smtp_reply(Stage::Rcpt, true, "550 5.1.1 nobody"), "550 5.1.1 nobody");
        assert_eq!(smtp_reply(Stage::Rcpt, true, "451 no"), "550 5.7.1 451 no");
        assert_eq!(smtp_reply(Stage::Mail, false, "later"), "451 4.3.0 later");
    }
}
