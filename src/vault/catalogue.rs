//! Every setting, once: its name, meaning, default and example. Schema, documentation and the annotated sample are made from it.

use super::kind::Kind;
use super::setting::{Setting, default, optional, required, secret};
use crate::pace::Span;

/// The sections right below a profile that need not be there, though settings in them are required once they are begun.
pub(super) const OPTIONAL_SECTIONS: &[&str] = &[KEYS];

/// The section that needs certificate and key, or else a token.
pub(super) const KEYS: &str = "profile.*.keys";

/// Every section with one sentence about it, in the order they are written.
pub const SECTIONS: &[(&str, &str)] = &[
    ("", "Which format this is, and which profile is meant when none is named."),
    ("profile.*", "One mailbox and all that belongs to it; the name in the heading is what --profile takes."),
    ("profile.*.submission", "The server that takes messages (RFC 6409)."),
    ("profile.*.mailbox", "The server that keeps the mailbox (RFC 9051)."),
    ("profile.*.directory", "The directory of the space: who has which mailbox (FHIR R4)."),
    ("profile.*.list", "The signed white list of domains."),
    (
        "profile.*.trust",
        "The authorities whose certificates are believed, no others, and how revocation is learned of.",
    ),
    ("profile.*.proxy", "The proxy that leads to every server of the profile; without url there is none."),
    ("profile.*.signin", "How both servers are shown who asks."),
    (
        "profile.*.keys",
        "The certificate and key that sign and open messages, in PEM or on a token; a mailbox without has no such section.",
    ),
    (
        "profile.*.keys.previous.[]",
        "Another pair: one that was replaced and still opens older messages, or one that opens where the key above only signs.",
    ),
    ("profile.*.storage", "The keys of what is kept on this machine. Without them, outbox and trace cannot be read."),
    ("profile.*.reader.[]", "A line of the address book: what the program of a correspondent opens."),
    ("profile.*.outbox", "How messages leave the outbox, and who is told of those that do not."),
    ("profile.*.timeouts", "How many seconds a server may take for each step (RFC 5321, section 4.5.3.2)."),
    ("profile.*.fetch", "What becomes of fetched messages."),
    ("profile.*.retention", "How long things are kept, and when an unused mailbox is in danger."),
];

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIGH...\n-----END PRIVATE KEY-----\n";
const SECURITY: Kind = Kind::Choice(&["implicit", "starttls"]);
const PORT: Kind = Kind::Whole(1, 65_535);
const SECONDS: Kind = Kind::Whole(1, 3600);

