//! DATA and BDAT: the message itself, from its first octet to the last word on it.

use std::io;

use crate::mail::Address;
use crate::sandbox::faults::{Action, Stage};
use crate::sandbox::server::{Interruption, pause};
use crate::sandbox::store::StoreError;
use crate::sandbox::submission::command::RcptTo;
use crate::sandbox::submission::intake::{Intake, skip_chunk};
use crate::sandbox::submission::{MAX_MESSAGE, Next, OUT_OF_ORDER, Session, Transaction, receipt, report};
use crate::sandbox::wire::cut;

const NO_RECIPIENTS: &str = "554 5.5.1 no valid recipients";

impl Session<'_> {
    pub(super) fn data(&mut self) -> io::Result<Next> {
        let Some(transaction) = self.transaction.as_ref().filter(|it| it.chunks.is_none() && !it.discarding) else {
            return self.mistake(OUT_OF_ORDER);
        };
        if transaction.recipients.is_empty() {
            // A client that sends its commands together cannot know it: this is no mistake of its own.
            return self.answer(NO_RECIPIENTS);
        }
        if let Some(next) = self.struck(Stage::Data)? {
            return Ok(next);
        }
        let id = queue_id();
        let mut intake = match self.intake(&id) {
            Ok(intake) => intake,
            Err(_) => return self.answer("452 4.3.1 no room to store the message"),
        };
        self.answer("354 end data with <CR><LF>.<CR><LF>")?;
        let struck = self.strike_body()?;
        intake.take_data(self.wire)?;
        self.complete(intake, &id, struck)
    }

    pub(super) fn bdat(&mut self, size: u64, last: bool) -> io::Result<Next> {
        if size > MAX_MESSAGE {
            // It would take long to read what is not wanted.
            self.answer("552 5.3.4 the chunk is larger than SIZE allows")?;
            return Ok(Next::Leave);
        }
        let Some(transaction) = &mut self.transaction else {
            skip_chunk(self.wire, size)?;
            return self.mistake(if self.wire.is_tls() {
                OUT_OF_ORDER
            } else {
                "530 5.7.0 issue a STARTTLS command first"
            });
        };
        if transaction.discarding {
            return self.discard(size, last, "551 5.5.1 discarded after an earlier refusal");
        }
        if transaction.recipients.is_empty() {
            return self.discard(size, last, NO_RECIPIENTS);
        }
        let id = queue_id();
        let mut intake = match transaction.chunks.take() {
            Some(intake) => intake,
            None => match self.service.interrupt(Stage::Data, self.wire, self.stop)? {
                Some(struck) => return self.refuse_chunk(size, last, &struck, Stage::Data),
                None => match self.intake(&id) {
                    Ok(intake) => intake,
                    Err(_) => return self.discard(size, last, "452 4.3.1 no room to store the message"),
                },
            },
        };
        let struck = self.strike_body()?;
        intake.take_chunk(self.wire, size)?;
        if last {
            return self.complete(intake, &id, struck);
        }
        if let Some(struck) = struck {
            return self.refuse_chunk(0, last, &struck, Stage::Body);
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.chunks = Some(intake);
        }
        self.answer(&format!("250 2.0.0 {size} octets received"))
    }

    /// Reads a chunk that is refused, so that the next command is found behind it (RFC 3030, section 2). The transaction
    /// ends with its last chunk, as Postfix has it: the next message may be on its way already.
    fn discard(&mut self, size: u64, last: bool, reply: &str) -> io::Result<Next> {
        skip_chunk(self.wire, size)?;
        if last {
            self.reset();
        } else if let Some(transaction) = &mut self.transaction {
            transaction.discarding = true;
        }
        self.answer(reply)
    }

    fn refuse_chunk(&mut self, size: u64, last: bool, struck: &Interruption, stage: Stage) -> io::Result<Next> {
        self.discard(size, last, &struck.reply(stage))?;
        Ok(if *struck == Interruption::Close { Next::Leave } else { Next::Go })
    }

    /// Lets a fault strike while the message comes in: a cut counts what the client sends.
    fn strike_body(&mut self) -> io::Result<Option<Interruption>> {
        let fault = self.service.faults.interruption(Stage::Body);
        match fault {
            Some(Action::Cut(octets)) => self.wire.cut_input_after(octets),
            Some(Action::Stall(time)) => pause(self.stop, time)?,
            _ => {}
        }
        Ok(fault.as_ref().and_then(Interruption::of))
    }

    fn say(&mut self, struck: &Interruption, stage: Stage) -> io::Result<Next> {
        self.answer(&struck.reply(stage))?;
        Ok(if *struck == Interruption::Close { Next::Leave } else { Next::Go })
    }

    fn intake(&self, id: &str) -> Result<Intake, StoreError> {
        let staged = self.service.store.incoming()?;
        let from = self.transaction.as_ref().map_or("", |transaction| transaction.from.as_str());
        let client = self.greeted.as_deref().unwrap_or("unknown");
        let date = self.service.clock.now().strftime("%a, %d %b %Y %H:%M:%S +0000");
        let name = self.service.name;
        let trace = format!(
            "Return-Path: <{from}>\r\nReceived: from {client} ([127.0.0.1])\r\n\tby {name} with ESMTPSA id {id};\r\n\t{date}\r\n"
        );
        Ok(Intake::new(staged, &trace, MAX_MESSAGE))
    }

    /// The message is here: the last word on it.
    fn complete(&mut self, intake: Intake, id: &str, struck: Option<Interruption>) -> io::Result<Next> {
        let Some(transaction) = self.transaction.take() else { return self.mistake(OUT_OF_ORDER) };
        if let Some(struck) = struck {
            return self.say(&struck, Stage::Body);
        }
        if intake.is_too_large() {
            return self.answer("552 5.3.4 the message is larger than SIZE allows");
        }
        let fault = self.service.faults.interruption(Stage::DataEnd);
        if let Some(refusal) = fault.as_ref().and_then(Interruption::of) {
            return self.say(&refusal, Stage::DataEnd);
        }
        match self.deliver(intake, id, &transaction) {
            Ok(()) => {}
            Err(StoreError::Full) => return self.answer("452 4.2.2 a mailbox is full"),
            Err(_) => return self.answer("451 4.3.0 the message could not be stored"),
        }
        match fault {
            Some(Action::Stall(time)) => pause(self.stop, time)?,
            Some(Action::Cut(0)) => return Err(cut()),
            Some(Action::Cut(octets)) => self.wire.cut_answers_after(octets),
            _ => {}
        }
        self.answer(&format!("250 2.0.0 ok: queued as {id}"))
    }

    fn deliver(&self, intake: Intake, id: &str, transaction: &Transaction) -> Result<(), StoreError> {
        let (mut staged, size) = intake.finish()?;
        let faults = || self.service.faults.deliveries();
        let fates: Vec<Fate<'_>> = transaction.recipients.iter().map(|rcpt| Fate { rcpt, faults: faults() }).collect();
        let reached = fates.iter().filter(|fate| fate.arrives()).map(|fate| fate.rcpt.address.clone());
        let reached: Vec<Address> = reached.collect();
        self.service.store.deliver(&mut staged, size, &reached)?;
        if self.service.faults.files_sent() {
            self.service.store.file_sent(&staged, size, &transaction.from)?;
        }
        // The message is delivered, whatever becomes of the notices of it.
        let _ = report::send(self.service, transaction, id, &fates, &mut staged);
        let _ = receipt::send(self.service, &transaction.from, &fates, &mut staged);
        Ok(())
    }
}

/// What becomes of an accepted message for one recipient.
pub(super) struct Fate<'a> {
    pub(super) rcpt: &'a RcptTo,
    pub(super) faults: Vec<Action>,
}

impl Fate<'_> {
    pub(super) fn arrives(&self) -> bool {
        !self.faults.iter().any(|fault| matches!(fault, Action::Bounce(_) | Action::Rejected))
    }
}

/// A name for a message that no other one has: ten letters and digits, 50 bits of chance.
pub(super) fn queue_id() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTUVWX";
    let mut random = [0u8; 10];
    aws_lc_rs::rand::fill(&mut random).expect("the system gives randomness");
    random.iter().map(|octet| char::from(ALPHABET[usize::from(octet % 32)])).collect()
}
