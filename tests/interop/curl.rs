//! curl submits to the sandbox and reads its mailboxes, with nothing but the trust file and a one-time code.

use mss::clock::Clock;
use mss::secret::{Secret, Totp};

use crate::bench::operator::Operator;
use crate::bench::{Bench, skip};

/// What curl gives as `--user`: the address, and the password with the code of this moment behind it.
fn user(operator: &Operator, profile: &str) -> String {
    let seed = Totp::from_base32(&Secret::new(operator.person(profile, "totp_seed"))).expect("the seed is base32");
    let code = seed.code(Clock::System.unix_seconds()).expose().clone();
    format!("{}:{}{code}", operator.person(profile, "address"), operator.person(profile, "password"))
}

#[test]
fn curl_submits_lists_and_fetches() {
    if !skip::has("curl", "curl_submits_lists_and_fetches") {
        return;
    }
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let host = operator.said("host");
    let trust = operator.said("trust_file");
    let curl = |person: &str, rest: &str| {
        bench.shell(&format!("curl -sS --cacert {trust} --user '{}' {rest}", user(&operator, person)))
    };
    bench.file(
        "mail.eml",
        b"From: laboratoire@biologie.sandbox\r\nTo: dr.durand@medecin.sandbox\r\nSubject: from curl\r\n\r\ntext\r\n",
    );
    let envelope =
        "--mail-from laboratoire@biologie.sandbox --mail-rcpt dr.durand@medecin.sandbox --upload-file mail.eml";
    let submission = |name: &str| format!("{host}:{}", operator.said(name));
    curl("laboratoire", &format!("--ssl-reqd smtp://{} {envelope}", submission("submission_starttls")))
        .status(0)
        .stderr_is("");
    curl("laboratoire", &format!("smtps://{} {envelope}", submission("submission_tls"))).status(0).stderr_is("");
    let forged = envelope.replace("--mail-from laboratoire@", "--mail-from somebody@");
    curl("laboratoire", &format!("smtps://{} {forged}", submission("submission_tls"))).status(55);

    let mailbox = |name: &str| format!("{host}:{}", operator.said(name));
    let starttls = format!("--ssl-reqd imap://{}", mailbox("mailbox_starttls"));
    curl("dr.durand", &format!("{starttls}/")).status(0).stdout_has("INBOX").stdout_has("Archive");
    curl("dr.durand", &format!("{starttls}/INBOX --request 'STATUS INBOX (MESSAGES)'"))
        .status(0)
        .stdout_has("MESSAGES 2");
    let message = format!("'imaps://{}/INBOX;MAILINDEX=2'", mailbox("mailbox_tls"));
    curl("dr.durand", &message).status(0).stdout_has("Subject: from curl\r\n\r\ntext\r\n");
    let wrong =
        format!("curl -sS --cacert {trust} --user dr.durand@medecin.sandbox:wrong imaps://{}/", mailbox("mailbox_tls"));
    bench.shell(&wrong).status(67);

    let directory = format!("{}/PractitionerRole", operator.said("directory"));
    let ask =
        format!("curl -sS --cacert {trust} -H 'ESANTE-API-KEY: {}' '{directory}?_count=1'", operator.said("api_key"));
    assert_eq!(bench.shell(&ask).status(0).json()["resourceType"], "Bundle");
    bench
        .shell(&format!("curl -sS --cacert {trust} {}", operator.said("white_list")))
        .status(0)
        .stdout_has("biologie.sandbox");
}
