//! Commands and their answers through io-imap: one bounded line at a time, so that nothing is read that was not asked for.

use std::io::{self, Write};
use std::num::NonZeroU32;

use io_imap::codec::CommandCodec;
use io_imap::codec::fragmentizer::Fragmentizer;
use io_imap::coroutine::{ImapCoroutine, ImapCoroutineState};
use io_imap::rfc3501::fetch_stream_batch::{
    ImapMessageFetchStreamBatch, ImapMessageFetchStreamBatchError, ImapMessageFetchStreamBatchYield,
};
use io_imap::send::{ImapSend, ImapSendError, ImapSendResult};
use io_imap::types::command::{Command, CommandBody};
use io_imap::types::core::TagGenerator;
use io_imap::types::response::{Code, Data, StatusBody, StatusKind};
use io_imap::types::sequence::SequenceSet;

use super::{Failure, ImapError, Stage};
use crate::net::{LinkError, Stream, Timeouts, Wire, bounded};

/// Longest line of an answer, in octets: the UIDs of some 400,000 messages stand in one.
const LINE_LIMIT: usize = 4 * 1024 * 1024;

/// Most octets of one answer; a message on its way to the caller does not count.
const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// Most octets of the lines around a message.
const FRAME_LIMIT: usize = 256 * 1024;

/// Octets of a message handed on at once.
const BLOCK: usize = 64 * 1024;

/// A signed-in connection, and the one parser of what comes over it.
pub(super) struct Exchange {
    wire: Wire,
    timeouts: Timeouts,
    parser: Fragmentizer,
    tags: TagGenerator,
    open: bool,
}

/// What a command gave.
pub(super) struct Done {
    /// Untagged data.
    pub(super) data: Vec<Data<'static>>,
    /// Untagged OK, NO and BAD.
    pub(super) notices: Vec<StatusBody<'static>>,
    /// The code of the tagged answer.
    pub(super) code: Option<Code<'static>>,
    /// How many lines began as an answer to SEARCH: the parser passes over what it cannot read.
    pub(super) search_lines: usize,
}

/// A command that was refused may have been refused for want of a folder.
pub(super) enum Refusal {
    NoSuchFolder(ImapError),
    Other(ImapError),
}

impl From<Refusal> for ImapError {
    fn from(refusal: Refusal) -> ImapError {
        match refusal {
            Refusal::NoSuchFolder(error) | Refusal::Other(error) => error,
        }
    }
}

impl Exchange {
    pub(super) fn new(wire: Wire, timeouts: Timeouts) -> Exchange {
        let limit = u32::try_from(ANSWER_LIMIT).unwrap_or(u32::MAX);
        Exchange { wire, timeouts, parser: Fragmentizer::new(limit), tags: TagGenerator::new(), open: true }
    }

