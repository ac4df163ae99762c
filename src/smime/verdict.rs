//! The verdict: who signed, whether that is who the message says it is from, and what speaks against believing it.

use std::fmt;

use jiff::{Timestamp, ToSpan};

use super::opened::{Layer, Opened};
use crate::cms::Signer;
use crate::mail::Address;
use crate::pki::{Finding, Purpose, RevocationList, TrustAnchors, Trusted, validate};

/// What a concern asks of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth saying.
    Warn,
    /// The message does not prove what it claims.
    Refuse,
}

/// What speaks against a message. Each has a stable code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Nobody signed the content.
    Unsigned,
    /// The only signature is around the ciphertext: whoever signed need not know what is inside.
    SignedOutside,
    /// The path of the signer's certificate.
    Signer(Finding),
    /// Signed with a certificate that was valid then and has expired since.
    ExpiredSince,
    /// The signing time lies ahead of us.
    SignedInFuture,
    /// The certificate of the signer is for another address than From.
    SignerNotFrom,
    /// The certificate of the signer is for the address in Sender: somebody signed for somebody else.
    SignerIsSender,
    /// Sender names another address than From, and the signer is From.
    OtherSender,
    /// From is missing, doubled or unreadable.
    NoFrom,
    /// From outside is another address than From inside.
    FromDiffers,
    /// Other outer fields than the sender made.
    HeadersDiffer(Vec<&'static str>),
    /// Encrypted without a check of integrity (AES-CBC); only a signature inside makes up for it.
    Unauthenticated { signed: bool },
    /// A part has no end.
    Incomplete,
}

impl Concern {
    /// The stable name of the concern.
    pub fn code(&self) -> &'static str {
        match self {
            Concern::Unsigned => "unsigned",
            Concern::SignedOutside => "signed-outside",
            Concern::Signer(finding) => finding.code(),
            Concern::ExpiredSince => "expired-since",
            Concern::SignedInFuture => "signed-in-future",
            Concern::SignerNotFrom => "signer-not-from",
            Concern::SignerIsSender => "signer-is-sender",
            Concern::OtherSender => "other-sender",
            Concern::NoFrom => "no-from",
            Concern::FromDiffers => "from-differs",
            Concern::HeadersDiffer(_) => "headers-differ",
            Concern::Unauthenticated { .. } => "cbc-unauthenticated",
            Concern::Incomplete => "incomplete",
        }
    }

    /// How much weight it has.
    pub fn severity(&self) -> Severity {
        match self {
            Concern::ExpiredSince
            | Concern::SignedInFuture
            | Concern::OtherSender
            | Concern::HeadersDiffer(_)
            | Concern::Unauthenticated { signed: true } => Severity::Warn,
            _ => Severity::Refuse,
        }
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Concern::Unsigned => f.write_str("the message is not signed"),
            Concern::SignedOutside => f.write_str("the signature does not cover what is encrypted"),
            Concern::Signer(finding) => finding.fmt(f),
            Concern::ExpiredSince => f.write_str("the certificate of the signer has expired since it signed"),
            Concern::SignedInFuture => f.write_str("the signing time lies in the future"),
            Concern::SignerNotFrom => f.write_str("the signer is not the sender in From"),
            Concern::SignerIsSender => f.write_str("the signer is who sent it (Sender), not who it is from (From)"),
            Concern::OtherSender => f.write_str("the message names another in Sender than in From"),
            Concern::NoFrom => f.write_str("the message does not name exactly one sender"),
            Concern::FromDiffers => f.write_str("the sender outside is not the sender inside"),
            Concern::HeadersDiffer(names) => write!(f, "changed on the way: {}", names.join(", ")),
            Concern::Unauthenticated { .. } => f.write_str("the encryption does not protect integrity (AES-CBC)"),
            Concern::Incomplete => f.write_str("the message was cut"),
        }
    }
}

/// Whether a message is what it says.
pub struct Verdict {
    signer: Option<Trusted>,
    is_from: bool,
    is_sender: Option<bool>,
    concerns: Vec<Concern>,
}

impl Verdict {
    /// The signer, if the path of the certificate verified.
    pub fn signer(&self) -> Option<&Trusted> {
        self.signer.as_ref()
    }

    /// Whether the signer's certificate names the address in From.
    pub fn is_from(&self) -> bool {
        self.is_from
    }

    /// Whether the signer's certificate names the address in Sender, if the message has that field.
    pub fn is_sender(&self) -> Option<bool> {
        self.is_sender
    }

    /// Everything that speaks against it.
    pub fn concerns(&self) -> &[Concern] {
        &self.concerns
    }

    /// The weight of the worst concern; `None` if there is no concern.
    pub fn severity(&self) -> Option<Severity> {
        self.concerns.iter().map(Concern::severity).max()
    }
}

