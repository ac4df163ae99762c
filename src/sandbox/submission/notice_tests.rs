//! Notices on demand: what cannot be delivered, waits, was read or was refused by a rule, as the sender asked to be told.

use super::tests::{signed_in, stored};
use crate::mail::Notice;
use crate::mail::notice::{Action, By, DeliveryNotice, Disposition};
use crate::sandbox::scripted::{CARDIO, Client, DURAND, LABO, Trial};

/// Submits a message: with these parameters of MAIL, to these recipients with theirs.
fn submit(client: &mut Client, mail: &str, to: &[(&str, &str)]) {
    client.smtp(&format!("MAIL FROM:<{LABO}>{mail}"), "250 ");
    for (to, parameters) in to {
        client.smtp(&format!("RCPT TO:<{to}>{parameters}"), "250 ");
    }
    client.smtp("DATA", "354 ");
    client.smtp("Message-ID: <one@biologie.sandbox>\r\nSubject: x\r\n\r\nbody\r\n.", "250 2.0.0 ok");
}

/// What the laboratory was told, in order; nobody can answer any of it.
fn told(trial: &Trial) -> Vec<Notice> {
    let read = |text: &String| {
        assert!(text.starts_with("Return-Path: <>\r\n"), "{text}");
        let notice = Notice::read(text.as_bytes()).unwrap_or_else(|| panic!("no notice: {text}"));
        assert_eq!(notice.message_ids()[0].as_str(), "one@biologie.sandbox", "{text}");
        notice
    };
    stored(trial, LABO).iter().map(read).collect()
}

fn delivery(notice: &Notice) -> &DeliveryNotice {
    let Notice::Delivery(notice) = notice else { panic!("{notice:?}") };
    notice
}

#[test]
fn what_bounces_is_told_with_the_envelope_and_not_delivered() {
    let trial = Trial::new(&["deliver=bounce:550 5.1.1 no such user@1"]);
    let mut client = signed_in(&trial);
    let orcpt = " NOTIFY=FAILURE,DELAY ORCPT=rfc822;dr.durand+2Bx@medecin.sandbox";
    submit(&mut client, " RET=HDRS ENVID=e+3D1", &[(DURAND, orcpt), (CARDIO, " NOTIFY=FAILURE")]);
    assert_eq!((stored(&trial, DURAND).len(), stored(&trial, CARDIO).len()), (0, 1), "one was struck");
    let notices = told(&trial);
    let [notice] = &notices[..] else { panic!("{notices:?}") };
    let notice = delivery(notice);
    assert_eq!(notice.envelope_id.as_deref(), Some("e=1"));
    let [recipient] = &notice.recipients[..] else { panic!("{notice:?}") };
    assert_eq!((recipient.action, recipient.status.unwrap().to_string().as_str()), (Action::Failed, "5.1.1"));
    assert_eq!(recipient.original_recipient.as_ref().unwrap().as_str(), "dr.durand+x@medecin.sandbox");
    assert_eq!(recipient.final_recipient.as_ref().unwrap().as_str(), DURAND);
    assert_eq!(recipient.diagnostic.as_deref(), Some("550 5.1.1 no such user"));
    assert!(!stored(&trial, LABO)[0].contains("body"), "RET=HDRS");
}

#[test]
fn a_failure_is_told_unless_it_is_not_to_be_and_brings_the_message() {
    let trial = Trial::new(&["deliver=bounce"]);
    let mut client = signed_in(&trial);
    for notify in [" NOTIFY=NEVER", " NOTIFY=SUCCESS,DELAY", " NOTIFY=SUCCESS"] {
        submit(&mut client, "", &[(DURAND, notify)]);
    }
    assert!(told(&trial).is_empty());
    for mail in ["", " RET=FULL"] {
        submit(&mut client, mail, &[(DURAND, ""), (CARDIO, " NOTIFY=FAILURE")]);
    }
    for (notice, text) in told(&trial).iter().zip(stored(&trial, LABO)) {
        assert_eq!(delivery(notice).recipients.len(), 2, "one notice for both");
        assert_eq!(delivery(notice).recipients[0].status.unwrap().to_string(), "5.2.1");
        assert!(text.contains("message/rfc822\r\n") && text.contains("\r\n\r\nbody\r\n"), "{text}");
    }
    assert_eq!(told(&trial).len(), 2);
}

