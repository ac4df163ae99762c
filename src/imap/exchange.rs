//! Commands and their answers through io-imap: one bounded line at a time, so that nothing is read that was not asked for.

use std::io::{self, Write};

use io_imap::codec::CommandCodec;
use io_imap::codec::fragmentizer::Fragmentizer;
use io_imap::send::{ImapSend, ImapSendError, ImapSendResult};
use io_imap::types::command::{Command, CommandBody};
use io_imap::types::core::{Tag, TagGenerator};
use io_imap::types::response::{Code, Data, StatusBody, StatusKind};

use super::conduit::Conduit;
use super::{Failure, ImapError, Stage};
use crate::net::{Heard, LinkError, Stream, Timeouts, Wire, bounded};

/// Longest line of an answer, in octets: the UIDs of some 400,000 messages stand in one.
const LINE_LIMIT: usize = 4 * 1024 * 1024;

/// The same where nothing is waited for that is long.
const SHORT_LINE_LIMIT: usize = 256 * 1024;

/// Most octets of one answer; a message on its way to the caller does not count.
const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// What a tagged answer says that says nothing.
pub(super) const NEITHER: &str = "an answer is neither OK, NO nor BAD";

/// Octets of a message handed on at once.
const BLOCK: usize = 64 * 1024;

/// A signed-in connection, and the one parser of what comes over it.
pub(super) struct Exchange {
    wire: Conduit,
    timeouts: Timeouts,
    parser: Fragmentizer,
    tags: TagGenerator,
    open: bool,
    /// Octets that leave with the next command, and the tag of the command in them whose answer nobody waits for.
    ahead: Vec<u8>,
    owed: Option<String>,
    /// What a message goes through on its way.
    block: Vec<u8>,
    /// Whether the server told that there are other messages than before.
    pub(super) news: bool,
}

/// What a command gave.
pub(super) struct Done {
    /// Untagged data.
    pub(super) data: Vec<Data<'static>>,
    /// Untagged OK, NO and BAD.
    pub(super) notices: Vec<StatusBody<'static>>,
    /// The code of the tagged answer.
    pub(super) code: Option<Code<'static>>,
}

/// Takes a line of an answer, and the tag of the command; or says why it cannot be one.
type Hear<'h> = dyn FnMut(&[u8], &str) -> Result<(), &'static str> + 'h;

/// A command that was refused may have been refused for want of a folder.
pub(super) enum Refusal {
    NoSuchFolder(ImapError),
    /// BAD: the server does not know such a command, whatever it said it can do.
    NotUnderstood(ImapError),
    Other(ImapError),
}

impl From<Refusal> for ImapError {
    fn from(refusal: Refusal) -> ImapError {
        match refusal {
            Refusal::NoSuchFolder(error) | Refusal::NotUnderstood(error) | Refusal::Other(error) => error,
        }
    }
}

impl Exchange {
    pub(super) fn new(wire: Wire, timeouts: Timeouts) -> Exchange {
        let limit = u32::try_from(ANSWER_LIMIT).unwrap_or(u32::MAX);
        Exchange {
            wire: Conduit::new(wire),
            timeouts,
            parser: Fragmentizer::new(limit),
            tags: TagGenerator::new(),
            open: true,
            ahead: Vec::new(),
            owed: None,
            block: Vec::new(),
            news: false,
        }
    }

    pub(super) fn stream(&self) -> &Stream {
        self.wire.stream()
    }

