//! `fetch --watch`: waits for messages and fetches them as they come, for as long as it is wanted.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::desk::Desk;
use super::hired::may_pass;
use super::{Line, Request, Summary, folders, prepare, sign_in};
use crate::commands::account::Account;
use crate::commands::alert;
use crate::commands::error::Error;
use crate::directory::DirectoryError;
use crate::imap::{Failure, News, Session, Waiting};
use crate::inbox::Inbox;
use crate::net::HttpError;
use crate::signin::SignInError;

/// How often it is looked whether something came, or somebody wants it to stop.
const GLANCE: Duration = Duration::from_millis(200);

/// The first pause after the server could not be used, and the longest; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// How long a one-time code stands in the way of the next sign-in, and how often one may be refused for that.
const CODE: (Duration, u32) = (Duration::from_secs(35), 3);

/// How the mailbox is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// How often it is asked where the server cannot tell by itself, or several folders are watched.
    pub poll: Duration,
    /// How long one IDLE lasts before it is given anew: less than the half hour after which servers end a session that seems
    /// dead (RFC 2177).
    pub idle: Duration,
}

/// What is heard of a watch.
pub enum Heard<'h> {
    /// It is at work, and hears when it is to stop.
    Begun,
    /// A message.
    Line(&'h Line),
    /// Everything that was there is fetched, so many so far; it waits.
    Waits(usize),
    /// It cannot go on for now; when it tries again.
    Trouble(&'h Error, Duration),
    /// It goes on again.
    Recovered,
}

/// Who hears it.
type Hear<'h> = dyn FnMut(Heard<'_>) -> io::Result<()> + 'h;

/// Fetches what comes until somebody wants it to stop; `beat` is called again and again while all is well.
///
/// # Errors
/// Only what a person has to mend: a server that is away is waited for, a sign-in that is refused is not tried for ever.
pub fn watch(
    account: &Account<'_>,
    request: &Request,
    rhythm: Rhythm,
    beat: &dyn Fn(),
    hear: &mut Hear<'_>,
) -> Result<(), Error> {
    prepare(account, request)?;
    let inbox = account.inbox()?;
    // Whoever can give a PIN is here now.
    account.opening_keys()?;
    let mut watch = Watch { account, request, rhythm, beat, inbox, told: 0, refused: 0, away: None, begun: false };
    while !account.is_interrupted() {
        match watch.session(hear) {
            Ok(()) => break,
            Err(error) => watch.rest_after(error, hear)?,
        }
    }
    Ok(())
}

struct Watch<'w> {
    account: &'w Account<'w>,
    request: &'w Request,
    rhythm: Rhythm,
    beat: &'w dyn Fn(),
    inbox: Inbox,
    /// Messages so far.
    told: usize,
    /// Sign-ins that were refused, one after the other.
    refused: u32,
    /// The last pause, while the server cannot be used.
    away: Option<Duration>,
    begun: bool,
}

impl Watch<'_> {
    /// One session, until it is to stop or the session breaks.
    fn session(&mut self, hear: &mut Hear<'_>) -> Result<(), Error> {
        let mut session = sign_in(self.account)?;
        self.refused = 0;
        loop {
            session = self.pass(session, hear)?;
            if self.account.is_interrupted() {
                let _ = session.logout();
                return Ok(());
            }
            self.say(hear, Heard::Waits(self.told))?;
            session = self.wait(session)?;
        }
    }

    /// Fetches all there is in every folder, and leaves the first one selected.
    fn pass(&mut self, mut session: Session, hear: &mut Hear<'_>) -> Result<Session, Error> {
        let (account, request) = (self.account, self.request);
        // Lists and certificates are looked at anew: a watch may last for months.
        let desk = Desk::new(account, request, &self.inbox, self.beat);
        let mut summary = Summary::default();
        let folders = folders(request, &mut session)?;
        if !std::mem::replace(&mut self.begun, true) {
            answered(hear(Heard::Begun))?;
        }
        if self.away.take().is_some() {
            answered(hear(Heard::Recovered))?;
        }
        // The first one last: it is the one that is waited in.
        for folder in folders.iter().rev() {
            session = desk.fetch(session, folder, &mut summary, &mut |line| hear(Heard::Line(line)))?;
            if summary.interrupted {
                break;
            }
        }
        self.told += summary.told();
        if summary.told() > 0 {
            alert::after_news(account);
            account.sign_off()?;
        }
        Ok(session)
    }

    /// Waits until something may have come, or it is to stop.
    fn wait(&self, session: Session) -> Result<Session, Error> {
        let several = self.request.folders.len() > 1 || self.request.folders.iter().any(|it| it.contains(['*', '%']));
        let longest = if several { self.rhythm.idle.min(self.rhythm.poll) } else { self.rhythm.idle };
        match session.wait()? {
            Ok(waiting) => self.idle(waiting, longest),
            Err(mut session) => {
                // What was told while something else was asked for is told once.
                if session.ask_for_news()? == News::Nothing {
                    self.rest(self.rhythm.poll);
                }
                Ok(session)
            }
        }
    }

    fn idle(&self, mut waiting: Waiting, longest: Duration) -> Result<Session, Error> {
        let until = Instant::now() + longest;
        while Instant::now() < until && !self.account.is_interrupted() {
            if waiting.look()? == News::Change {
                break;
            }
            (self.beat)();
            sleep(GLANCE);
        }
        Ok(waiting.end()?.0)
    }

    /// What a broken session means: a pause, or the end.
    fn rest_after(&mut self, error: Error, hear: &mut Hear<'_>) -> Result<(), Error> {
        self.account.sign_off()?;
        let by_code = self.account.signs_in_by_code();
        let is_refused = matches!(&error, Error::Imap(error) if matches!(error.failure, Failure::SignInRefused { .. }));
        self.refused += u32::from(is_refused);
        let passes = match is_refused {
            true => by_code && self.refused < CODE.1,
            false => passes(&error) || self.begun && is_unproven(&error),
        };
        if !passes {
            return Err(error);
        }
        let next = self.away.map_or(PAUSES.0, |before| (before * 2).min(PAUSES.1));
        let pause = if by_code { next.max(CODE.0) } else { next };
        // Told when it begins; that it goes on is no news.
        if self.away.is_none() {
            answered(hear(Heard::Trouble(&error, pause)))?;
        }
        self.away = Some(next);
        self.rest(jittered(pause));
        Ok(())
    }

    fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.account.is_interrupted() {
            (self.beat)();
            sleep(GLANCE.min(until.saturating_duration_since(Instant::now())));
        }
    }

    fn say(&self, hear: &mut Hear<'_>, heard: Heard<'_>) -> Result<(), Error> {
        answered(hear(heard))
    }
}

