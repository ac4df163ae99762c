//! Header protection as RFC 9788 describes its test messages (appendix C): the same structures, under the same names.
//!
//! The messages are written here and signed and encrypted with keys of the test. Names with `opaque` in the appendix are
//! `multipart/signed` here: what a signature is wrapped in makes no difference to the payload, and OpenSSL's opaque
//! signatures are opened in `tests/interop/openssl.rs`.

use super::specimen::{DURAND, LABORATORY, World, encrypted, noon, signed};
use super::{HeaderProtection, Opened, Severity, judge};

/// The fields of a message as its writer means them.
const MEANT: &str = "From: Laboratoire <laboratoire@biologie.sandbox>\r\nTo: Zoé <dr.durand@medecin.sandbox>\r\n\
    Subject: Glycémie\r\nDate: Mon, 1 Jun 2026 14:00:00 +0200\r\nMessage-ID: <essai@biologie.sandbox>\r\n\
    In-Reply-To: <demande@medecin.sandbox>\r\nReferences: <premier@medecin.sandbox> <demande@medecin.sandbox>\r\n";

/// What `hcp_baseline` leaves outside: all but the subject (RFC 9788, section 3.2.1).
fn baseline() -> String {
    MEANT.replace("Subject: Glycémie", "Subject: [...]")
}

/// What `hcp_shy` leaves outside: no labels either, and the time in UTC (section 3.2.2).
fn shy() -> String {
    baseline()
        .replace("Laboratoire <laboratoire@biologie.sandbox>", "laboratoire@biologie.sandbox")
        .replace("Zoé <dr.durand@medecin.sandbox>", "dr.durand@medecin.sandbox")
        .replace("14:00:00 +0200", "12:00:00 +0000")
}

/// A record of outer fields, folded after the colon now and then, as the samples of the appendix are.
fn hp_outer(outer: &str) -> String {
    let line = |field: &str| match field.starts_with("Message-ID") {
        true => format!("HP-Outer:\r\n {field}\r\n"),
        false => format!("HP-Outer: {field}\r\n"),
    };
    outer.split_terminator("\r\n").map(line).collect()
}

const TEXT: &str = "\r\nBonjour,\r\n\r\nvoir la courbe.\r\n";
/// What is repeated in the body for readers that know nothing of header protection.
const REPEATED: &str = "\r\nSubject: Glycémie\r\nFrom: Laboratoire\r\n";

fn plain(parameters: &str, body: &str) -> String {
    format!("Content-Type: text/plain; charset=utf-8{parameters}\r\nContent-Transfer-Encoding: 8bit\r\n{body}")
}

/// The structure of the complex samples: text and HTML, then a picture.
fn complex(parameters: &str, marked: &str, body: &str) -> String {
    let html = "Content-Type: text/html; charset=utf-8; hp-legacy-display=\"1\"\r\n\r\n<html><body>\
        <div class=\"header-protection-legacy-display\"><pre>Subject: x</pre></div><p>Bonjour</p></body></html>\r\n";
    format!(
        "Content-Type: multipart/mixed; boundary=m{parameters}\r\n\r\n--m\r\nContent-Type: multipart/alternative; \
         boundary=a\r\n\r\n--a\r\n{}\r\n--a\r\n{html}--a--\r\n--m\r\nContent-Type: image/png\r\nContent-Disposition: \
         inline; filename=courbe.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--m--\r\n",
        plain(marked, body)
    )
}

/// How the layers of a message lie.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layers {
    None,
    Signed,
    SignedEncrypted,
    Encrypted,
}

struct Sample {
    name: &'static str,
    layers: Layers,
    outer: String,
    payload: String,
    protection: HeaderProtection,
    subject: &'static str,
    text: &'static str,
    concerns: &'static [&'static str],
}

const SHOWN: &str = "Bonjour,\n\nvoir la courbe.\n";
const HIDDEN: &str = "[...]";
const MEANT_SUBJECT: &str = "Glycémie";

