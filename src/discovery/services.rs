//! SRV records of a mail domain (RFC 6186, section 3; RFC 8314, section 5.1): who submits and who keeps the mailbox.

use super::gate::{Why, judge_name};
use super::offer::{Offer, Origin, Refusal, Service};
use crate::dns;

/// Most records of one name that are looked at.
const OFFERS_LIMIT: usize = 8;

/// The names that are asked for: what each is for, and whether TLS starts with the first octet there.
pub(super) const LABELS: [(&str, Service, bool); 4] = [
    ("_submission._tcp", Service::Submission, false),
    ("_submissions._tcp", Service::Submission, true),
    ("_imap._tcp", Service::Mailbox, false),
    ("_imaps._tcp", Service::Mailbox, true),
];

/// What the records of one name offer, and what of it is refused.
pub(super) fn sort(
    name: &str,
    service: Service,
    implicit_tls: bool,
    mut records: Vec<dns::Service>,
    private: bool,
) -> (Vec<Offer>, Vec<Refusal>) {
    records.sort_by_key(|it| (it.priority, u16::MAX - it.weight));
    let (mut offers, mut refusals) = (Vec::new(), Vec::new());
    let mut refuse = |target: String, why| {
        refusals.push(Refusal { service: Some(service), source: name.to_owned(), target, why });
    };
    if records.len() > OFFERS_LIMIT {
        refuse(format!("{} servers", records.len()), Why::TooMany(OFFERS_LIMIT));
    }
    for record in records.into_iter().take(OFFERS_LIMIT) {
        let judged = match record.target.as_str() {
            "" => Err(Why::Declined),
            _ if record.port == 0 => Err(Why::Port),
            target => judge_name(target, private),
        };
        match judged {
            Ok(()) => offers.push(Offer {
                service,
                host: record.target,
                port: record.port,
                implicit_tls,
                origin: Origin::Srv { name: name.to_owned(), priority: record.priority, weight: record.weight },
                user: None,
            }),
            Err(Why::Declined) => refuse(".".to_owned(), Why::Declined),
            Err(why) => refuse(format!("{}:{}", record.target, record.port), why),
        }
    }
    (offers, refusals)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(priority: u16, weight: u16, target: &str) -> dns::Service {
        dns::Service { priority, weight, port: 143, target: target.to_owned() }
    }

    fn sorted(records: Vec<dns::Service>) -> (Vec<String>, Vec<Why>) {
        let (offers, refusals) = sort("_imap._tcp.x.fr", Service::Mailbox, false, records, false);
        (offers.into_iter().map(|it| it.host).collect(), refusals.into_iter().map(|it| it.why).collect())
    }

    #[test]
    fn the_lowest_priority_comes_first_and_then_the_greatest_weight() {
        let records = vec![record(20, 9, "c.fr"), record(10, 1, "b.fr"), record(10, 5, "a.fr")];
        assert_eq!(sorted(records), (vec!["a.fr".to_owned(), "b.fr".to_owned(), "c.fr".to_owned()], vec![]));
    }

    #[test]
    fn what_is_no_public_name_is_refused_and_named() {
        let records =
            vec![record(0, 0, ""), record(1, 0, "10.0.0.1"), record(2, 0, "localhost"), record(3, 0, "a?.fr")];
        let (offers, refusals) = sorted(records);
        assert!(offers.is_empty());
        assert_eq!(refusals, [Why::Declined, Why::IpLiteral, Why::LocalName, Why::HostName]);
    }

    #[test]
    fn of_very_many_the_first_are_looked_at() {
        let (offers, refusals) = sorted((0..200).map(|at| record(at, 0, "a.fr")).collect());
        assert_eq!((offers.len(), refusals), (8, vec![Why::TooMany(8)]));
    }
}
