//! `mss init ADDRESS` finds the servers of the operator, meets them, chooses, and refuses what is not to be believed.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use crate::bench::name_server::{NameServer, Record, address, service};
use crate::bench::operator::{Operator, as_laboratory, without};
use crate::bench::{Bench, Outcome};

const SUBMISSION: &str = "_submission._tcp.biologie.sandbox";
const MAILBOX: &str = "_imap._tcp.biologie.sandbox";

/// The words of `init` without the servers, which are to be found; the address stands by itself.
fn words(operator: &Operator, bench: &Bench) -> Vec<String> {
    let mut words = operator.init_words(bench, "laboratoire");
    for option in ["--submission", "--mailbox", "--address"] {
        words = without(&words, option);
    }
    words.push("laboratoire@biologie.sandbox".to_owned());
    words
}

/// Where the sandbox really is, under a name that its certificate has.
fn honest(operator: &Operator) -> Vec<Record> {
    vec![
        service(SUBMISSION, 10, "localhost", &operator.said("submission_starttls")),
        service(MAILBOX, 10, "localhost", &operator.said("mailbox_starttls")),
        address("localhost", Ipv4Addr::LOCALHOST),
    ]
}

#[track_caller]
fn run(bench: &Bench, server: &NameServer, words: &[String], more: &[&str]) -> Outcome {
    let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
    bench.call(words).variable("MSS_DNS_SERVERS", &server.word()).run()
}

#[track_caller]
fn nothing_is_written(bench: &Bench) {
    assert!(!bench.home().join(".config/mss/config.p7m").exists(), "a vault was written");
    assert!(!bench.path("laboratoire.service").exists(), "a key was written");
}

#[test]
fn the_operator_is_found_met_signed_in_to_and_written() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let mut records = honest(&operator);
    // It would come first, if anybody answered there.
    records.push(service(SUBMISSION, 5, "localhost", "1"));
    records.push(service("_imaps._tcp.biologie.sandbox", 20, "localhost", &operator.said("mailbox_tls")));
    let server = NameServer::start(records);
    let made = run(&bench, &server, &words(&operator, &bench), &["--allow-private", "--json"]).status(0).json();
    let servers = made["servers"].as_array().expect("the servers are told");
    let told = |at: usize, field: &str| servers[at][field].as_str().unwrap_or_default();
    assert_eq!(servers.len(), 4);
    assert_eq!((told(0, "endpoint"), told(0, "verdict")), ("localhost:1", "unfit"));
    assert!(told(0, "why").contains("cannot be reached"), "{made}");
    assert_eq!((told(1, "service"), told(1, "verdict"), told(1, "sign_in")), ("submission", "chosen", "accepted"));
    assert_eq!((told(1, "found_by"), told(1, "source")), ("srv", SUBMISSION));
    assert_eq!((told(2, "service"), told(2, "verdict"), told(2, "security")), ("mailbox", "chosen", "starttls"));
    assert_eq!((told(3, "verdict"), told(3, "security"), told(3, "sign_in")), ("spare", "implicit", ""));
    assert!(servers[1]["certificate"]["days_left"].as_i64() > Some(300), "{made}");
    assert!(servers[1]["tls"].as_str().is_some_and(|version| version.starts_with("TLSv1_")), "{made}");
    assert_eq!(servers[2]["mechanisms"].as_array().map(|all| all.iter().any(|it| it == "PLAIN")), Some(true));
    as_laboratory(&bench, ["config", "get", "submission.host"]).run().stdout_is("localhost\n");
    as_laboratory(&bench, ["config", "get", "mailbox.security"]).run().stdout_is("starttls\n");
    as_laboratory(&bench, ["fetch"]).run().status(0);
}

#[test]
fn the_table_tells_what_was_found_before_the_profile() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let server = NameServer::start(honest(&operator));
    let outcome = run(&bench, &server, &words(&operator, &bench), &["--allow-private"]);
    outcome.status(0).stdout_has("VERDICT").stdout_has("chosen").stdout_has("accepted").stdout_has("TLSv1.3");
    outcome.stdout_has(MAILBOX).stdout_has("CN=").stdout_has("profile laboratoire for laboratoire@biologie.sandbox");
}