#[test]
fn what_waits_is_told_and_then_delivered() {
    let trial = Trial::new(&["deliver=delay:451 4.4.1 not reached"]);
    let mut client = signed_in(&trial);
    submit(&mut client, " RET=FULL", &[(DURAND, " NOTIFY=DELAY,SUCCESS"), (CARDIO, " NOTIFY=FAILURE")]);
    let notices = told(&trial);
    let actions: Vec<_> = notices.iter().map(|notice| delivery(notice).recipients[0].action).collect();
    assert_eq!(actions, [Action::Delayed, Action::Delivered]);
    let delayed = delivery(&notices[0]);
    assert_eq!((delayed.recipients.len(), delayed.recipients[0].will_retry_until.is_some()), (1, true));
    assert!(stored(&trial, LABO).iter().all(|text| !text.contains("body")), "RET speaks of failures");
    assert_eq!((stored(&trial, DURAND).len(), stored(&trial, CARDIO).len()), (1, 1));
}

#[test]
fn a_late_failure_follows_a_delay_and_notices_can_be_doubled() {
    let trial = Trial::new(&["deliver=delay", "deliver=bounce", "deliver=bounce"]);
    submit(&mut signed_in(&trial), "", &[(DURAND, "")]);
    let actions: Vec<_> = told(&trial).iter().map(|notice| delivery(notice).recipients[0].action).collect();
    assert_eq!(actions, [Action::Delayed, Action::Failed, Action::Failed]);
}

#[test]
fn receipts_say_who_read_it_and_what_a_rule_refused() {
    let trial = Trial::new(&["deliver=displayed@1", "deliver=rejected@2"]);
    let mut client = signed_in(&trial);
    submit(&mut client, "", &[(DURAND, " NOTIFY=NEVER"), (CARDIO, "")]);
    let notices = told(&trial);
    let [Notice::Disposition(displayed), Notice::Disposition(rejected), Notice::Disposition(_)] = &notices[..] else {
        panic!("{notices:?}")
    };
    assert_eq!((displayed.disposition, displayed.by), (Disposition::Displayed, By::Manual));
    assert_eq!(displayed.final_recipient.as_ref().unwrap().as_str(), DURAND);
    assert!(rejected.is_refused_by_rule() && !displayed.is_refused_by_rule());
    assert!(stored(&trial, DURAND).is_empty() && stored(&trial, CARDIO).is_empty(), "a rule threw it away");
    // Back to whom the message names.
    let trial = Trial::new(&["deliver=displayed"]);
    let mut client = signed_in(&trial);
    client.smtp(&format!("MAIL FROM:<{LABO}>"), "250 ");
    client.smtp(&format!("RCPT TO:<{DURAND}>"), "250 ");
    client.smtp("DATA", "354 ");
    client.smtp(&format!("Disposition-Notification-To: Cardio <{CARDIO}>\r\n\r\nbody\r\n."), "250 2.0.0 ok");
    assert_eq!((stored(&trial, LABO).len(), stored(&trial, DURAND).len(), stored(&trial, CARDIO).len()), (0, 1, 1));
}

#[test]
fn an_address_outside_ascii_is_told_as_it_is() {
    let trial = Trial::new(&["deliver=bounce"]);
    let orcpt = " NOTIFY=FAILURE ORCPT=utf-8;zo\\x{E9}@example.org";
    submit(&mut signed_in(&trial), " SMTPUTF8 BODY=8BITMIME RET=HDRS", &[("zoé@example.org", orcpt)]);
    let notices = told(&trial);
    let recipient = &delivery(&notices[0]).recipients[0];
    assert_eq!(recipient.final_recipient.as_ref().unwrap().as_str(), "zoé@example.org");
    assert_eq!(recipient.original_recipient, recipient.final_recipient);
}
