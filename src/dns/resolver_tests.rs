//! The resolver against name servers that are silent, slow, broken or hostile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use simple_dns::RCODE;
use simple_dns::rdata::{AAAA, MX, RData};

use super::specimen::{Reply, Scripted, address, alias, service};
use super::{DnsError, Resolver, Servers};

/// Long enough for a loaded machine; no test waits for its end.
const LONG: Duration = Duration::from_secs(20);
/// For a test that waits for its end.
const SHORT: Duration = Duration::from_millis(60);

const NAME: &str = "_imap._tcp.biologie.sandbox";

fn good(reply: Reply) -> Vec<Vec<u8>> {
    vec![reply.with(NAME, service(1, 2, 143, "imap.biologie.sandbox")).octets()]
}

#[test]
fn a_service_is_found() {
    let server = Scripted::start(|reply, _| good(reply));
    let found = server.resolver(LONG).services("_IMAP._tcp.biologie.sandbox").unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].priority, found[0].weight, found[0].port), (1, 2, 143));
    assert_eq!(found[0].target, "imap.biologie.sandbox");
}

#[test]
fn addresses_come_from_both_families_and_mail_exchanges_in_order() {
    let server = Scripted::start(|reply, _| {
        let mx = |preference, host: &'static str| {
            RData::MX(MX { preference, exchange: simple_dns::Name::new(host).unwrap() })
        };
        // Only what was asked for is taken out of an answer.
        let reply = reply.with("h.fr", address("192.0.2.7"));
        let reply = reply.with("h.fr", RData::AAAA(AAAA { address: 1 << 125 | 7 }));
        vec![reply.with("h.fr", mx(20, "b.fr")).with("h.fr", mx(10, "a.fr")).octets()]
    });
    let found = server.resolver(LONG).addresses("h.fr").unwrap();
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["2000::7", "192.0.2.7"]);
    let exchanges = server.resolver(LONG).exchanges("h.fr").unwrap();
    assert_eq!(exchanges.iter().map(|it| it.host.as_str()).collect::<Vec<_>>(), ["a.fr", "b.fr"]);
}

#[test]
fn answers_with_another_number_or_of_another_question_are_passed_over() {
    let server = Scripted::start(|reply, _| {
        let forged = service(0, 0, 143, "evil.sandbox");
        let wrong_id = reply.clone().id_changed().with(NAME, forged.clone()).octets();
        let wrong_name = reply.clone().about("_imap._tcp.evil.sandbox").with(NAME, forged.clone()).octets();
        // What comes behind the answer is not looked at.
        let second = reply.clone().with(NAME, forged).octets();
        [vec![wrong_id, wrong_name, b"noise".to_vec()], good(reply), vec![second]].concat()
    });
    let found = server.resolver(LONG).services(NAME).unwrap();
    assert_eq!(found.iter().map(|it| it.target.as_str()).collect::<Vec<_>>(), ["imap.biologie.sandbox"]);
}

#[test]
fn somebody_who_guesses_all_the_time_is_given_up_on() {
    let server = Scripted::start(|reply, _| vec![reply.id_changed().octets(); 150]);
    let error = server.resolver(LONG).services(NAME).unwrap_err();
    assert!(matches!(error, DnsError::Malformed(why) if why.contains("guessing")), "{error:?}");
}

#[test]
fn what_does_not_fit_is_asked_for_over_tcp() {
    let server = Scripted::start(|reply, tcp| {
        if !tcp {
            // Cut in the middle of a record, as some servers do.
            let mut cut = reply.truncated().with(NAME, service(1, 2, 143, "imap.biologie.sandbox")).octets();
            cut.truncate(cut.len() - 3);
            return vec![cut];
        }
        let add = |reply: Reply, port| reply.with(NAME, service(1, 1, port, "imap.biologie.sandbox"));
        vec![(1..=200).fold(reply, add).octets()]
    });
    assert_eq!(server.resolver(LONG).services(NAME).unwrap().len(), 200);
    let server = Scripted::start(|reply, _| vec![reply.truncated().octets()]);
    assert!(matches!(server.resolver(LONG).services(NAME), Err(DnsError::Malformed(_))), "cut over TCP as well");
}