fn sample(name: &'static str, layers: Layers, outer: String, payload: String, protection: HeaderProtection) -> Sample {
    let concerns: &[&str] = match layers {
        Layers::None | Layers::Encrypted => &["unsigned"],
        _ => &[],
    };
    Sample { name, layers, outer, payload, protection, subject: MEANT_SUBJECT, text: SHOWN, concerns }
}

fn samples() -> Vec<Sample> {
    use HeaderProtection::{Cipher, Clear, None as Unprotected, Older, Wrapped};
    use Layers::{Encrypted, Signed, SignedEncrypted};
    let meant = || MEANT.to_owned();
    let repeated = format!("{REPEATED}{TEXT}");
    let legacy = "; hp-legacy-display=\"1\"";
    let cipher = |outer: &str, body: String| format!("{MEANT}{}{body}", hp_outer(outer));
    let forwarded = format!("Content-Type: message/rfc822\r\n\r\n{MEANT}{}", plain("", TEXT));
    let wrapped = forwarded.replace("message/rfc822", "message/rfc822; forwarded=no");
    let v1 = |body: String| format!("{MEANT}{body}");
    vec![
        // C.1: no header protection.
        sample("no-crypto", Layers::None, meant(), plain("", TEXT), Unprotected),
        sample("smime-multipart", Signed, meant(), plain("", TEXT), Unprotected),
        Sample {
            subject: HIDDEN,
            ..sample("smime-signed-enc", SignedEncrypted, baseline(), plain("", TEXT), Unprotected)
        },
        sample("smime-multipart-complex", Signed, meant(), complex("", "", TEXT), Unprotected),
        // C.2: signed only.
        sample("smime-multipart-hp", Signed, meant(), v1(plain("; hp=\"clear\"", TEXT)), Clear),
        sample("smime-multipart-complex-hp", Signed, meant(), v1(complex("; hp=\"clear\"", "", TEXT)), Clear),
        sample("smime-multipart-complex-rfc8551hp", Signed, meant(), wrapped.clone(), Wrapped),
        // C.3: signed and encrypted.
        sample(
            "smime-signed-enc-hp-baseline",
            SignedEncrypted,
            baseline(),
            cipher(&baseline(), plain("; hp=\"cipher\"", TEXT)),
            Cipher,
        ),
        sample(
            "smime-signed-enc-hp-baseline-legacy",
            SignedEncrypted,
            baseline(),
            cipher(&baseline(), plain(&format!("; hp=cipher{legacy}"), &repeated)),
            Cipher,
        ),
        sample(
            "smime-signed-enc-hp-shy",
            SignedEncrypted,
            shy(),
            cipher(&shy(), plain("; hp=\"cipher\"", TEXT)),
            Cipher,
        ),
        sample(
            "smime-signed-enc-hp-shy-legacy",
            SignedEncrypted,
            shy(),
            cipher(&shy(), plain(&format!("{legacy}; hp=\"cipher\""), &repeated)),
            Cipher,
        ),
        sample(
            "smime-signed-enc-complex-hp-shy",
            SignedEncrypted,
            shy(),
            cipher(&shy(), complex("; hp=\"cipher\"", "", TEXT)),
            Cipher,
        ),
        sample(
            "smime-signed-enc-complex-hp-shy-legacy",
            SignedEncrypted,
            shy(),
            cipher(&shy(), complex("; hp=\"cipher\"", legacy, &repeated)),
            Cipher,
        ),
        sample("smime-signed-enc-complex-rfc8551hp", SignedEncrypted, baseline(), wrapped, Wrapped),
        sample("RFC 8551 without a parameter", SignedEncrypted, baseline(), forwarded, Wrapped),
        // Before RFC 9788, and what leaves it.
        sample(
            "protected-headers v1",
            SignedEncrypted,
            baseline(),
            v1(plain("; protected-headers=\"v1\"", TEXT)),
            Older,
        ),
        sample("encrypted by nobody", Encrypted, shy(), cipher(&shy(), plain("; hp=\"cipher\"", TEXT)), Cipher),
        Sample {
            text: "Subject: Glycémie\nFrom: Laboratoire\n\nBonjour,\n\nvoir la courbe.\n",
            ..sample(
                "legacy display in what is only signed",
                Signed,
                meant(),
                v1(plain(&format!("; hp=clear{legacy}"), &repeated)),
                Clear,
            )
        },
        Sample {
            subject: HIDDEN,
            ..sample("another value of hp", SignedEncrypted, baseline(), v1(plain("; hp=\"none\"", TEXT)), Unprotected)
        },
        // Outer fields that are not those that were recorded.
        Sample {
            concerns: &["headers-differ"],
            ..sample(
                "a subject in the clear that was to be hidden",
                SignedEncrypted,
                shy().replace(HIDDEN, "Votre facture"),
                cipher(&shy(), plain("; hp=\"cipher\"", TEXT)),
                Cipher,
            )
        },
        Sample {
            concerns: &["headers-differ"],
            ..sample(
                "cipher without a record of the outer fields",
                SignedEncrypted,
                shy(),
                v1(plain("; hp=\"cipher\"", TEXT)),
                Cipher,
            )
        },
        Sample {
            concerns: &["headers-differ"],
            ..sample(
                "another subject outside of what is signed",
                Signed,
                meant().replace(MEANT_SUBJECT, "Facture"),
                v1(plain("; hp=\"clear\"", TEXT)),
                Clear,
            )
        },
        Sample {
            concerns: &["from-differs", "headers-differ"],
            ..sample(
                "another sender outside",
                SignedEncrypted,
                shy().replace(LABORATORY, "facture@biologie.sandbox"),
                cipher(&shy(), plain("; hp=\"cipher\"", TEXT)),
                Cipher,
            )
        },
    ]
}

