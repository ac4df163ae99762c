//! DATA and BDAT: the message itself, from its first octet to the last word on it.

use std::io;

use crate::mail::Address;
use crate::sandbox::faults::{Action, Stage};
use crate::sandbox::server::{Interruption, pause};
use crate::sandbox::store::StoreError;
use crate::sandbox::submission::intake::{Intake, skip_chunk};
use crate::sandbox::submission::{MAX_MESSAGE, Next, OUT_OF_ORDER, Session, Transaction, report};
use crate::sandbox::wire::cut;

impl Session<'_> {
    pub(super) fn data(&mut self) -> io::Result<Next> {
        let ready = |transaction: &Transaction| !transaction.recipients.is_empty() && transaction.chunks.is_none();
        match &self.transaction {
            Some(transaction) if ready(transaction) => {}
            Some(transaction) if transaction.chunks.is_none() => return self.mistake("554 5.5.1 no valid recipients"),
            _ => return self.mistake(OUT_OF_ORDER),
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
        let Some(transaction) = self.transaction.as_mut().filter(|transaction| !transaction.recipients.is_empty())
        else {
            skip_chunk(self.wire, size)?;
            return self.mistake(if self.wire.is_tls() {
                OUT_OF_ORDER
            } else {
                "530 5.7.0 issue a STARTTLS command first"
            });
        };
        let chunks = transaction.chunks.take();
        let id = queue_id();
        let mut intake = match chunks {
            Some(intake) => intake,
            None => {
                if let Some(next) = self.struck(Stage::Data)? {
                    skip_chunk(self.wire, size)?;
                    self.reset();
                    return Ok(next);
                }
                match self.intake(&id) {
                    Ok(intake) => intake,
                    Err(_) => {
                        skip_chunk(self.wire, size)?;
                        return self.answer("452 4.3.1 no room to store the message");
                    }
                }
            }
        };
        let struck = self.strike_body()?;
        intake.take_chunk(self.wire, size)?;
        if last {
            return self.complete(intake, &id, struck);
        }
        if let Some(struck) = struck {
            self.reset();
            return self.say(&struck, Stage::Body);
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.chunks = Some(intake);
        }
        self.answer(&format!("250 2.0.0 {size} octets received"))
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
        let recipients: Vec<Address> = transaction.recipients.iter().map(|rcpt| rcpt.address.clone()).collect();
        self.service.store.deliver(&mut staged, size, &recipients)?;
        // The message is delivered, whatever becomes of the report of it.
        let _ = report::success(self.service, transaction, id, &mut staged);
        Ok(())
    }
}

/// A name for a message that no other one has: ten letters and digits, 50 bits of chance.
pub(super) fn queue_id() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTUVWX";
    let mut random = [0u8; 10];
    aws_lc_rs::rand::fill(&mut random).expect("the system gives randomness");
    random.iter().map(|octet| char::from(ALPHABET[usize::from(octet % 32)])).collect()
}