fn answered(told: io::Result<()>) -> Result<(), Error> {
    told.map_err(|source| Error::Answer { source })
}

/// Whether it may be better after a while: a server that is away, and not one that says no.
fn passes(error: &Error) -> bool {
    match error {
        Error::Imap(error) => may_pass(error),
        Error::Http(HttpError::Link(link)) | Error::Directory(DirectoryError::Unreachable(HttpError::Link(link))) => {
            link.may_pass()
        }
        Error::Directory(DirectoryError::Busy { .. } | DirectoryError::Failing { .. }) => true,
        Error::HttpStatus { status, .. } => *status >= 500,
        // New access tokens are had of it, without anybody's help, for as long as the consent lasts.
        Error::SignIn(SignInError::Provider(error)) => error.may_pass(),
        _ => false,
    }
}

/// Whether the server is refused for now because lists and responders are away. It was believed before.
fn is_unproven(error: &Error) -> bool {
    matches!(error, Error::Imap(error) if matches!(&error.failure, Failure::Link(link) if link.is_of_unknown_revocation()))
}

/// A fifth more or less: many that lost the same server do not come back at the same moment.
fn jittered(pause: Duration) -> Duration {
    let mut chance = [0; 1];
    aws_lc_rs::rand::fill(&mut chance).expect("the system gives randomness");
    pause * (80 + u32::from(chance[0]) * 40 / 255) / 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{LinkError, Untrusted};
    use crate::signin::ProviderError;

    #[test]
    fn a_pause_is_a_fifth_longer_or_shorter_at_most() {
        for _ in 0..100 {
            let pause = jittered(Duration::from_secs(100));
            assert!((80..=120).contains(&pause.as_secs()), "{pause:?}");
        }
    }

    #[test]
    fn what_a_person_has_to_mend_is_not_waited_for() {
        let imap = |failure| Error::Imap(crate::imap::ImapError { stage: crate::imap::Stage::Fetch, failure });
        let broken = || LinkError::Broken { endpoint: "x".to_owned(), source: io::ErrorKind::BrokenPipe.into() };
        assert!(passes(&imap(broken().into())));
        assert!(passes(&imap(Failure::Bye { text: String::new() })));
        assert!(!passes(&imap(Failure::Refused { text: String::new() })));
        assert!(!passes(&imap(LinkError::StartTlsMissing { endpoint: "x".to_owned() }.into())));
        // The provider of tokens is away while the mailbox has just come back.
        let provider = |error: ProviderError| Error::SignIn(error.into());
        assert!(passes(&provider(HttpError::Link(broken()).into())));
        assert!(passes(&provider(ProviderError::Status { status: 502 })));
        assert!(!passes(&provider(ProviderError::Status { status: 400 })));
        assert!(!passes(&provider(ProviderError::SignedOut)));
        let (proxy, endpoint, why) = ("p:1".to_owned(), "x:1".to_owned(), "503".to_owned());
        assert!(passes(&imap(LinkError::ProxyRefused { proxy, endpoint, why }.into())));
        let why = Untrusted::RevocationUnknown { of: "x".to_owned(), why: "503".to_owned() };
        let unproven = imap(LinkError::Untrusted { endpoint: "x:1".to_owned(), why }.into());
        assert!(is_unproven(&unproven) && !passes(&unproven), "only who was believed before");
        assert!(!passes(&Error::FolderRenewed { folder: "INBOX".to_owned() }));
        assert!(passes(&Error::HttpStatus { url: String::new(), status: 503 }));
        assert!(!passes(&Error::HttpStatus { url: String::new(), status: 404 }));
    }
}
