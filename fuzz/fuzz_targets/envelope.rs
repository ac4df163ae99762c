//! Envelopes: what opens with integrity is what was sealed, and what opens at all can be sealed again.

#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use mss::cms::{Accept, DecryptionKey, EnvelopeWriter, Recipient, open_envelope, recipients_of};
use mss_fuzz::{CONTENT, WORLD};

fuzz_target!(|octets: &[u8]| {
    let named = recipients_of(&mut &*octets);
    let mut content = Vec::new();
    let Ok(envelope) = open_envelope(&mut &*octets, &WORLD.keys(), Accept { triple_des: true }, &mut content) else {
        return;
    };
    assert_eq!(named.expect("what opens names its recipients").len(), envelope.recipients);
    assert_eq!(envelope.length, content.len() as u64);
    if envelope.authenticated {
        assert_eq!(content, CONTENT, "a tag was forged");
    }
    let recipient = Recipient::Kek { id: b"k", key: &WORLD.kek };
    let mut writer = EnvelopeWriter::new(Vec::new(), &[recipient]).expect("an envelope begins");
    writer.write_all(&content).expect("a vector takes everything");
    let sealed = writer.finish().expect("an envelope ends");
    let mut again = Vec::new();
    let key = DecryptionKey::Kek { id: Some(b"k"), key: &WORLD.kek };
    open_envelope(&mut &*sealed, &[key], Accept::default(), &mut again).expect("what was sealed opens");
    assert_eq!(again, content);
});