    pub(super) fn stream(&self) -> &Stream {
        self.wire.stream()
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Sends a command and collects its answer.
    pub(super) fn run(&mut self, stage: Stage, body: CommandBody<'static>) -> Result<Done, Refusal> {
        self.require_open(stage).map_err(Refusal::Other)?;
        let tag = self.tags.generate();
        let mut sending = ImapSend::new(CommandCodec::new(), Command { tag: tag.clone(), body });
        let (mut heard, mut line, mut search_lines, mut literal) = (0, None, 0, 0usize);
        self.wire.all_within(self.timeouts.reply);
        let output = loop {
            let step = sending.resume(&mut self.parser, line.take().as_deref());
            match step {
                ImapSendResult::WantsWrite(octets) => self.send(stage, &octets).map_err(Refusal::Other)?,
                ImapSendResult::WantsRead => {
                    let next = self.read_line(stage, &mut heard, ANSWER_LIMIT).map_err(Refusal::Other)?;
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
                    search_lines += usize::from(next.get(..8).is_some_and(|s| s.eq_ignore_ascii_case(b"* SEARCH")));
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
        Ok(Done { data: output.data, notices: output.untagged, code, search_lines })
    }

    /// Fetches one message, without marking it as seen, straight into `out`. Gives its length.
    pub(super) fn fetch(&mut self, uid: NonZeroU32, out: &mut dyn Write, limit: u64) -> Result<u64, ImapError> {
        let stage = Stage::Fetch;
        self.require_open(stage)?;
        let mut fetching = ImapMessageFetchStreamBatch::new(SequenceSet::from(uid), true);
        let (mut heard, mut line, mut length) = (0, None, None);
        let mut tag = None;
        self.wire.all_within(self.timeouts.reply);
        loop {
            let step = fetching.resume(&mut self.parser, line.take().as_deref());
            match step {
                ImapCoroutineState::Yielded(ImapMessageFetchStreamBatchYield::WantsWrite(octets)) => {
                    tag = tag.or_else(|| octets.split(|octet| *octet == b' ').next().map(<[u8]>::to_vec));
                    self.send(stage, &octets)?;
                }
                ImapCoroutineState::Yielded(ImapMessageFetchStreamBatchYield::WantsRead) => {
                    let next = self.read_line(stage, &mut heard, FRAME_LIMIT)?;
                    if let Some(refusal) = tag.as_deref().and_then(|tag| refusal(stage, tag, &next)) {
                        return Err(refusal.into());
                    }
                    line = Some(readable(next));
                }
                ImapCoroutineState::Yielded(ImapMessageFetchStreamBatchYield::MessageStart { uid: other }) => {
                    if other != uid.get() || length.replace(0).is_some() {
                        return Err(self.broken(stage, Failure::Protocol("a message came that was not asked for")));
                    }
                }
                ImapCoroutineState::Yielded(ImapMessageFetchStreamBatchYield::WantsStream { len }) => {
                    self.hand_on(u64::from(len), out, limit)?;
                    length = Some(u64::from(len));
                    self.wire.all_within(self.timeouts.reply);
                }
                // Lines are read one by one, so the parser never holds octets of a message.
                ImapCoroutineState::Yielded(ImapMessageFetchStreamBatchYield::BodyChunk(_)) => {
                    return Err(self.broken(stage, Failure::Protocol("a message begins in the middle of a line")));
                }
                ImapCoroutineState::Yielded(ImapMessageFetchStreamBatchYield::MessageEnd) => {}
                ImapCoroutineState::Complete(Ok(())) => {
                    return length.ok_or(ImapError { stage, failure: Failure::Gone });
                }
                ImapCoroutineState::Complete(Err(error)) => return Err(self.fetch_failed(error)),
            }
        }
    }

    fn fetch_failed(&mut self, error: ImapMessageFetchStreamBatchError) -> ImapError {
        use ImapMessageFetchStreamBatchError::{Bad, Bye, MissingTagged, No, ShortBody, UidMissing};
        let stage = Stage::Fetch;
        match error {
            No(text) | Bad(text) => ImapError { stage, failure: Failure::of(&text) },
            Bye(text) => self.broken(stage, Failure::Bye { text: bounded(&text) }),
            UidMissing => self.broken(stage, Failure::Protocol("a message came without its UID")),
            MissingTagged | ShortBody => self.broken(stage, Failure::Protocol("an answer ended early")),
        }
    }

    /// Copies a message of announced length. Each block has a limit of its own, since the whole may take long.
    fn hand_on(&mut self, size: u64, out: &mut dyn Write, limit: u64) -> Result<(), ImapError> {
        if size > limit {
            return Err(self.broken(Stage::Fetch, Failure::TooLarge { size, limit }));
        }
        let (mut block, mut left) = (vec![0; BLOCK], size);
        self.wire.each_within(self.timeouts.block);
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK);
            let read = self.wire.read_some(&mut block[..most]);
            let count = read.map_err(|link| self.broken(Stage::Fetch, link.into()))?;
            out.write_all(&block[..count]).map_err(|error| self.broken(Stage::Fetch, Failure::Output(error)))?;
            left -= u64::try_from(count).unwrap_or(left);
        }
        Ok(())
    }

    fn send(&mut self, stage: Stage, octets: &[u8]) -> Result<(), ImapError> {
        self.wire.send(octets).map_err(|link| self.broken(stage, link.into()))
    }

    /// The line as it came; [`readable`] makes it one for the parser.
    fn read_line(&mut self, stage: Stage, heard: &mut usize, limit: usize) -> Result<Vec<u8>, ImapError> {
        let line = self.wire.read_whole_line(LINE_LIMIT).map_err(|link| self.broken(stage, link.into()))?;
        *heard += line.len();
        if *heard > limit {
            return Err(self.broken(stage, Failure::Protocol("an answer does not end")));
        }
        Ok(line)
    }

    fn require_open(&self, stage: Stage) -> Result<(), ImapError> {
        if self.open {
            return Ok(());
        }
        let endpoint = self.wire.endpoint().to_owned();
        let source = io::ErrorKind::NotConnected.into();
        Err(ImapError { stage, failure: LinkError::Broken { endpoint, source }.into() })
    }

    /// Ends the connection.
    pub(super) fn abandon(&mut self) {
        self.open = false;
        self.wire.close();
    }

    /// An error after which the session is of no more use.
    fn broken(&mut self, stage: Stage, failure: Failure) -> ImapError {
        self.abandon();
        ImapError { stage, failure }
    }
}

/// A tagged NO or BAD. It is read here and not by the parser, which stumbles over what servers put into its text: names of
/// folders in UTF-8, codes of their own.
fn refusal(stage: Stage, tag: &[u8], line: &[u8]) -> Option<Refusal> {
    let answer = line.strip_prefix(tag)?.strip_prefix(b" ")?;
    let (word, text) = answer.split_at(answer.iter().position(|b| b.is_ascii_whitespace())?);
    if !word.eq_ignore_ascii_case(b"NO") && !word.eq_ignore_ascii_case(b"BAD") {
        return None;
    }
    let text = String::from_utf8_lossy(text);
    let text = text.trim();
    let no_such_folder = text.get(..11).is_some_and(|code| code.eq_ignore_ascii_case("[TRYCREATE]"));
    let error = ImapError { stage, failure: Failure::of(text) };
    Some(if no_such_folder { Refusal::NoSuchFolder(error) } else { Refusal::Other(error) })
}

/// The parser refuses octets above 127 in the text of an answer, where some servers have them and nothing here reads them.
fn readable(mut line: Vec<u8>) -> Vec<u8> {
    for octet in line.iter_mut().filter(|octet| !octet.is_ascii()) {
        *octet = b'?';
    }
    line
}

/// How many octets of a literal follow this line (RFC 9051, section 4.3).
fn announced(line: &[u8]) -> usize {
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