#[test]
fn what_leads_inside_or_elsewhere_is_refused() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let words = words(&operator, &bench);
    let (submission, mailbox) = (operator.said("submission_starttls"), operator.said("mailbox_starttls"));
    let both = |host: &str| vec![service(SUBMISSION, 1, host, &submission), service(MAILBOX, 1, host, &mailbox)];
    let home = |host: &str| address(host, Ipv4Addr::LOCALHOST);
    for (records, more, why) in [
        (honest(&operator), &[][..], "a name of this machine"),
        (both("127.0.0.1"), &["--allow-private"], "it is an IP address"),
        ([both("imap.biologie.sandbox"), vec![home("imap.biologie.sandbox")]].concat(), &[], "127.0.0.1, which is not"),
        // A good certificate, and for another name than the one that was found.
        (
            [both("imap.biologie.sandbox"), vec![home("imap.biologie.sandbox")]].concat(),
            &["--allow-private", "--ask-again"],
            "not for this host",
        ),
    ] {
        let server = NameServer::start(records);
        let outcome = run(&bench, &server, &words, more);
        outcome.status(76).stdout_is("").stderr_has(why).stderr_has("nothing was written").stderr_has("--submission");
        nothing_is_written(&bench);
    }
}

#[test]
fn a_server_without_tls_hears_nothing_of_the_user() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port().to_string();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        stream.write_all(b"220 smtp.sandbox\r\n").expect("somebody listens");
        let mut first = [0; 512];
        let length = stream.read(&mut first).expect("somebody speaks");
        let _ = stream.write_all(b"250-smtp.sandbox\r\n250 AUTH PLAIN LOGIN\r\n");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        String::from_utf8_lossy(&[&first[..length], &rest].concat()).into_owned()
    });
    let mut records = honest(&operator);
    records[0] = service(SUBMISSION, 10, "localhost", &port);
    let server = NameServer::start(records);
    let outcome = run(&bench, &server, &words(&operator, &bench), &["--allow-private"]);
    outcome.status(76).stderr_has("does not offer STARTTLS").stderr_has("nothing was written");
    assert_eq!(heard.join().expect("the server ran"), "EHLO biologie.sandbox\r\n");
    nothing_is_written(&bench);
}

#[test]
fn a_domain_that_says_nothing_and_a_server_that_does_not_answer_are_told_apart() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let words = words(&operator, &bench);
    let empty = NameServer::start(vec![service(SUBMISSION, 0, ".", "0")]);
    let outcome = run(&bench, &empty, &words, &[]);
    outcome
        .status(64)
        .stderr_has("no submission server and no mailbox server")
        .stderr_has("says that it is not offered");
    run(&bench, &NameServer::failing(), &words, &[])
        .status(75)
        .stderr_has("SERVFAIL")
        .stderr_has("nothing was written");
    let gone = NameServer::start(Vec::new()).word();
    let call = bench.call(&words).variable("MSS_DNS_SERVERS", &gone);
    call.run().status(69).stderr_has("cannot be asked").stderr_has("nothing was written");
    nothing_is_written(&bench);
}

#[test]
fn only_domains_of_the_signed_list_are_looked_for() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let mut words = words(&operator, &bench);
    words.pop();
    let server = NameServer::start(honest(&operator));
    let outcome = run(&bench, &server, &words, &["laboratoire@evil.sandbox", "--allow-private"]);
    outcome.status(76).stderr_has("the signed list does not name evil.sandbox").stderr_has("nothing was written");
    assert_eq!(server.asked(), 0, "nobody was asked");
}

#[test]
fn what_is_published_can_be_looked_at_without_making_anything() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let server = NameServer::start(honest(&operator));
    let words = ["init", "laboratoire@biologie.sandbox", "--discover-only", "--allow-private"].map(str::to_owned);
    run(&bench, &server, &words, &[]).status(0).stdout_has("localhost:").stdout_has("not-met");
    let asked = server.asked();
    // It is remembered, in a file that nobody else reads.
    run(&bench, &server, &words, &[]).status(0).stderr_has("--ask-again");
    assert_eq!(server.asked(), asked);
    bench.shell("stat -c %a ../.cache/mss/discovery-*").stdout_is("600\n");
    run(&bench, &server, &words, &["--ask-again"]).status(0);
    assert!(server.asked() > asked);
    let anchors = ["--anchors".to_owned(), operator.said("trust_file")];
    let met = run(&bench, &server, &[&words[..], &anchors].concat(), &["--json"]).status(0).json();
    assert_eq!(met["servers"][0]["tls"], "TLSv1_3");
    assert!(
        met["servers"][0]["why"].as_str().is_some_and(|why| why.contains("the signed list was not asked")),
        "{met}"
    );
    run(&bench, &NameServer::start(Vec::new()), &words, &[]).status(1).stderr_has("publishes no submission server");
    nothing_is_written(&bench);
}