fn built(world: &World, sample: &Sample) -> String {
    let payload = &sample.payload;
    let entity = match sample.layers {
        Layers::None => payload.clone(),
        Layers::Signed => signed(payload, &world.laboratory, noon()),
        Layers::SignedEncrypted => encrypted(&signed(payload, &world.laboratory, noon()), &world.durand),
        Layers::Encrypted => encrypted(payload, &world.durand),
    };
    format!("{}MIME-Version: 1.0\r\n{entity}", sample.outer)
}

fn opened(world: &World, sample: &Sample) -> Opened {
    let opened = world.open(built(world, sample).as_bytes(), &world.durand);
    opened.unwrap_or_else(|error| panic!("{}: {error}", sample.name))
}

#[test]
fn each_message_is_read_as_its_writer_meant_it() {
    let world = World::new();
    for sample in samples() {
        let found = opened(&world, &sample);
        let name = sample.name;
        assert_eq!(found.header_protection(), sample.protection, "{name}");
        assert_eq!(found.headers().subject, sample.subject, "{name}");
        assert_eq!(found.text(), sample.text, "{name}");
        let verdict = judge(&found, &world.anchors(), &[], noon());
        let codes: Vec<&str> = verdict.concerns().iter().map(|concern| concern.code()).collect();
        assert_eq!(codes, sample.concerns, "{name}");
        let refuse = codes.iter().any(|code| *code != "headers-differ");
        assert_eq!(verdict.severity() == Some(Severity::Refuse), refuse, "{name}");
    }
}

#[test]
fn what_is_protected_speaks_even_where_the_outside_says_less() {
    let world = World::new();
    for sample in samples().iter().filter(|sample| sample.name.contains("shy")) {
        let found = opened(&world, sample);
        let (headers, outer) = (found.headers(), found.outer_headers());
        assert_eq!(outer.subject, HIDDEN, "{}", sample.name);
        let labels = |it: &super::Headers| it.from.as_ref().and_then(|from| from.label.clone());
        assert_eq!((labels(headers).as_deref(), labels(outer)), (Some("Laboratoire"), None), "{}", sample.name);
        assert_eq!(headers.to[0].address.as_str(), DURAND, "{}", sample.name);
        assert!(found.differences().is_empty(), "{}: {:?}", sample.name, found.differences());
        let complex = sample.name.contains("complex");
        let names: Vec<&str> = found.files().iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, if complex { &["text.html", "courbe.png"][..] } else { &[] }, "{}", sample.name);
    }
}