#[test]
fn thousands_of_records_are_refused() {
    let server = Scripted::start(|reply, tcp| {
        if !tcp {
            return vec![reply.truncated().octets()];
        }
        let add = |reply: Reply, port| reply.with(NAME, service(1, 1, port, "a"));
        vec![(1..=2500).fold(reply, add).octets()]
    });
    assert!(matches!(server.resolver(LONG).services(NAME), Err(DnsError::TooMany { .. })));
}

#[test]
fn a_name_that_does_not_exist_is_an_answer_and_a_failure_is_none() {
    let server = Scripted::start(|reply, _| vec![reply.code(RCODE::NameError).octets()]);
    assert!(server.resolver(LONG).services(NAME).unwrap().is_empty());
    for (code, shown) in [(RCODE::ServerFailure, "SERVFAIL"), (RCODE::Refused, "REFUSED")] {
        let server = Scripted::start(move |reply, _| vec![reply.code(code).octets()]);
        let error = server.resolver(LONG).services(NAME).unwrap_err();
        assert!(matches!(error, DnsError::Failed { code, .. } if code == shown), "{error:?}");
    }
}

#[test]
fn a_server_older_than_edns_is_asked_as_it_understands() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = Scripted::start(move |reply, _| match count.fetch_add(1, Ordering::Relaxed) {
        0 => vec![reply.code(RCODE::FormatError).octets()],
        _ => good(reply),
    });
    assert_eq!(server.resolver(LONG).services(NAME).unwrap().len(), 1);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn a_silent_server_is_left_for_the_next_one() {
    let silent = Scripted::start(|_, _| Vec::new());
    let error = silent.resolver(SHORT).services(NAME).unwrap_err();
    assert!(matches!(error, DnsError::Silent { .. }), "{error:?}");
    let failing = Scripted::start(|reply, _| vec![reply.code(RCODE::ServerFailure).octets()]);
    let server = Scripted::start(|reply, _| good(reply));
    let addresses = vec![silent.address, failing.address, server.address];
    let resolver = Resolver::new(Servers { addresses, timeout: SHORT, attempts: 1 }, LONG);
    // The last one may itself be late on a loaded machine: what counts is that it was asked.
    match resolver.services(NAME) {
        Ok(found) => assert_eq!(found.len(), 1),
        Err(error) => assert!(matches!(error, DnsError::Failed { code: "SERVFAIL", .. }), "{error:?}"),
    }
}

#[test]
fn nobody_listening_is_said_so() {
    let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let servers = Servers { addresses: vec![closed], timeout: LONG, attempts: 1 };
    let error = Resolver::new(servers, LONG).services(NAME).unwrap_err();
    assert!(matches!(error, DnsError::Unreachable { .. }), "{error:?}");
    let nobody = Servers { addresses: Vec::new(), timeout: LONG, attempts: 1 };
    assert!(matches!(Resolver::new(nobody, LONG).services(NAME), Err(DnsError::Silent { .. })));
}

#[test]
fn aliases_are_asked_for_and_their_circles_end() {
    let (told, names) = mpsc::channel();
    let told = std::sync::Mutex::new(told);
    let server = Scripted::start(move |reply, _| {
        let name = reply.asked();
        told.lock().unwrap().send(name.clone()).unwrap();
        let next = if name == "a.fr" { "b.fr" } else { "a.fr" };
        vec![reply.with(&name, alias(next)).octets()]
    });
    let error = server.resolver(LONG).addresses("a.fr").unwrap_err();
    assert!(matches!(error, DnsError::Aliases { .. }), "{error:?}");
    assert!(names.try_iter().count() <= 18, "at most nine questions for each family");
    let server = Scripted::start(|reply, _| match reply.asked().as_str() {
        "a.fr" => vec![reply.with("a.fr", alias("b.fr")).octets()],
        _ => vec![reply.with("b.fr", address("192.0.2.1")).octets()],
    });
    assert_eq!(server.resolver(LONG).addresses("a.fr").unwrap().len(), 1);
}

#[test]
fn a_name_that_cannot_be_asked_for_is_not_asked_for() {
    let resolver = Resolver::new(Servers::named(vec!["127.0.0.1:1".parse().unwrap()]), SHORT);
    for name in ["", "a..b", "a b.fr", "é.fr", "x\r\n.fr"] {
        assert!(matches!(resolver.services(name), Err(DnsError::Name(_))), "{name:?}");
    }
}
