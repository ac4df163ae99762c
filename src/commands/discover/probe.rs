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

/// How long an address may be silent before the next one is tried beside it.
const PATIENCE: Duration = Duration::from_secs(2);

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
    first_to_talk(offer, addresses, dialer, ehlo_name)
}

/// Tries the addresses, the next one when the one before it cannot be reached or is late (RFC 8305, section 5). Whoever is reached
/// and does not please is not tried elsewhere: it is the same server.
fn first_to_talk(offer: &Offer, addresses: Vec<IpAddr>, dialer: &Dialer, ehlo_name: &str) -> Result<Met, Obstacle> {
    let (answer, answers) = mpsc::channel();
    let mut waiting = addresses.into_iter();
    let (mut under_way, mut last) = (0, Obstacle::Late);
    loop {
        if let Some(address) = waiting.next() {
            let (answer, offer) = (answer.clone(), offer.clone());
            let (dialer, name) = (dialer.clone(), ehlo_name.to_owned());
            let thread = std::thread::Builder::new().name("probe".to_owned());
            let begun = thread.spawn(move || answer.send(talk(&offer, Some(address), &dialer, &name)));
            under_way += usize::from(begun.is_ok());
        } else if under_way == 0 {
            return Err(last);
        }
        // The last one is waited for as long as it takes: the deadline of all of them ends that.
        let patience = if waiting.len() > 0 { PATIENCE } else { Duration::MAX };
        match answers.recv_timeout(patience) {
            Ok(Ok(met)) => return Ok(met),
            Ok(Err(error)) => {
                under_way -= 1;
                let unreached = is_unreached(&error);
                last = Obstacle::Meeting(error);
                if !unreached {
                    return Err(last);
                }
            }
            Err(_) => {}
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::LinkError;
    use crate::net::scripted::{Scripted, dialer, serve, serve_tls_for};
    use crate::smtp::Failure;

    fn talk_to(server: &Scripted, addresses: &[&str]) -> Result<Met, Obstacle> {
        let offer = Offer::given(Service::Submission, &server.endpoint);
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        first_to_talk(&offer, addresses, &dialer(), "medecin.fr")
    }

    #[test]
    fn an_address_where_nobody_listens_is_left_for_the_next() {
        let server = serve(|peer| {
            peer.send("220 smtp.sandbox\r\n");
            peer.expect("EHLO");
            peer.send("250-smtp.sandbox\r\n250 STARTTLS\r\n");
            peer.expect("STARTTLS");
            peer.send("220 go\r\n");
            peer.start_tls();
            peer.expect("EHLO");
            peer.send("250-smtp.sandbox\r\n250 AUTH PLAIN\r\n");
            peer.expect("QUIT");
            peer.send("221 bye\r\n");
        });
        // The server listens on one address of this machine alone.
        let met = talk_to(&server, &["127.0.0.2", "127.0.0.1"]).unwrap();
        assert_eq!(met.mechanisms, ["PLAIN"]);
        server.join();
    }

    #[test]
    fn a_server_that_was_reached_and_does_not_please_is_not_tried_elsewhere() {
        let server = serve_tls_for("smtp.evil.fr", |_| ());
        let met = talk_to(&server, &["127.0.0.1", "127.0.0.2"]);
        let Err(Obstacle::Meeting(Error::Submission(SmtpError { failure: Failure::Link(link), .. }))) = met else {
            panic!()
        };
        assert!(matches!(link, LinkError::Untrusted { .. }), "{link:?}");
        server.leave();
    }
}
