//! MIME entities: parts lie inside their whole, and decode to no more than they are.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use mss::mail::Entity;

fn check(entity: &Entity, stream: &mut Cursor<&[u8]>, depth: usize) {
    assert!(depth < 100, "parts within parts");
    let (whole, body) = (entity.range(), entity.body());
    assert!(whole.start <= body.start && body.start <= body.end && body.end <= whole.end);
    let mut after = body.start;
    for part in entity.parts() {
        assert!(after <= part.range().start && part.range().end <= body.end, "parts overlap");
        after = part.range().end;
        check(part, stream, depth + 1);
    }
    let mut decoded = Vec::new();
    if let Ok(length) = entity.decode_to(stream, &mut decoded) {
        assert_eq!(length, decoded.len() as u64);
        // Quoted-printable may turn a bare LF into CRLF, and nothing makes more of it.
        assert!(length <= 2 * (body.end - body.start), "a part grew");
    }
}

fuzz_target!(|octets: &[u8]| {
    let mut stream = Cursor::new(octets);
    let Ok(entity) = Entity::scan_all(&mut stream) else { return };
    assert_eq!(entity.range(), 0..octets.len() as u64);
    check(&entity, &mut stream, 0);
});
