//! What changes messages: STORE, COPY, MOVE, EXPUNGE and APPEND (RFC 9051, sections 6.3.12 and 6.4).

use std::io::{self, BufRead, BufWriter, Write};

use crate::sandbox::faults::Stage;
use crate::sandbox::mailbox::command::Append;
use crate::sandbox::mailbox::reader::{ReadError, Reader};
use crate::sandbox::mailbox::sequence::{SequenceSet, write_set};
use crate::sandbox::mailbox::{Done, Outcome, Session, Trouble};
use crate::sandbox::store::{Change, Copied, Flags, StoreError};
use crate::sandbox::submission::MAX_MESSAGE;

const NOTHING_SELECTED: Done = Done::Bad("no folder is selected");
const NO_SUCH_MESSAGE: Done = Done::Bad("no message has this number");
const READ_ONLY: &str = "[CANNOT] the folder is open for reading only";

impl Session<'_> {
    pub(super) fn store(&mut self, uid: bool, set: &SequenceSet, change: Change, silent: bool, by: &Flags) -> Outcome {
        if let Some(done) = self.struck(Stage::Store)? {
            return Ok(done);
        }
        let rev2 = self.rev2;
        let Some(selected) = &mut self.selected else { return Ok(NOTHING_SELECTED) };
        if selected.read_only {
            return Ok(Done::No(READ_ONLY.to_owned()));
        }
        let Some(chosen) = selected.chosen(set, uid) else { return Ok(NO_SUCH_MESSAGE) };
        let uids: Vec<u32> = chosen.iter().map(|(_, uid)| *uid).collect();
        selected.folder.change_flags(&uids, change, by)?;
        let mut lines = Vec::new();
        for (number, own) in &chosen {
            if let Some(message) = selected.message_mut(*number) {
                message.flags = message.flags.changed(change, by);
            }
            if let Some(message) = selected.message(*number).filter(|_| !silent) {
                let flags = selected.flags(message, rev2);
                let uid = if uid { format!("UID {own} ") } else { String::new() };
                lines.push(format!("{number} FETCH ({uid}FLAGS {flags})"));
            }
        }
        for line in lines {
            self.untagged(&line)?;
        }
        if uid { self.done_with_news("STORE completed".to_owned()) } else { Ok(Done::Ok("STORE completed".to_owned())) }
    }

    pub(super) fn copy(&mut self, uid: bool, set: &SequenceSet, to: &str, leave: bool) -> Outcome {
        if let Some(done) = self.struck(Stage::Store)? {
            return Ok(done);
        }
        let Some(selected) = self.selected() else { return Ok(NOTHING_SELECTED) };
        if leave && selected.read_only {
            return Ok(Done::No(READ_ONLY.to_owned()));
        }
        let Some(chosen) = selected.chosen(set, uid) else { return Ok(NO_SUCH_MESSAGE) };
        let target = match self.target(to)? {
            Ok(target) => target,
            Err(done) => return Ok(done),
        };
        let uids: Vec<u32> = chosen.iter().map(|(_, uid)| *uid).collect();
        let copied = selected.folder.copy_to(&uids, &target, leave)?;
        let what = if leave { "MOVE" } else { "COPY" };
        if copied.pairs.is_empty() {
            return self.done_with_news(format!("{what} completed, nothing was there"));
        }
        let code = copyuid(&copied);
        if leave {
            // The client learns where the messages are before it learns that they are gone (RFC 9051, section 6.4.8).
            self.untagged(&format!("OK [{code}] moved"))?;
            return self.done_with_news("MOVE completed".to_owned());
        }
        self.done_with_news(format!("[{code}] COPY completed"))
    }

    pub(super) fn expunge(&mut self, set: Option<&SequenceSet>) -> Outcome {
        if let Some(done) = self.struck(Stage::Store)? {
            return Ok(done);
        }
        let Some(selected) = self.selected() else { return Ok(NOTHING_SELECTED) };
        if selected.read_only {
            return Ok(Done::No(READ_ONLY.to_owned()));
        }
        let among = set.map(|set| selected.resolve(set, true));
        selected.folder.expunge(|uid| among.as_ref().is_none_or(|among| among.contains(uid)))?;
        self.done_with_news("EXPUNGE completed".to_owned())
    }

    pub(super) fn append(&mut self, append: Append) -> Outcome {
        let Append { name, flags, date, size, waits } = append;
        if size > MAX_MESSAGE {
            self.skip_message(size, waits)?;
            return Ok(Done::No("[TOOBIG] the message is too large".to_owned()));
        }
        let target = match self.target(&name) {
            Ok(Ok(target)) => target,
            Ok(Err(done)) => {
                self.skip_message(size, waits)?;
                return Ok(done);
            }
            Err(trouble) => {
                self.skip_message(size, waits)?;
                return Err(trouble);
            }
        };
        let mut out = BufWriter::with_capacity(64 << 10, self.service.store.incoming()?);
        if waits {
            self.wire.write_all(b"+ send the message\r\n")?;
        }
        let mut failed = None;
        self.take(size, |piece| {
            if failed.is_none() {
                failed = out.write_all(piece).err();
            }
        })?;
        if let Some(done) = self.end_of_append()? {
            return Ok(done);
        }
        if let Some(error) = failed {
            return Err(StoreError::Io(error).into());
        }
        if size == 0 {
            return Ok(Done::No("nothing to append".to_owned()));
        }
        let mut staged = out.into_inner().map_err(|error| StoreError::Io(error.into_error()))?;
        staged.file().sync_all().map_err(StoreError::Io)?;
        let date = date.unwrap_or_else(|| self.service.clock.now().as_second());
        let (uid_validity, uid) = target.add(staged.path(), size, &flags, date)?;
        self.done_with_news(format!("[APPENDUID {uid_validity} {uid}] APPEND completed"))
    }

    /// The line end behind the message; MULTIAPPEND is not offered.
    fn end_of_append(&mut self) -> Result<Option<Done>, Trouble> {
        let mut reader = Reader::new(self.wire);
        let ended = match reader.end() {
            Err(ReadError::Syntax(why)) => match reader.recover() {
                Ok(()) | Err(ReadError::Syntax(_)) => return Ok(Some(Done::Bad(why))),
                Err(error) => Err(error),
            },
            other => other,
        };
        match ended {
            Ok(()) => Ok(None),
            Err(ReadError::Wire(error)) => Err(error.into()),
            Err(_) => Ok(Some(Done::Gone)),
        }
    }

    /// Gets past the message of an APPEND that is refused; a client that waits does not send it.
    pub(super) fn skip_message(&mut self, size: u64, waits: bool) -> io::Result<()> {
        if waits {
            return Ok(());
        }
        if size > 2 * MAX_MESSAGE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.take(size, |_| {})?;
        let mut reader = Reader::new(self.wire);
        match reader.recover() {
            Err(ReadError::Wire(error)) => Err(error),
            Err(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(()) => Ok(()),
        }
    }

    fn take(&mut self, size: u64, mut deed: impl FnMut(&[u8])) -> io::Result<()> {
        let mut left = size;
        while left > 0 {
            let buffer = self.wire.fill_buf()?;
            if buffer.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            deed(&buffer[..length]);
            self.wire.consume(length);
            left -= length as u64;
        }
        Ok(())
    }
}

fn copyuid(copied: &Copied) -> String {
    let from = write_set(copied.pairs.iter().map(|(from, _)| *from));
    let to = write_set(copied.pairs.iter().map(|(_, to)| *to));
    format!("COPYUID {} {from} {to}", copied.uid_validity)
}
