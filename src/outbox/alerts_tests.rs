//! Each misfortune is told once, its end is told once, and what was not heard is told again.

use super::tests::{accepted, address, enqueue, folder, message, open, open_at, queued, time};
use super::{Cause, CopyId, Enqueued, Outbox, Outcome, Resolution, Service, is_superseded};

fn causes(outbox: &Outbox, service: Option<Service>) -> Vec<Cause> {
    outbox.alerts(service).unwrap().into_iter().map(|alert| alert.cause).collect()
}

#[test]
fn a_server_that_is_away_is_told_once_and_its_return_once() {
    let dir = folder();
    let outbox = open(dir.path());
    let id = queued(&outbox, 1);
    assert!(causes(&outbox, None).is_empty());
    let alerts = outbox.alerts(Some(Service::Away)).unwrap();
    assert_eq!((alerts[0].cause, &alerts[0].messages), (Cause::Trouble, &vec![message(&outbox, id)]));
    assert!(causes(&outbox, Some(Service::Away)).is_empty());
    assert!(causes(&open(dir.path()), Some(Service::Away)).is_empty(), "another process knows");
    assert!(causes(&outbox, None).is_empty(), "nothing was heard of the server");
    assert_eq!(causes(&outbox, Some(Service::Serves)), [Cause::Recovered]);
    assert!(causes(&outbox, Some(Service::Serves)).is_empty());
}

#[test]
fn what_is_not_delivered_is_told_once_and_once_more_when_it_is_settled() {
    let dir = folder();
    let outbox = open(dir.path());
    let ids: Vec<CopyId> = (1..=3).map(|key| queued(&outbox, key)).collect();
    outbox.claim(ids[0]).unwrap().close_all(&Outcome::Refused, "550 no").unwrap();
    outbox.claim(ids[1]).unwrap().close_all(&Outcome::Unknown, "").unwrap();
    let alerts = outbox.alerts(None).unwrap();
    let of = |place: usize| message(&outbox, ids[place]);
    assert_eq!((alerts.len(), alerts[0].cause), (1, Cause::Undelivered));
    assert_eq!(alerts[0].messages, [of(0), of(1)]);
    assert!(causes(&outbox, None).is_empty());
    outbox.resolve(of(1), Resolution::Delivered, "").unwrap();
    let alerts = outbox.alerts(None).unwrap();
    assert_eq!((alerts[0].cause, &alerts[0].messages), (Cause::Recovered, &vec![of(1)]));
    outbox.cancel(of(0), "they have it on paper").unwrap();
    assert_eq!(causes(&outbox, None), [Cause::Recovered]);
    assert!(causes(&outbox, None).is_empty());
}

#[test]
fn what_is_queued_again_and_fails_again_is_a_new_misfortune() {
    let dir = folder();
    let outbox = open(dir.path());
    let id = queued(&outbox, 1);
    outbox.claim(id).unwrap().close_all(&Outcome::Refused, "550 no").unwrap();
    assert_eq!(causes(&outbox, None), [Cause::Undelivered]);
    for _ in 0..2 {
        outbox.requeue(message(&outbox, id), "").unwrap();
        assert!(causes(&outbox, None).is_empty(), "it waits");
        outbox.claim(id).unwrap().close_all(&Outcome::Refused, "550 no").unwrap();
        assert_eq!(causes(&outbox, None), [Cause::Undelivered]);
    }
    outbox.requeue(message(&outbox, id), "").unwrap();
    outbox.claim(id).unwrap().close_all(&accepted(), "250 Ok").unwrap();
    assert_eq!(causes(&outbox, None), [Cause::Recovered]);
    assert!(causes(&outbox, None).is_empty());
}

#[test]
fn the_third_deferral_is_told_and_the_first_two_are_not() {
    let dir = folder();
    let outbox = open(dir.path());
    let id = queued(&outbox, 1);
    let deferred = Outcome::Deferred { until: time("2026-11-05T09:00:00Z") };
    for expected in [&[][..], &[], &[Cause::Undelivered], &[]] {
        let lease = outbox.claim(id).unwrap();
        assert!(causes(&outbox, None).is_empty(), "in hand is neither good nor bad");
        lease.close_all(&deferred, "451 later").unwrap();
        assert_eq!(causes(&outbox, None), expected);
    }
    outbox.claim(id).unwrap().close_all(&accepted(), "250 Ok").unwrap();
    assert_eq!(causes(&outbox, None), [Cause::Recovered]);
}

#[test]
fn an_alert_that_nobody_heard_is_told_again() {
    let dir = folder();
    let outbox = open(dir.path());
    let id = queued(&outbox, 1);
    outbox.claim(id).unwrap().close_all(&Outcome::Refused, "550 no").unwrap();
    for _ in 0..2 {
        let alerts = outbox.alerts(None).unwrap();
        outbox.not_told(&alerts[0]).unwrap();
    }
    assert_eq!(causes(&outbox, None), [Cause::Undelivered]);
    outbox.cancel(message(&outbox, id), "").unwrap();
    let alerts = outbox.alerts(None).unwrap();
    outbox.not_told(&alerts[0]).unwrap();
    assert_eq!(causes(&outbox, None), [Cause::Recovered]);
}

#[test]
fn what_was_purged_is_forgotten_without_a_word() {
    let dir = folder();
    let outbox = open(dir.path());
    let id = queued(&outbox, 1);
    outbox.claim(id).unwrap().close_all(&Outcome::Refused, "550 no").unwrap();
    assert_eq!(causes(&outbox, None), [Cause::Undelivered]);
    let outbox = open_at(dir.path(), "2027-11-05T08:00:00Z");
    assert_eq!(outbox.purge(time("2027-01-01T00:00:00Z")).unwrap(), 1);
    assert!(causes(&outbox, None).is_empty());
}

#[test]
fn a_later_copy_counts_for_whom_an_earlier_one_did_not_reach() {
    let dir = folder();
    let outbox = open(dir.path());
    let id = queued(&outbox, 1);
    outbox.claim(id).unwrap().close_all(&Outcome::Refused, "550 no").unwrap();
    let Enqueued::New(of, added) = enqueue(&outbox, 1) else { panic!("it has a copy more") };
    outbox.claim(added[0]).unwrap().close_all(&accepted(), "250 Ok").unwrap();
    assert!(causes(&outbox, None).is_empty());
    let entries = outbox.entries(of).unwrap();
    assert!(is_superseded(&entries, id, &address("dr.durand@medecin.sandbox")));
    assert!(!is_superseded(&entries, added[0], &address("dr.durand@medecin.sandbox")));
}
