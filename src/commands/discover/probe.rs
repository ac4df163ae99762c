//! Meets servers side by side: each on a thread of its own, all of them under one deadline.

use std::net::IpAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::{Met, Obstacle};
use crate::commands::error::Error;
use crate::discovery::{Offer, Origin, Search, Service};
use crate::imap::{self, ImapError};
use crate::net::Dialer;
use crate::smtp::{self, SmtpError};

/// What became of each, in the order of the offers. A thread that is late is left behind: its own time-outs end it.
pub(super) fn meet(
    offers: &[Offer],
    search: Option<&Search>,
    dialer: &Dialer,
    ehlo_name: &str,
    limit: Duration,
) -> Vec<Result<Met, Obstacle>> {
    let end = Instant::now() + limit;
    let (answer, answers) = mpsc::channel();
    for (at, offer) in offers.iter().enumerate() {
        let (answer, offer, search) = (answer.clone(), offer.clone(), search.cloned());
        let (dialer, name) = (dialer.clone(), ehlo_name.to_owned());
        let thread = std::thread::Builder::new().name("probe".to_owned());
        // Where no thread can be made the server goes unmet, and is told so.
        let _ = thread.spawn(move || answer.send((at, meet_one(&offer, search.as_ref(), &dialer, &name))));
    }
    drop(answer);
    let mut met: Vec<Option<Result<Met, Obstacle>>> = offers.iter().map(|_| None).collect();
    while let Ok((at, one)) = answers.recv_timeout(end.saturating_duration_since(Instant::now())) {
        met[at] = Some(one);
    }
    met.into_iter().map(|one| one.unwrap_or(Err(Obstacle::Late))).collect()
}

/// What the user gave is reached as it stands. Of what was found, the addresses that were judged are connected to, and no others:
/// a second answer could lead elsewhere.
fn meet_one(offer: &Offer, search: Option<&Search>, dialer: &Dialer, ehlo_name: &str) -> Result<Met, Obstacle> {
    let Some(search) = search.filter(|_| offer.origin != Origin::Given) else {
        return talk(offer, None, dialer, ehlo_name).map_err(Obstacle::Meeting);
    };
    let addresses = search.locate(&offer.host).map_err(Obstacle::Address)?.map_err(Obstacle::Place)?;
    let mut last = Obstacle::Late;
    for address in addresses {
        match talk(offer, Some(address), dialer, ehlo_name) {
            Ok(met) => return Ok(met),
            Err(error) => {
                let unreached = is_unreached(&error);
                last = Obstacle::Meeting(error);
                if !unreached {
                    break;
                }
            }
        }
    }
    Err(last)
}

fn talk(offer: &Offer, address: Option<IpAddr>, dialer: &Dialer, ehlo_name: &str) -> Result<Met, Error> {
    let endpoint = offer.endpoint();
    Ok(match offer.service {
        Service::Submission => {
            let met = smtp::Session::meet(dialer, &endpoint, address, ehlo_name).map_err(Error::Submission)?;
            let (handshake, certificate) = (met.handshake, met.certificate);
            Met { handshake, certificate, abilities: met.extensions, mechanisms: met.mechanisms }
        }
        Service::Mailbox => {
            let met = imap::Session::meet(dialer, &endpoint, address)?;
            let (handshake, certificate) = (met.handshake, met.certificate);
            Met { handshake, certificate, abilities: met.capabilities, mechanisms: met.mechanisms }
        }
    })
}

/// Whether another address of the same host may still answer.
fn is_unreached(error: &Error) -> bool {
    matches!(
        error,
        Error::Submission(SmtpError { stage: smtp::Stage::Connect, .. })
            | Error::Imap(ImapError { stage: imap::Stage::Connect, .. })
    )
}
