//! Many messages through one connection: what is written next, and the point of no return before each last piece.

use std::io;

use super::body::Stuffing;
use super::flight::{Awaited, End, Flight};
use super::opening::Waiting;
use super::pipeline::{Break, Pipeline};
use super::submission::Supply;
use super::{Failure, SmtpError, Stage};

/// Octets that are gathered before they are sent: small commands and small messages share one write.
const FLUSH: usize = 64 * 1024;

/// Most octets of messages whose replies were not read.
const IN_FLIGHT: usize = 8 * 1024 * 1024;

impl<'a, S: Supply<'a>> Pipeline<'_, 'a, S> {
    /// Writes until something has to be heard first.
    pub(super) fn write_on(&mut self) -> Result<(), Break> {
        while self.write_next()? {
            if self.out.len() >= FLUSH {
                self.flush()?;
                self.listen()?;
            }
        }
        self.flush()
    }

    /// Writes one command or one piece. False: something has to be heard first, or there is nothing left.
    fn write_next(&mut self) -> Result<bool, Break> {
        if self.writing.is_none() && !self.begin() {
            return Ok(false);
        }
        let (Some(writing), Some(flight)) = (&mut self.writing, self.flights.back_mut()) else { return Ok(false) };
        if flight.has_failed() {
            return self.give_up();
        }
        if self.awaited.len() >= self.unread {
            return Ok(false);
        }
        if let Some((awaited, command)) = writing.commands.pop_front() {
            self.out.extend_from_slice(command.as_bytes());
            self.expect(awaited);
            return Ok(true);
        }
        if self.chunks { self.write_chunk() } else { self.write_block() }
    }

    /// Takes the next message up. One whose beginning cannot be read is over before anything of it was written.
    fn begin(&mut self) -> bool {
        if self.awaited.len() >= self.unread {
            return false;
        }
        while let Some(waiting) = self.waiting.pop_front() {
            let Waiting { ticket, recipients, notices, mut writing } = match waiting.read_first() {
                Ok(waiting) => waiting,
                Err((ticket, error)) => {
                    self.supply.done(ticket, Err(error));
                    continue;
                }
            };
            // A message whose recipients are all refused may leave a transaction open, to which the recipients of the next one
            // would be added: whatever is not known to have ended well is ended by RSET. Exim counts only the second RSET between
            // two messages, Postfix only those of a session without messages.
            if self.unclean || self.chunks && !self.flights.is_empty() {
                writing.commands.push_front((Awaited::Reset, "RSET\r\n".to_owned()));
            }
            self.unclean = false;
            self.flights.push_back(Flight::new(ticket, recipients, notices));
            self.writing = Some(writing);
            self.stuffing = Stuffing::new();
            return true;
        }
        false
    }

    fn expect(&mut self, awaited: Awaited) {
        self.awaited.push_back(awaited);
        self.unsent += 1;
        self.octets += awaited.octets();
        if let Some(flight) = self.flights.back_mut() {
            flight.awaited += 1;
        }
    }

    /// Nothing more is to be written of a message that failed. The chunks that left are discarded by RSET (RFC 3030, section 3).
    fn give_up(&mut self) -> Result<bool, Break> {
        let (Some(writing), Some(flight)) = (&self.writing, self.flights.back_mut()) else { return Ok(false) };
        if !self.chunks && writing.commands.is_empty() {
            if flight.awaited > 0 {
                // The answer to DATA is on its way, and decides what the server takes the next octets for.
                return Ok(false);
            }
            if flight.granted && flight.has_recipient() {
                return Err(Break::given_up(self.session.wire.endpoint()));
            }
            if flight.granted {
                // There is nobody to write to: an empty message ends it (RFC 2920, section 3.1).
                self.out.extend_from_slice(b".\r\n");
                self.expect(Awaited::EmptyEnd);
            }
        }
        self.end_of_message();
        self.unclean = true;
        self.settle();
        Ok(true)
    }

    fn end_of_message(&mut self) {
        self.writing = None;
        if let Some(flight) = self.flights.back_mut() {
            flight.written = true;
        }
    }

