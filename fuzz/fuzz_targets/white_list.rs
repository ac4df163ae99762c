//! The white list: whatever is believed names the domains that were signed, and no others.

#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use mss::pki::TrustAnchors;
use mss::space::WhiteList;

static ANCHORS: LazyLock<TrustAnchors> = LazyLock::new(|| {
    TrustAnchors::from_pem(include_bytes!("../../tests/vectors/white-list/anchors.pem"))
        .expect("the anchors of the list")
});
static NOW: LazyLock<Timestamp> = LazyLock::new(|| "2026-12-01T00:00:00Z".parse().expect("a moment"));

fuzz_target!(|octets: &[u8]| {
    if let Ok(list) = WhiteList::verify(octets, &ANCHORS, "alb.exemple-mss.test", &|_| Vec::new(), *NOW) {
        assert_eq!((list.len(), list.unreadable()), (2, 0), "other domains were believed");
        assert!(list.admits("medecin.exemple-mss.test") && list.admits("hopital-essai.exemple-mss.test"));
    }
});