    pub(super) fn endpoint(&self) -> String {
        self.wire.endpoint().to_owned()
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Sends a command and collects its answer.
    pub(super) fn run(&mut self, stage: Stage, body: CommandBody<'static>) -> Result<Done, Refusal> {
        self.require_open(stage).map_err(Refusal::Other)?;
        let tag = self.tags.generate();
        let sending = ImapSend::new(CommandCodec::new(), Command { tag: tag.clone(), body });
        self.wire.all_within(self.timeouts.reply);
        self.collect(stage, tag, sending)
    }

    /// Sends a command written by hand, and collects its answer.
    pub(super) fn run_text(&mut self, stage: Stage, command: &str) -> Result<Done, Refusal> {
        let text = self.begin(stage, command).map_err(Refusal::Other)?;
        let refused = |_| Refusal::Other(ImapError { stage, failure: Failure::Protocol("no tag") });
        let tag = Tag::try_from(text).map_err(refused)?;
        // What stands in the place of the command is not looked at: it was sent already.
        let sending = ImapSend::receive(Command { tag: tag.clone(), body: CommandBody::Noop });
        self.collect(stage, tag, sending)
    }

    fn collect(
        &mut self,
        stage: Stage,
        tag: Tag<'static>,
        mut sending: ImapSend<CommandCodec>,
    ) -> Result<Done, Refusal> {
        let (mut heard, mut line, mut literal) = (0, None, 0usize);
        let output = loop {
            let step = sending.resume(&mut self.parser, line.take().as_deref());
            match step {
                ImapSendResult::WantsWrite(octets) => {
                    let octets = [std::mem::take(&mut self.ahead), octets].concat();
                    self.send(stage, &octets).map_err(Refusal::Other)?;
                }
                ImapSendResult::WantsRead => {
                    let next = self.read_line(stage, &mut heard, LINE_LIMIT, ANSWER_LIMIT).map_err(Refusal::Other)?;
                    if literal > 0 {
                        // Octets of a message: whatever they say is no answer.
                        literal = literal.saturating_sub(next.len());
                        line = Some(without_nul(next));
                        continue;
                    }
                    if let Some(refusal) = refusal(stage, tag.as_ref().as_bytes(), &next) {
                        return Err(refusal);
                    }
                    literal = announced(&next);
                    line = Some(readable(next));
                }
                ImapSendResult::Ok(output) => break output,
                ImapSendResult::Err(error) => return Err(Refusal::Other(self.broken(stage, of_parser(&error)))),
            }
        };
        let farewell = output.bye.filter(|_| stage != Stage::Logout);
        if let Some(bye) = farewell {
            return Err(Refusal::Other(self.broken(stage, Failure::Bye { text: bounded(bye.text.as_ref()) })));
        }
        let answered = output.tagged.filter(|tagged| tagged.tag == tag && tagged.body.kind == StatusKind::Ok);
        if answered.is_none() && stage != Stage::Logout {
            return Err(Refusal::Other(self.broken(stage, Failure::Protocol("the answer is to something else"))));
        }
        let code = answered.and_then(|tagged| tagged.body.code);
        Ok(Done { data: output.data, notices: output.untagged, code })
    }

    /// Sends a command written by hand, and hands each line of its answer to `hear`, with the tag of the command.
    pub(super) fn ask(&mut self, stage: Stage, command: &str, hear: &mut Hear<'_>) -> Result<(), Refusal> {
        let tag = self.begin(stage, command).map_err(Refusal::Other)?;
        let mut heard = 0;
        loop {
            let line = self.read_line(stage, &mut heard, LINE_LIMIT, ANSWER_LIMIT).map_err(Refusal::Other)?;
            if let Some(refusal) = refusal(stage, tag.as_bytes(), &line) {
                return Err(refusal);
            }
            match tagged(&line, &tag) {
                Some(b"OK") => return Ok(()),
                Some(_) => return Err(Refusal::Other(self.broken(stage, Failure::Protocol(NEITHER)))),
                None => {}
            }
            self.refuse_farewell(stage, &line).map_err(Refusal::Other)?;
            if announced(&line) > 0 || !line.starts_with(b"* ") {
                return Err(Refusal::Other(self.broken(stage, Failure::Protocol("a line is no answer"))));
            }
            hear(&line, &tag).map_err(|what| Refusal::Other(self.broken(stage, Failure::Protocol(what))))?;
        }
    }

    /// Sends a command written by hand; its answer is still to come. Gives its tag.
    pub(super) fn begin(&mut self, stage: Stage, command: &str) -> Result<String, ImapError> {
        self.require_open(stage)?;
        let tag = self.tags.generate().as_ref().to_owned();
        self.wire.all_within(self.timeouts.reply);
        let mut octets = std::mem::take(&mut self.ahead);
        octets.extend_from_slice(format!("{tag} {command}\r\n").as_bytes());
        self.send(stage, &octets)?;
        Ok(tag)
    }

    /// A command that goes along with the next one; what is answered to it does not matter.
    pub(super) fn send_along(&mut self, command: &str) {
        let tag = self.tags.generate().as_ref().to_owned();
        self.ahead.extend_from_slice(format!("{tag} {command}\r\n").as_bytes());
        self.owed = Some(tag);
    }

    /// A line of an answer, in the time that an answer may take.
    pub(super) fn next_line(&mut self, stage: Stage, heard: &mut usize, limit: usize) -> Result<Vec<u8>, ImapError> {
        self.wire.all_within(self.timeouts.reply);
        self.read_line(stage, heard, SHORT_LINE_LIMIT, limit)
    }

    /// Ends the session where the server says that it does.
    pub(super) fn refuse_farewell(&mut self, stage: Stage, line: &[u8]) -> Result<(), ImapError> {
        match farewell(line) {
            Some(text) => Err(self.broken(stage, Failure::Bye { text })),
            None => Ok(()),
        }
    }

    /// Sends what is no command.
    pub(super) fn say(&mut self, stage: Stage, octets: &[u8]) -> Result<(), ImapError> {
        self.require_open(stage)?;
        self.wire.all_within(self.timeouts.reply);
        self.send(stage, octets)
    }

    /// Looks whether the server has spoken or gone, without waiting for it.
    pub(super) fn heard(&mut self) -> Heard {
        self.wire.heard()
    }

    /// From now on everything is packed (RFC 4978).
    pub(super) fn compress(&mut self) {
        self.wire.compress();
    }

    /// Copies a message of announced length. Each block has a limit of its own, since the whole may take long.
    pub(super) fn hand_on(&mut self, size: u64, out: &mut dyn Write, limit: u64) -> Result<(), ImapError> {
        if size > limit {
            return Err(self.broken(Stage::Fetch, Failure::TooLarge { size, limit }));
        }
        let mut left = size;
        self.block.resize(BLOCK, 0);
        self.wire.each_within(self.timeouts.block);
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK);
            let read = self.wire.read_some(&mut self.block[..most]);
            let count = read.map_err(|link| self.broken(Stage::Fetch, link.into()))?;
            let written = out.write_all(&self.block[..count]);
            written.map_err(|error| self.broken(Stage::Fetch, Failure::Output(error)))?;
            left -= u64::try_from(count).unwrap_or(left);
        }
        Ok(())
    }

    fn send(&mut self, stage: Stage, octets: &[u8]) -> Result<(), ImapError> {
        self.wire.send(octets).map_err(|link| self.broken(stage, link.into()))
    }

    /// The line as it came; [`readable`] makes it one for the parser.
    fn read_line(
        &mut self,
        stage: Stage,
        heard: &mut usize,
        longest: usize,
        limit: usize,
    ) -> Result<Vec<u8>, ImapError> {
        loop {
            let line = self.wire.read_whole_line(longest);
            let line = line.map_err(|link| self.broken(stage, link.into()))?;
            *heard += line.len();
            if *heard > limit {
                return Err(self.broken(stage, Failure::Protocol("an answer does not end")));
            }
            self.news |= is_news(&line);
            // What is said to a command that went along is heard and forgotten.
            if self.owed.as_ref().is_none_or(|owed| tagged(&line, owed).is_none()) {
                return Ok(line);
            }
            self.owed = None;
        }
    }

    fn require_open(&self, stage: Stage) -> Result<(), ImapError> {
        if self.open {
            return Ok(());
        }
        let endpoint = self.endpoint();
        let source = io::ErrorKind::NotConnected.into();
        Err(ImapError { stage, failure: LinkError::Broken { endpoint, source }.into() })
    }

    /// Ends the connection.
    pub(super) fn abandon(&mut self) {
        self.open = false;
        self.wire.close();
    }

    /// An error after which the session is of no more use.
    pub(super) fn broken(&mut self, stage: Stage, failure: Failure) -> ImapError {
        self.abandon();
        ImapError { stage, failure }
    }
}