    /// BDAT and its octets (RFC 3030).
    fn write_chunk(&mut self) -> Result<bool, Break> {
        let alone = self.flights.len() == 1 && self.waiting.is_empty();
        let (Some(writing), Some(flight)) = (&mut self.writing, self.flights.back_mut()) else { return Ok(false) };
        // A message that is alone gains nothing from leaving before its recipients are known: less of it may become unknown.
        if alone && flight.awaited > 0 {
            return Ok(false);
        }
        let (length, last) = match writing.read_piece() {
            Ok(piece) => (piece.octets.len(), piece.last),
            Err(failure) => {
                flight.fail(Stage::Body, failure);
                return Ok(true);
            }
        };
        if self.octets > 0 && self.octets + length > IN_FLIGHT {
            return Ok(false);
        }
        if last && !self.clear()? {
            return Ok(true);
        }
        let Some(piece) = self.writing.as_mut().and_then(|writing| writing.piece.take()) else { return Ok(false) };
        let mark = if last { " LAST" } else { "" };
        self.out.extend_from_slice(format!("BDAT {length}{mark}\r\n").as_bytes());
        self.out.extend_from_slice(&piece.octets);
        self.expect(if last { Awaited::Last(length) } else { Awaited::Chunk(length) });
        if last {
            self.last_is_next();
        }
        Ok(true)
    }

    /// A piece behind DATA, its dots doubled; the lone dot goes in one write with the last of them. A message that ends early
    /// cannot be taken back but by breaking the connection.
    fn write_block(&mut self) -> Result<bool, Break> {
        let (Some(writing), Some(flight)) = (&mut self.writing, self.flights.back_mut()) else { return Ok(false) };
        if !flight.granted {
            return Ok(false);
        }
        let last = match writing.read_piece() {
            Ok(piece) => piece.last,
            Err(failure) => {
                flight.fail(Stage::Body, failure);
                return Err(Break::given_up(self.session.wire.endpoint()));
            }
        };
        if last && !self.clear()? {
            return Err(Break::given_up(self.session.wire.endpoint()));
        }
        let Some(piece) = self.writing.as_mut().and_then(|writing| writing.piece.take()) else { return Ok(false) };
        self.stuffing.stuff(&piece.octets, &mut self.out);
        if last {
            self.stuffing.end(&mut self.out);
            self.expect(Awaited::Last(piece.octets.len()));
            self.last_is_next();
        }
        Ok(true)
    }

    fn last_is_next(&mut self) {
        if let Some(flight) = self.flights.back_mut() {
            flight.end = End::Next;
        }
        self.end_of_message();
    }

    /// The point of no return, for the message that is being written and for those behind it that were read and checked to their
    /// ends. A server that has already said no, or gone, must not make them messages of unknown fate. False: the message failed.
    fn clear(&mut self) -> Result<bool, Break> {
        if self.writing.as_ref().is_some_and(|writing| writing.cleared) {
            return Ok(true);
        }
        self.listen()?;
        let (Some(writing), Some(flight)) = (&mut self.writing, self.flights.back_mut()) else { return Ok(false) };
        if flight.has_failed() {
            return Ok(false);
        }
        let whole = self.waiting.iter().filter(|waiting| waiting.writing.is_whole());
        let tickets: Vec<&S::Ticket> =
            std::iter::once(&flight.ticket).chain(whole.map(|waiting| &waiting.ticket)).collect();
        match self.supply.point_of_no_return(&tickets) {
            Ok(()) => {
                writing.cleared = true;
                let whole = self.waiting.iter_mut().filter(|waiting| waiting.writing.is_whole());
                whole.for_each(|waiting| waiting.writing.cleared = true);
                Ok(true)
            }
            Err(error) => {
                let again = || io::Error::new(error.kind(), error.to_string());
                for index in (0..self.waiting.len()).rev() {
                    if self.waiting[index].writing.is_whole()
                        && let Some(stopped) = self.waiting.remove(index)
                    {
                        let failure = Failure::Aborted(again());
                        self.supply.done(stopped.ticket, Err(SmtpError { stage: Stage::Body, failure }));
                    }
                }
                flight.fail(Stage::Body, Failure::Aborted(error));
                Ok(false)
            }
        }
    }
}
