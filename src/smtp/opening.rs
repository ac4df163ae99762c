//! A message that waits for its turn: its commands are made and its first octets are read before anything of it leaves.

use std::collections::VecDeque;

use super::body::{Piece, Pieces};
use super::flight::Awaited;
use super::notices::Notices;
use super::submission::{Order, Parameters};
use super::{Extensions, Failure, SmtpError, Stage};
use crate::mail::{Address, Envelope};

/// A message that waits for its turn.
pub(super) struct Waiting<'a, T> {
    pub(super) ticket: T,
    pub(super) recipients: Vec<Address>,
    /// Whether notices are asked for.
    pub(super) notices: bool,
    pub(super) writing: Writing<'a>,
}

/// What is still to be written of a message.
pub(super) struct Writing<'a> {
    /// MAIL, each RCPT and, without chunks, DATA.
    pub(super) commands: VecDeque<(Awaited, String)>,
    pub(super) pieces: Pieces<'a>,
    /// The piece that goes next, where it was read already.
    pub(super) piece: Option<Piece>,
    /// It may be delivered from now on.
    pub(super) cleared: bool,
}

impl<'a, T> Waiting<'a, T> {
    /// Makes the commands for what this server can do; what cannot be sent there is told before anything was.
    pub(super) fn new(
        ticket: T,
        order: Order<'a>,
        extensions: &Extensions,
        chunks: bool,
    ) -> Result<Waiting<'a, T>, (T, SmtpError)> {
        let Order { envelope, parameters, content } = order;
        let made = Waiting::<T>::commands(&envelope, &parameters, extensions, chunks)
            .and_then(|commands| Ok((commands, Pieces::new(content, parameters.size, parameters.eight_bit)?)));
        match made {
            Ok(((commands, notices), pieces)) => {
                let writing = Writing { commands, pieces, piece: None, cleared: false };
                Ok(Waiting { ticket, recipients: envelope.recipients, notices, writing })
            }
            Err(failure) => Err((ticket, SmtpError { stage: Stage::Mail, failure })),
        }
    }

    /// Reads its first piece: a message that cannot be read, or must not be sent as it is, is no longer among those that wait.
    pub(super) fn read_first(mut self) -> Result<Waiting<'a, T>, (T, SmtpError)> {
        match self.writing.read_piece() {
            Ok(_) => Ok(self),
            Err(failure) => Err((self.ticket, SmtpError { stage: Stage::Body, failure })),
        }
    }

    /// The octets that were read of it.
    pub(super) fn octets(&self) -> usize {
        self.writing.piece.as_ref().map_or(0, |piece| piece.octets.len())
    }

    fn commands(
        envelope: &Envelope,
        parameters: &Parameters,
        extensions: &Extensions,
        chunks: bool,
    ) -> Result<(VecDeque<(Awaited, String)>, bool), Failure> {
        if envelope.recipients.is_empty() {
            return Err(Failure::NoRecipient(Vec::new()));
        }
        let notices = parameters.notices.as_ref().filter(|_| extensions.has("DSN"));
        let mail = mail_command(envelope, parameters, notices, extensions)?;
        let mut commands = VecDeque::from([(Awaited::Mail, mail)]);
        for recipient in &envelope.recipients {
            let asked = notices.map(|notices| notices.of_rcpt(recipient)).unwrap_or_default();
            commands.push_back((Awaited::Rcpt, format!("RCPT TO:<{recipient}>{asked}\r\n")));
        }
        if !chunks {
            commands.push_back((Awaited::Data, "DATA\r\n".to_owned()));
        }
        Ok((commands, notices.is_some()))
    }
}

impl Writing<'_> {
    /// Reads the next piece, if that was not done yet.
    pub(super) fn read_piece(&mut self) -> Result<&Piece, Failure> {
        if self.piece.is_none() {
            self.piece = Some(self.pieces.next()?);
        }
        self.piece.as_ref().ok_or(Failure::Protocol("a piece of a message is missing"))
    }

    /// Whether all that is left of it was read and checked.
    pub(super) fn is_whole(&self) -> bool {
        self.piece.as_ref().is_some_and(|piece| piece.last)
    }

    /// The stage of what goes next.
    pub(super) fn stage(&self) -> Stage {
        self.commands.front().map_or(Stage::Body, |(awaited, _)| awaited.stage())
    }
}

fn mail_command(
    envelope: &Envelope,
    parameters: &Parameters,
    notices: Option<&Notices>,
    extensions: &Extensions,
) -> Result<String, Failure> {
    let mut command = format!("MAIL FROM:<{}>", envelope.sender);
    if extensions.has("SIZE") {
        match extensions.size_limit() {
            Some(limit) if parameters.size > limit => {
                return Err(Failure::TooLarge { size: parameters.size, limit });
            }
            _ => command += &format!(" SIZE={}", parameters.size),
        }
    }
    if parameters.eight_bit {
        if !extensions.has("8BITMIME") {
            return Err(Failure::Missing("8BITMIME"));
        }
        command += " BODY=8BITMIME";
    }
    let mut addresses = std::iter::once(&envelope.sender).chain(&envelope.recipients);
    if addresses.any(Address::is_internationalized) {
        if !extensions.has("SMTPUTF8") {
            return Err(Failure::Missing("SMTPUTF8"));
        }
        command += " SMTPUTF8";
    }
    if let Some(notices) = notices {
        command += &notices.of_mail()?;
    }
    Ok(command + "\r\n")
}