/// What stands behind the tag of a command that is answered: the word.
pub(super) fn tagged<'l>(line: &'l [u8], tag: &str) -> Option<&'l [u8]> {
    let answer = line.strip_prefix(tag.as_bytes())?.strip_prefix(b" ")?;
    answer.split(|octet| octet.is_ascii_whitespace()).next()
}

/// `* 5 EXISTS`, whatever it was that was asked for: it is said once.
fn is_news(line: &[u8]) -> bool {
    line.len() < 32 && line.starts_with(b"* ") && line.trim_ascii_end().to_ascii_uppercase().ends_with(b" EXISTS")
}

/// What the server says where it ends the session.
fn farewell(line: &[u8]) -> Option<String> {
    let (word, text) = line.strip_prefix(b"* ")?.split_at_checked(3)?;
    let text = String::from_utf8_lossy(text);
    word.eq_ignore_ascii_case(b"BYE").then(|| bounded(text.trim()))
}

/// A tagged NO or BAD. It is read here and not by the parser, which stumbles over what servers put into its text: names of
/// folders in UTF-8, codes of their own.
pub(super) fn refusal(stage: Stage, tag: &[u8], line: &[u8]) -> Option<Refusal> {
    let answer = line.strip_prefix(tag)?.strip_prefix(b" ")?;
    let (word, text) = answer.split_at(answer.iter().position(|b| b.is_ascii_whitespace())?);
    if !word.eq_ignore_ascii_case(b"NO") && !word.eq_ignore_ascii_case(b"BAD") {
        return None;
    }
    let text = String::from_utf8_lossy(text);
    let text = text.trim();
    let no_such_folder = text.get(..11).is_some_and(|code| code.eq_ignore_ascii_case("[TRYCREATE]"));
    let error = ImapError { stage, failure: Failure::of(text) };
    Some(match no_such_folder {
        true => Refusal::NoSuchFolder(error),
        false if word.eq_ignore_ascii_case(b"BAD") => Refusal::NotUnderstood(error),
        false => Refusal::Other(error),
    })
}