/// Judges an opened message at the moment it was received.
///
/// A signer whose certificate expired between signing and receiving is believed with a warning; revocation counts
/// whenever it happened, because a signing time is only what the signer says.
pub fn judge(opened: &Opened, anchors: &TrustAnchors, crls: &[RevocationList], at: Timestamp) -> Verdict {
    let mut concerns = Vec::new();
    let from = opened.headers().from.as_ref().map(|mailbox| &mailbox.address);
    if from.is_none() {
        concerns.push(Concern::NoFrom);
    }
    let (signer, is_from) = judge_signers(opened, from, anchors, crls, at, &mut concerns);
    let sender = opened.headers().sender.as_ref().map(|mailbox| &mailbox.address);
    let names = |address| signer.as_ref().is_some_and(|signer| signer.certificate().names_address(address));
    let is_sender = sender.map(names);
    if signer.is_some() && !is_from && from.is_some() {
        concerns.push(if is_sender == Some(true) { Concern::SignerIsSender } else { Concern::SignerNotFrom });
    }
    if is_from && sender.is_some() && sender != from {
        concerns.push(Concern::OtherSender);
    }
    judge_headers(opened, from, &mut concerns);
    let signed = signer.is_some();
    let mut envelopes = opened.layers().iter().filter_map(|layer| match layer {
        Layer::Encrypted(envelope) => Some(envelope),
        Layer::Signed(_) | Layer::Compressed => None,
    });
    if envelopes.any(|envelope| !envelope.authenticated) {
        concerns.push(Concern::Unauthenticated { signed });
    }
    if !opened.is_complete() {
        concerns.push(Concern::Incomplete);
    }
    Verdict { signer, is_from, is_sender, concerns }
}

fn judge_headers(opened: &Opened, from: Option<&Address>, concerns: &mut Vec<Concern>) {
    let outer = opened.outer_headers().from.as_ref().map(|mailbox| &mailbox.address);
    if from.is_some() && outer != from {
        concerns.push(Concern::FromDiffers);
    }
    if !opened.differences().is_empty() {
        concerns.push(Concern::HeadersDiffer(opened.differences().to_vec()));
    }
}

/// Finds the signer that speaks for the message: the one whose certificate is for From, else the first that is believed.
fn judge_signers(
    opened: &Opened,
    from: Option<&Address>,
    anchors: &TrustAnchors,
    crls: &[RevocationList],
    at: Timestamp,
    concerns: &mut Vec<Concern>,
) -> (Option<Trusted>, bool) {
    let signers = opened.signers();
    if signers.is_empty() {
        let outside = opened.layers().iter().any(|layer| matches!(layer, Layer::Signed(_)));
        concerns.push(if outside { Concern::SignedOutside } else { Concern::Unsigned });
        return (None, false);
    }
    let mut best: Option<(Trusted, bool, Vec<Concern>)> = None;
    let mut refused = Vec::new();
    for signer in signers {
        match judge_signer(signer, from, anchors, crls, at) {
            Err(concern) => refused.push(concern),
            Ok(found) if best.as_ref().is_none_or(|(_, is_from, _)| found.1 && !is_from) => best = Some(found),
            Ok(_) => {}
        }
    }
    let Some((trusted, is_from, warnings)) = best else {
        concerns.extend(refused);
        return (None, false);
    };
    concerns.extend(warnings);
    (Some(trusted), is_from)
}

fn judge_signer(
    signer: &Signer,
    from: Option<&Address>,
    anchors: &TrustAnchors,
    crls: &[RevocationList],
    at: Timestamp,
) -> Result<(Trusted, bool, Vec<Concern>), Concern> {
    let leaf = &signer.certificate;
    let check = |address: Option<&Address>, at: Timestamp| {
        validate(leaf, &signer.certificates, anchors, crls, Purpose::EmailSigning, address, at)
    };
    let mut warnings = Vec::new();
    if signer.signing_time.is_some_and(|signed| signed > at.saturating_add(24.hours()).unwrap_or(at)) {
        warnings.push(Concern::SignedInFuture);
    }
    let names_from = from.is_some_and(|from| leaf.names_address(from));
    let address = if names_from { from } else { None };
    match (check(address, at), signer.signing_time) {
        (Ok(trusted), _) => Ok((trusted, names_from, warnings)),
        (Err(Finding::Expired { on }), Some(signed)) if signed <= on && on < at => {
            let trusted = check(address, signed).map_err(Concern::Signer)?;
            warnings.push(Concern::ExpiredSince);
            Ok((trusted, names_from, warnings))
        }
        (Err(finding), _) => Err(Concern::Signer(finding)),
    }
}
