//! Notices about a message that was sent: what is told is bounded, and whoever it names can be written to.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mss::mail::notice::MAX_RECIPIENTS;
use mss::mail::{Address, Header, MessageId, Notice};

fuzz_target!(|octets: &[u8]| {
    let inside = Notice::read_inside(&Header::default(), octets);
    let Some(notice) = Notice::read(octets) else {
        assert_eq!(inside, None, "less was known of it");
        return;
    };
    assert!(notice.message_ids().len() <= 20);
    for id in notice.message_ids() {
        assert_eq!(id.as_str().parse::<MessageId>().as_ref(), Ok(id), "an identifier that was read is one");
    }
    let (mut addresses, mut texts): (Vec<Option<Address>>, Vec<Option<String>>) = (Vec::new(), Vec::new());
    match notice {
        Notice::Delivery(notice) => {
            assert!((1..=MAX_RECIPIENTS).contains(&notice.recipients.len()));
            texts.extend([notice.envelope_id, notice.reporting]);
            for recipient in notice.recipients {
                addresses.extend([recipient.original_recipient, recipient.final_recipient]);
                texts.push(recipient.diagnostic);
            }
        }
        Notice::Disposition(notice) => {
            assert!(notice.modifiers.len() <= 10);
            addresses.extend([notice.original_recipient, notice.final_recipient]);
            texts.extend(notice.modifiers.into_iter().map(Some));
            texts.push(notice.trouble);
        }
    }
    for address in addresses.into_iter().flatten() {
        assert_eq!(address.as_str().parse().as_ref(), Ok(&address), "an address that was read is one");
    }
    for text in texts.into_iter().flatten() {
        assert!(text.chars().count() <= 500 && !text.chars().any(char::is_control), "more than one line");
    }
});