/// Every setting, section by section.
pub const SETTINGS: &[Setting] = &[
    default("version", Kind::Whole(1, 1), "1", "Version of this format."),
    optional("default-profile", Kind::Line, "The profile taken where --profile names none.", "cabinet"),
    required("profile.*.address", Kind::Address, "The address of the mailbox.", "cabinet@medecin.exemple.mssante.fr"),
    optional("profile.*.label", Kind::Line, "What readers see beside the address.", "Cabinet des Lilas"),
    required(
        "profile.*.author",
        Kind::Line,
        "Who acts, as the trace records it: a national identifier, a certificate name or a person.",
        "899700000013",
    ),
    default(
        "profile.*.unknown-reader",
        Kind::Choice(&["gcm", "cbc", "refuse"]),
        "gcm",
        "What is written for recipients of whose program nothing is known: AES-256-GCM, AES-256-CBC or nothing.",
    ),
    required("profile.*.submission.host", Kind::Host, "Name of the submission server.", "smtp.operateur.exemple"),
    default("profile.*.submission.port", PORT, "465", "Its port: 465 for implicit, 587 for starttls."),
    default(
        "profile.*.submission.security",
        SECURITY,
        "implicit",
        "TLS from the first octet, or by STARTTLS; never without.",
    ),
    required("profile.*.mailbox.host", Kind::Host, "Name of the mailbox server.", "imap.operateur.exemple"),
    default("profile.*.mailbox.port", PORT, "993", "Its port: 993 for implicit, 143 for starttls."),
    default(
        "profile.*.mailbox.security",
        SECURITY,
        "implicit",
        "TLS from the first octet, or by STARTTLS; never without.",
    ),
    default("profile.*.mailbox.folder", Kind::Line, "INBOX", "The folder that is fetched from."),
    default(
        "profile.*.mailbox.compress",
        Kind::YesNo,
        "false",
        "Whether the connection is compressed where the server can (RFC 4978). Sealed messages hardly become smaller, and how \
            much smaller others become tells somebody on the way who also writes to the mailbox what is in them (CRIME).",
    ),
    default(
        "profile.*.mailbox.idle",
        Kind::Span(Span::of_seconds(60), Span::of_seconds(29 * 60)),
        "25m",
        "How long one IDLE lasts with fetch --watch; less where something on the way forgets a quiet connection sooner.",
    ),
    default(
        "profile.*.mailbox.poll",
        Kind::Span(Span::of_seconds(5), Span::of_seconds(3600)),
        "1m",
        "How often fetch --watch asks a server that has no IDLE, or for several folders.",
    ),
    required(
        "profile.*.directory.url",
        Kind::Https,
        "Base address of the FHIR service.",
        "https://gateway.api.esante.gouv.fr/fhir/v2",
    ),
    secret(optional(
        "profile.*.directory.api-key",
        Kind::Line,
        "Key of the service, sent as ESANTE-API-KEY.",
        "00000000-0000-0000-0000-000000000000",
    )),
    optional(
        "profile.*.directory.certificate-extension",
        Kind::Line,
        "URL of the FHIR extension that carries certificates, where a directory has one.",
        "urn:mss:certificate",
    ),
    required(
        "profile.*.list.url",
        Kind::Https,
        "Where the white list is fetched.",
        "https://espacedeconfiance.mssante.fr/listeblanchemssante.xml",
    ),
    required("profile.*.list.signer", Kind::Line, "Common name of the certificate that signs it.", "alb.mssante.fr"),
    required("profile.*.trust.anchors", Kind::Pem, "Certificates of the root authorities.", CERTIFICATE),
    optional(
        "profile.*.trust.crl",
        Kind::Urls,
        "Where revocation lists are fetched, beside those that certificates name.",
        "http://igc-sante.esante.gouv.fr/CRL/ACI-EL-PP.crl",
    ),
    optional(
        "profile.*.trust.space",
        Kind::Choice(&["production", "test", "private"]),
        "The trusted space of MSSanté, where authorities for tests are refused; a space for tests; or any other. Where it is not \
            here, anchors of IGC-Santé mean production, and those for tests mean test.",
        "production",
    ),
    optional(
        "profile.*.trust.revocation",
        Kind::Choice(&["require", "if-reachable", "off"]),
        "Whether a server is refused when nobody tells if its certificate was revoked, used all the same, or nobody is asked. One \
            that was revoked is refused in the first two. Where it is not here: require in production, else if-reachable.",
        "require",
    ),
    default(
        "profile.*.trust.system-roots",
        Kind::YesNo,
        "false",
        "Whether the authorities of the system are believed too: for web servers alone in production, else for every server.",
    ),
    default(
        "profile.*.trust.warn-days",
        Kind::Whole(0, 1000),
        "30",
        "Days before the certificate of a server expires from which on that is told.",
    ),
    optional(
        "profile.*.proxy.url",
        Kind::Proxy,
        "Where it is: HTTP with CONNECT, or SOCKS5. It looks up the names of the servers.",
        "http://proxy.hopital.exemple:3128",
    ),
    optional("profile.*.proxy.user", Kind::Line, "Name to sign in to it with, where it wants one.", "cabinet"),
    secret(optional("profile.*.proxy.password", Kind::Line, "The password for that.", "ouvre-toi sesame")),
    optional(
        "profile.*.proxy.password-command",
        Kind::Line,
        "Command whose first line of output is that password.",
        "secret-tool lookup proxy hopital",
    ),
    optional(
        "profile.*.proxy.except",
        Kind::Hosts,
        "Servers that are reached without it; none is left out by itself, not even this machine.",
        "localhost,127.0.0.1,.hopital.exemple",
    ),
    required(
        "profile.*.signin.method",
        Kind::Choice(&["password-totp", "password", "certificate", "token"]),
        "Password with one-time code (RFC 6238), password alone, TLS client certificate, or access token (XOAUTH2, OAUTHBEARER).",
        "password-totp",
    ),
    default(
        "profile.*.signin.sasl",
        Kind::Choice(&["auto", "scram", "plain", "external", "none"]),
        "auto",
        "The mechanism: auto takes the strongest that the server offers, and after a certificate EXTERNAL where it is offered; scram \
            keeps a password from being shown by PLAIN; external, plain and none insist.",
    ),
    optional(
        "profile.*.signin.user",
        Kind::Line,
        "Name to sign in with, where it is not the address.",
        "cabinet@medecin.exemple.mssante.fr",
    ),
    secret(optional(
        "profile.*.signin.password",
        Kind::Line,
        "The password; asked for at each run where it is not here.",
        "correct horse battery staple",
    )),
    secret(optional(
        "profile.*.signin.totp-seed",
        Kind::Line,
        "Seed of the one-time codes, in base32; a code is asked for at each run where it is not here.",
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    )),
    default(
        "profile.*.signin.placement",
        Kind::Choice(&["appended", "prefixed", "second-prompt"]),
        "appended",
        "Where the code stands: after the password, before it, or in the answer to a second challenge, which Dovecot does not have.",
    ),
    default(
        "profile.*.signin.authzid",
        Kind::Line,
        "empty",
        "What EXTERNAL says: empty for nothing (Dovecot, Courier), address for that of the mailbox (Exim), or any other text.",
    ),
    optional(
        "profile.*.signin.certificate",
        Kind::Pem,
        "Certificate chain for TLS, where it is not that of keys; leaf first.",
        CERTIFICATE,
    ),
    secret(optional("profile.*.signin.key", Kind::Pem, "Private key of that certificate, PKCS#8.", KEY)),
    optional(
        "profile.*.signin.token",
        Kind::TokenUri,
        "The private key for TLS on a token or card, where it is not that of keys; then signin.key is not used.",
        "pkcs11:token=CPS;id=%02?module-path=/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so",
    ),
    secret(optional(
        "profile.*.signin.pin",
        Kind::Line,
        "PIN of that token, where it is not that of keys; a token that has both keys asks once.",
        "123456",
    )),
    optional(
        "profile.*.signin.pin-command",
        Kind::Line,
        "Command whose first line of output is the PIN of that token.",
        "secret-tool lookup token CPS",
    ),
    optional(
        "profile.*.signin.token-command",
        Kind::Line,
        "Command whose first line of output is an access token; it is run for each session.",
        "oauth2l fetch --scope mail",
    ),
    default(
        "profile.*.signin.flow",
        Kind::Choice(&["device", "ciba"]),
        "device",
        "How a person consents where no command gives a token: a code typed on a page (RFC 8628), or asked on the telephone (CIBA).",
    ),
    optional(
        "profile.*.signin.issuer",
        Kind::Https,
        "The provider of access tokens, exactly as it calls itself (RFC 8414).",
        "https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet",
    ),
    optional(
        "profile.*.signin.discovery-url",
        Kind::Https,
        "Where the provider describes itself, if not at /.well-known/openid-configuration below the issuer.",
        "https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet/.well-known/wallet-openid-configuration",
    ),
    optional(
        "profile.*.signin.start-endpoint",
        Kind::Https,
        "Where the flow begins, if the provider does not say.",
        "https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet/protocol/openid-connect/ext/ciba/auth",
    ),
    optional(
        "profile.*.signin.token-endpoint",
        Kind::Https,
        "Where tokens are given, if the provider does not say; with start-endpoint, it is not asked.",
        "https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet/protocol/openid-connect/token",
    ),
    optional(
        "profile.*.signin.revocation-endpoint",
        Kind::Https,
        "Where tokens are given back (RFC 7009), if the provider does not say.",
        "https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet/protocol/openid-connect/revoke",
    ),
    optional("profile.*.signin.client-id", Kind::Line, "The name the provider knows this program by.", "cabinet-mss"),
    secret(optional(
        "profile.*.signin.client-secret",
        Kind::Line,
        "The secret that goes with it; without, signin.certificate is shown to the provider (RFC 8705) where there is one.",
        "correct horse battery staple",
    )),
    optional("profile.*.signin.scope", Kind::Line, "What is asked for.", "openid scope_all"),
    optional("profile.*.signin.acr-values", Kind::Line, "The level of assurance that is asked for.", "eidas1"),
    optional(
        "profile.*.signin.login-hint",
        Kind::Line,
        "Whose telephone is asked (ciba): the national identifier.",
        "899700000013",
    ),
    default(
        "profile.*.signin.keep-refresh-token",
        Kind::YesNo,
        "false",
        "Whether the refresh token is kept between runs, sealed under storage.key; access tokens never are.",
    ),
    optional(
        "profile.*.keys.certificate",
        Kind::Pem,
        "Certificate chain of the mailbox, leaf first; may be left out where the token has it.",
        CERTIFICATE,
    ),
    secret(optional("profile.*.keys.key", Kind::Pem, "Its private key, PKCS#8; required without token.", KEY)),
    optional(
        "profile.*.keys.token",
        Kind::TokenUri,
        "The private key on a token or card, which it never leaves; then keys.key is not used.",
        "pkcs11:token=CPS;id=%01?module-path=/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so",
    ),
    secret(optional(
        "profile.*.keys.pin",
        Kind::Line,
        "PIN of the token; asked for at each run where neither it nor pin-command is here.",
        "123456",
    )),
    optional(
        "profile.*.keys.pin-command",
        Kind::Line,
        "Command whose first line of output is the PIN of the token.",
        "secret-tool lookup token CPS",
    ),
    required(
        "profile.*.keys.previous.[].certificate",
        Kind::Pem,
        "Certificate chain that was replaced, leaf first.",
        CERTIFICATE,
    ),
    secret(required("profile.*.keys.previous.[].key", Kind::Pem, "Its private key, PKCS#8.", KEY)),
    secret(required(
        "profile.*.storage.key",
        Kind::Octets32,
        "Seals outbox, inbox and trace.",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    )),
    secret(required(
        "profile.*.storage.trace-signing-key",
        Kind::Octets32,
        "Ed25519 seed (RFC 8032) that signs the checkpoints of the trace.",
        "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=",
    )),
    required(
        "profile.*.reader.[].address",
        Kind::Mailbox,
        "An address, or @ and a domain for every address of it that has no line of its own.",
        "@clinique.exemple.mssante.fr",
    ),
    required(
        "profile.*.reader.[].opens",
        Kind::Choice(&["gcm", "cbc-oaep", "cbc"]),
        "AES-256-GCM; AES-256-CBC with RSA-OAEP; or AES-256-CBC with the older RSA encryption.",
        "cbc",
    ),
    default(
        "profile.*.outbox.jobs",
        Kind::Whole(1, 32),
        "4",
        "Connections side by side for many messages; with one-time codes there is one.",
    ),
    default(
        "profile.*.outbox.window",
        Kind::Whole(1, 64),
        "16",
        "Messages in flight on each connection: each of them is unknown if the line breaks at the wrong moment.",
    ),
    optional(
        "profile.*.outbox.rate",
        Kind::Rate,
        "At most so many messages in a second, minute or hour, where the operator allows no more.",
        "600/m",
    ),
    default(
        "profile.*.outbox.expire-after",
        Kind::Span(Span::of_seconds(3600), Span::of_days(30)),
        "5d",
        "How long after it was queued a message that is put off again and again is given up.",
    ),
    default(
        "profile.*.outbox.notify",
        Kind::Choices(&["success", "failure", "delay", "never"]),
        "failure,delay",
        "When servers are asked to tell of a delivery (RFC 3461).",
    ),
    default(
        "profile.*.outbox.copy-to-self",
        Kind::YesNo,
        "false",
        "Whether each message also goes to the mailbox it is from: what came back there was taken by the server, which settles \
            what is unknown.",
    ),
    optional(
        "profile.*.outbox.alert-command",
        Kind::Line,
        "Command that the shell runs when messages cannot be submitted or do not arrive, and when that is over: MSS_EVENT \
            (trouble, undelivered, recovered), MSS_PROFILE, MSS_COUNT and MSS_IDS say so, and an mss.alert/1 on its stdin.",
        "mail -s \"mss: $MSS_EVENT $MSS_COUNT\" it@cabinet.exemple",
    ),
    default("profile.*.timeouts.connect", SECONDS, "30", "Name look-up and TCP."),
    default("profile.*.timeouts.greeting", SECONDS, "300", "The first words of the server."),
    default("profile.*.timeouts.mail", SECONDS, "300", "The answer to MAIL."),
    default("profile.*.timeouts.rcpt", SECONDS, "300", "The answer to one RCPT."),
    default("profile.*.timeouts.data", SECONDS, "120", "The answer to DATA."),
    default("profile.*.timeouts.block", SECONDS, "180", "One block of a message."),
    default("profile.*.timeouts.last-reply", SECONDS, "600", "The answer to a whole message."),
    optional("profile.*.fetch.to", Kind::Line, "Folder that fetched messages are stored in.", "/srv/mss/cabinet"),
    default(
        "profile.*.fetch.after",
        Kind::After,
        "seen",
        "What becomes of a message on the server once it is stored here.",
    ),
    default(
        "profile.*.fetch.accept-unsigned",
        Kind::YesNo,
        "false",
        "Whether unsigned messages are stored with the others instead of in quarantine.",
    ),
    default(
        "profile.*.fetch.accept-3des",
        Kind::YesNo,
        "false",
        "Whether 3DES is decrypted, which some old programs still write.",
    ),
    default(
        "profile.*.fetch.unknown-sender",
        Kind::Choice(&["quarantine", "accept"]),
        "quarantine",
        "What becomes of messages whose sender is not in the directory.",
    ),
    default(
        "profile.*.fetch.jobs",
        Kind::Whole(1, 8),
        "1",
        "Connections that fetch side by side; with one-time codes there is one.",
    ),
    default("profile.*.retention.warn-months", MONTHS, "9", "Months without sign-in before purge-check warns."),
    default("profile.*.retention.urgent-months", MONTHS, "11", "Months without sign-in before it is urgent."),
    default(
        "profile.*.retention.erase-months",
        MONTHS,
        "12",
        "Months without sign-in after which the operator erases the mailbox.",
    ),
    default(
        "profile.*.retention.keep-days",
        Kind::Whole(1, 3650),
        "90",
        "Days that fetched and sent messages are kept here.",
    ),
];

const MONTHS: Kind = Kind::Whole(1, 120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_documented_in_a_documented_section() {
        for setting in SETTINGS {
            assert!(SECTIONS.iter().any(|(section, _)| *section == setting.section()), "{}", setting.path);
            assert!(setting.meaning.ends_with('.') && !setting.example.is_empty(), "{}", setting.path);
            let examples =
                if setting.kind == Kind::Hosts { setting.example.split(',').collect() } else { vec![setting.example] };
            assert!(
                examples.iter().all(|example| setting.kind.accepts(example)),
                "{}: the example is not {}",
                setting.path,
                setting.example
            );
        }
    }

    #[test]
    fn no_setting_is_there_twice() {
        for (place, setting) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[..place].iter().all(|other| other.path != setting.path), "{}", setting.path);
        }
    }
}
