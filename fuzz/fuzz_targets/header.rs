//! Header fields: what is read from one can be written again, and a name for a file stays in its folder.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mss::mail::{Address, Header, safe_name};

fuzz_target!(|octets: &[u8]| {
    let header = Header::parse(octets);
    let names: Vec<String> = header.fields().map(|(name, _)| name.to_owned()).collect();
    for name in &names {
        assert!(header.count(name) > 0);
        if let Some(text) = header.text(name) {
            assert!(!text.contains(['\r', '\n']), "a value of several lines");
        }
        for mailbox in header.mailboxes(name) {
            let again: Address = mailbox.address.as_str().parse().expect("an address that was read is one");
            assert_eq!(again, mailbox.address);
        }
        let _ = (header.sole_mailbox(name), header.message_id(name), header.raw(name));
    }
    let _ = (header.date(), header.transfer_encoding());
    let kinds = [Some(header.content_type()), header.disposition()];
    for suggested in kinds.iter().flatten().flat_map(|kind| [kind.parameter("filename"), kind.parameter("name")]) {
        let name = safe_name(suggested.unwrap_or_default());
        assert!(!name.is_empty() && !name.starts_with('.') && name.len() <= 255);
        assert!(!name.contains(['/', '\\', '\0', '\n', '\r']), "a name that leads elsewhere");
    }
});