/// The parser refuses octets above 127 in the text of an answer, where some servers have them and nothing here reads them.
fn readable(mut line: Vec<u8>) -> Vec<u8> {
    for octet in line.iter_mut().filter(|octet| !octet.is_ascii()) {
        *octet = b'?';
    }
    line
}

/// How many octets of a literal follow this line (RFC 9051, section 4.3).
pub(super) fn announced(line: &[u8]) -> usize {
    let digits = || {
        let line = line.strip_suffix(b"}\r\n")?;
        let open = line.iter().rposition(|octet| *octet == b'{')?;
        std::str::from_utf8(&line[open + 1..]).ok()?.parse().ok()
    };
    digits().unwrap_or(0)
}

/// A literal has no NUL (RFC 9051, section 4.3), and the parser stumbles over one that is there all the same.
fn without_nul(mut octets: Vec<u8>) -> Vec<u8> {
    for octet in octets.iter_mut().filter(|octet| **octet == 0) {
        *octet = b'?';
    }
    octets
}

fn of_parser(error: &ImapSendError) -> Failure {
    Failure::Protocol(match error {
        ImapSendError::Eof => "an answer ended early",
        ImapSendError::DecodingFailure(_) => "an answer cannot be read",
        ImapSendError::MessageIsPoisoned(_) | ImapSendError::MessageTooLong(_) => "an answer does not end",
    })
}
