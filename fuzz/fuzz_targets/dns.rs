//! Answers of name servers: what is taken is bounded, of one question, and no name in it steers a terminal.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mss::dns::{Data, Decoded, Kind, Question, decode};

/// The number that the seeds answer.
const ID: u16 = 7;

fuzz_target!(|octets: &[u8]| {
    for kind in [Kind::Srv, Kind::A, Kind::Cert] {
        let question = Question::new("_imaps._tcp.biologie.sandbox", kind).expect("a name");
        let Ok(Decoded::Answer(answer)) = decode(octets, ID, &question) else { continue };
        assert_eq!(&octets[..2], &ID.to_be_bytes(), "an answer to another number was believed");
        assert!(answer.records.len() <= 256, "more records than are taken");
        for (owner, data) in &answer.records {
            plain(owner);
            match data {
                Data::Alias(name) => plain(name),
                Data::Exchange(exchange) => plain(&exchange.host),
                Data::Service(service) => plain(&service.target),
                Data::Text(text) => assert!(text.len() < octets.len()),
                Data::Certificate(certificate) => assert!(certificate.octets.len() < octets.len()),
                Data::Address(_) => {}
            }
        }
    }
});

fn plain(name: &str) {
    assert!(name.len() <= 255 && !name.contains(|c: char| !c.is_ascii_graphic() || c.is_ascii_uppercase()), "{name}");
}
