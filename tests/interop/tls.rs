//! Every bad TLS server there is, played by OpenSSL: each gets its own error and status, and none of them hears a credential.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{ExtendedKeyUsagePurpose, SanType};

use crate::bench::authority::{Authority, Says, Web};
use crate::bench::operator::{Operator, without};
use crate::bench::{Bench, Call, Outcome, skip};
use crate::flows::post::assert_error;

/// How long a program may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the laboratory's password is in this test.
const PASSWORD: &str = "ouvre-toi sesame";

/// `openssl s_server`: what it decrypted is in what it says.
struct TlsServer {
    child: Child,
    /// Held: the server ends with it.
    _stdin: ChildStdin,
    said: Arc<Mutex<String>>,
}

impl TlsServer {
    /// Starts one that greets like a mailbox, and answers nothing.
    #[track_caller]
    fn start(bench: &Bench, words: &[&str]) -> TlsServer {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0"]).args(words).current_dir(bench.path(""));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("openssl starts");
        let mut stdin = child.stdin.take().expect("its stdin is a pipe");
        writeln!(stdin, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready").expect("it takes a greeting");
        let stdout = child.stdout.take().expect("its stdout is a pipe");
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut octets = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut octets) {
                heard.lock().expect("nobody panics here").push_str(&String::from_utf8_lossy(&octets[..length]));
            }
        });
        let server = TlsServer { child, _stdin: stdin, said };
        server.wait_for("ACCEPT ");
        server
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.said().contains(text) {
            assert!(Instant::now() < until, "the server did not say {text:?}:\n{}", self.said());
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn said(&self) -> String {
        self.said.lock().expect("nobody panics here").clone()
    }

    fn port(&self) -> String {
        let said = self.said();
        let line = said.lines().find(|line| line.starts_with("ACCEPT ")).expect("it says where it listens");
        line.rsplit(':').next().expect("a port stands last").to_owned()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The authorities of the matrix, their lists, and a responder.
struct Space {
    bench: Bench,
    web: Web,
    root: Authority,
    issuing: Authority,
    revoked: Authority,
    foreign: Authority,
    responder: String,
    /// Held: they serve as long as the matrix.
    _operator: Operator,
    asked: Child,
}

/// Revoked by the list, by the responder; and the serial number of the issuer that was.
const BY_LIST: u64 = 1001;
const BY_RESPONDER: u64 = 1002;
const ISSUER: u64 = 51;
const GOOD: u64 = 1003;

impl Space {
    fn start() -> Space {
        let (bench, web) = (Bench::new(), Web::start());
        let operator = Operator::start(&bench, &[]);
        let root = Authority::root("ESSAI AC RACINE");
        let issuing = root.below("ESSAI AC SERVEURS", 50, &web.url("/root.crl"));
        let revoked = root.below("ESSAI AC SERVEURS 1", ISSUER, &web.url("/root.crl"));
        web.put("/root.crl", root.revoke(&[ISSUER, BY_LIST], 10));
        web.put("/issuing.crl", issuing.revoke(&[BY_LIST], 10));
        web.put("/revoked.crl", revoked.revoke(&[], 10));
        web.put("/old.crl", root.revoke(&[], -1));
        let port = free_port();
        let child = responder(&bench, &root, port);
        let anchors =
            [std::fs::read(operator.said("trust_file")).expect("it is there"), root.certificate.clone().into()];
        bench.file("anchors.pem", &anchors.concat());
        let words = without(&operator.init_words(&bench, "laboratoire"), "--totp-seed-file");
        let words = crate::bench::operator::with(&words, "--anchors", "anchors.pem");
        bench.file("laboratoire.password", format!("{PASSWORD}\n").as_bytes());
        bench.run(words.iter().map(String::as_str).chain(["--no-probe"])).status(0);
        let foreign = Authority::root("ESSAI AC RACINE ETRANGERE");
        let responder = format!("http://127.0.0.1:{port}/");
        Space { bench, web, root, issuing, revoked, foreign, responder, _operator: operator, asked: child }
    }

    /// A server with this certificate; more words for it.
    fn serve(&self, issuer: &Authority, says: &Says, more: &[&str]) -> TlsServer {
        let (certificate, key) = issuer.certify(says);
        self.bench.file("server.pem", certificate.as_bytes());
        self.bench.file("server.key", key.as_bytes());
        self.bench.file("chain.pem", issuer.certificate.as_bytes());
        let words = ["-cert", "server.pem", "-key", "server.key", "-cert_chain", "chain.pem"];
        if more.contains(&"-status_file") {
            let make = "openssl ocsp -index index.txt -CA root.pem -rsigner responder.pem -rkey responder.key -ndays 1";
            self.bench
                .shell(&format!("{make} -issuer root.pem -cert server.pem -respout stapled.der -noverify"))
                .status(0);
        }
        TlsServer::start(&self.bench, &[&words, more].concat())
    }

    /// The same server once more, with the certificate it had.
    fn serve_again(&self) -> TlsServer {
        TlsServer::start(&self.bench, &["-cert", "server.pem", "-key", "server.key"])
    }

    /// Fetches from a server under a rule.
    fn fetch(&self, server: &TlsServer, rule: &str) -> Call {
        self.call(["--json", "fetch", "--to", "in"], server, rule)
    }

    fn call(&self, words: [&str; 4], server: &TlsServer, rule: &str) -> Call {
        let call = self.bench.call(words).variable("MSS_TRUST_REVOCATION", rule);
        let call = call.variable("MSS_SERVICE_KEY_FILE", "laboratoire.service");
        call.variable("MSS_MAILBOX_PORT", &server.port()).variable("MSS_MAILBOX_SECURITY", "implicit")
    }

    fn by_list(&self, serial: u64, path: &str) -> Says {
        Says { list: Some(self.web.url(path)), ..Says::server(serial) }
    }

    fn by_responder(&self, serial: u64) -> Says {
        Says { responder: Some(self.responder.clone()), ..Says::server(serial) }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = self.asked.kill();
        let _ = self.asked.wait();
    }
}

/// A port nobody listens on at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback interface has free ports");
    listener.local_addr().expect("it listens").port()
}

/// `openssl ocsp` answering for the root, by somebody whom the root named for it.
fn responder(bench: &Bench, root: &Authority, port: u16) -> Child {
    let says = Says { purpose: ExtendedKeyUsagePurpose::OcspSigning, ..Says::server(7) };
    let (certificate, key) = root.certify(&says);
    bench.file("root.pem", root.certificate.as_bytes());
    bench.file("responder.pem", certificate.as_bytes());
    bench.file("responder.key", key.as_bytes());
    let line = |status: &str, revoked: &str, serial: u64| {
        format!("{status}\t391231000000Z\t{revoked}\t{serial:04X}\tunknown\t/CN=x\n")
    };
    let index = line("V", "", GOOD) + &line("R", "260101000000Z", BY_RESPONDER);
    bench.file("index.txt", index.as_bytes());
    let words =
        "ocsp -index index.txt -CA root.pem -rsigner responder.pem -rkey responder.key -ndays 1 -ignore_err -port";
    let mut command = Command::new("openssl");
    command.args(words.split(' ')).arg(port.to_string()).current_dir(bench.path(""));
    let log = std::fs::File::create(bench.path("responder.log")).expect("the bench takes a file");
    let said = || std::fs::read_to_string(bench.path("responder.log")).unwrap_or_default();
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file can be shared")).stderr(log);
    let child = command.spawn().expect("openssl starts");
    // It is not tried out: a connection that says nothing keeps it from all others.
    let until = Instant::now() + PATIENCE;
    while !said().contains("waiting for") {
        assert!(Instant::now() < until, "the responder does not begin:\n{}", said());
        thread::sleep(Duration::from_millis(10));
    }
    child
}

/// What the server is, who issued its certificate, what that says, more words for it, the rule of the profile, and the code.
type Row<'a> = (&'a str, &'a Authority, Says, &'a [&'a str], &'a str, &'a str);

#[test]
fn a_bad_server_is_refused_by_its_own_name_and_hears_no_credential() {
    if !skip::has("openssl", "a_bad_server_is_refused_by_its_own_name_and_hears_no_credential") {
        return;
    }
    let space = Space::start();
    let good = space.by_list(GOOD, "/root.crl");
    let named = |name: &str| SanType::DnsName(name.try_into().expect("it is ASCII"));
    let (root, rule) = (&space.root, "require");
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let chained = ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"];
    let stapled = ["-status_file", "stapled.der"];
    let rows: [Row<'_>; 13] = [
        ("TLS 1.1 alone", root, good.clone(), &old, rule, "tls-version"),
        ("CBC alone", root, good.clone(), &chained, rule, "tls-suites"),
        (
            "another name",
            root,
            Says { name: named("autre.sandbox"), ..good.clone() },
            &[],
            rule,
            "server-certificate-name",
        ),
        ("expired", root, Says { days: (-60, -1), ..good.clone() }, &[], rule, "server-certificate-expired"),
        ("not yet valid", root, Says { days: (1, 60), ..good.clone() }, &[], rule, "server-certificate-not-yet-valid"),
        ("another authority", &space.foreign, good.clone(), &[], rule, "server-certificate-issuer"),
        ("revoked, by list", root, space.by_list(BY_LIST, "/root.crl"), &[], rule, "server-certificate-revoked"),
        (
            "revoked, by responder",
            root,
            space.by_responder(BY_RESPONDER),
            &[],
            "if-reachable",
            "server-certificate-revoked",
        ),
        ("revoked, stapled", root, Says::server(BY_RESPONDER), &stapled, "if-reachable", "server-certificate-revoked"),
        ("issuer revoked", &space.revoked, space.by_list(GOOD, "/revoked.crl"), &[], rule, "server-issuer-revoked"),
        ("list expired", root, space.by_list(GOOD, "/old.crl"), &[], rule, "server-revocation-unknown"),
        ("list away", root, space.by_list(GOOD, "/nowhere.crl"), &[], rule, "server-revocation-unknown"),
        ("nothing named", root, Says::server(GOOD), &[], rule, "server-revocation-unknown"),
    ];
    for (name, issuer, says, more, rule, code) in rows {
        let server = space.serve(issuer, &says, more);
        let outcome = space.fetch(&server, rule).run();
        let error = assert_error(&outcome, 76, code);
        assert!(error.to_string().contains("nothing was sent"), "{name}: {outcome}");
        no_credential(name, &server, &outcome);
    }
}

#[test]
fn a_server_that_was_cleared_is_signed_in_to() {
    if !skip::has("openssl", "a_server_that_was_cleared_is_signed_in_to") {
        return;
    }
    let space = Space::start();
    let root = &space.root;
    let stapled = ["-status_file", "stapled.der"];
    let rows: [(&Authority, Says, &[&str], &str, &str); 7] = [
        (root, space.by_list(GOOD, "/root.crl"), &[], "require", "a revocation list"),
        (&space.issuing, space.by_list(GOOD, "/issuing.crl"), &[], "require", "a revocation list"),
        (root, space.by_responder(GOOD), &[], "require", "the responder http://"),
        (root, Says::server(GOOD), &stapled, "require", "the answer that the server brought"),
        (root, space.by_list(GOOD, "/nowhere.crl"), &[], "if-reachable", "it is used all the same"),
        (
            root,
            Says { days: (-9, 10), ..space.by_list(GOOD, "/root.crl") },
            &[],
            "require",
            "its operator has to renew it",
        ),
        (root, space.by_list(BY_LIST, "/root.crl"), &[], "off", "nobody was asked"),
    ];
    for (issuer, says, more, rule, told) in rows {
        let server = space.serve(issuer, &says, more);
        let running = space.call(["-v", "fetch", "--to", "in"], &server, rule).start();
        server.wait_for("AUTHENTICATE PLAIN ");
        drop(server);
        running.finish().status(69).stderr_has(told).stderr_lacks(PASSWORD);
    }
}

/// What the server decrypted holds no command of a mailbox, and nothing of the password.
#[track_caller]
fn no_credential(name: &str, server: &TlsServer, outcome: &Outcome) {
    let said = server.said();
    for word in ["AUTHENTICATE", "LOGIN", "CAPABILITY", "sesame"] {
        assert!(!said.contains(word), "{name}: the server heard {word}:\n{said}");
    }
    outcome.stderr_lacks(PASSWORD);
}

/// A server in clear that plays one part: what it hears until the end, or until TLS begins.
fn scripted(lines: &'static [(&'static str, &'static str)]) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback interface has free ports");
    let port = listener.local_addr().expect("it listens").port().to_string();
    let thread = thread::spawn(move || {
        let mut tcp = listener.accept().expect("somebody comes").0;
        let mut reader = BufReader::new(tcp.try_clone().expect("it can be read and written"));
        let mut heard = String::new();
        for (wanted, answer) in lines {
            let mut line = String::new();
            if !wanted.is_empty() && reader.read_line(&mut line).is_ok() {
                assert!(line.contains(wanted), "{wanted}: {line}");
            }
            let tag = line.split(' ').next().unwrap_or_default().trim().to_owned();
            heard.push_str(&line);
            let _ = tcp.write_all(answer.replace("TAG", &tag).as_bytes());
        }
        let mut rest = Vec::new();
        let _ = reader.read_to_end(&mut rest);
        heard + &String::from_utf8_lossy(&rest)
    });
    (port, thread)
}

#[test]
fn what_is_said_in_clear_behind_starttls_ends_it_before_anybody_signs_in() {
    if !skip::has("openssl", "what_is_said_in_clear_behind_starttls_ends_it_before_anybody_signs_in") {
        return;
    }
    let space = Space::start();
    let (port, server) = scripted(&[
        ("", "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
        ("STARTTLS", "TAG OK go ahead\r\n* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] injected\r\n"),
    ]);
    let call = space.bench.call(["--json", "fetch", "--to", "in"]).variable("MSS_MAILBOX_PORT", &port);
    let outcome = call.variable("MSS_SERVICE_KEY_FILE", "laboratoire.service").run();
    assert_error(&outcome, 76, "injected-plaintext");
    let heard = server.join().expect("it played its part");
    assert!(!heard.contains("AUTHENTICATE") && !heard.contains("sesame"), "{heard}");

    let (port, server) = scripted(&[
        ("", "220 smtp.sandbox ESMTP\r\n"),
        ("EHLO", "250-smtp.sandbox\r\n250 STARTTLS\r\n"),
        ("STARTTLS", "220 go ahead\r\n250 AUTH PLAIN\r\n"),
    ]);
    let words = ["--json", "send", "--to", "dr.durand@medecin.sandbox", "--subject", "x", "--body-file", "-"];
    let call = space.bench.call(words).variable("MSS_SUBMISSION_PORT", &port).stdin("Bonjour\n");
    let outcome = call.variable("MSS_SERVICE_KEY_FILE", "laboratoire.service").run();
    assert_error(&outcome, 76, "injected-plaintext");
    let heard = server.join().expect("it played its part");
    assert!(!heard.contains("AUTH") && !heard.contains("MAIL FROM"), "{heard}");
}

#[test]
fn the_last_answer_of_a_responder_counts_while_it_is_good() {
    if !skip::has("openssl", "the_last_answer_of_a_responder_counts_while_it_is_good") {
        return;
    }
    let mut space = Space::start();
    let signs_in = |space: &Space, server: TlsServer| {
        let running = space.fetch(&server, "require").start();
        server.wait_for("AUTHENTICATE PLAIN ");
        drop(server);
        running.finish().status(69);
    };
    signs_in(&space, space.serve(&space.root, &space.by_responder(GOOD), &[]));
    space.asked.kill().expect("it is ours");
    signs_in(&space, space.serve_again());
    space.bench.shell("touch -d '2 hours ago' ../.cache/mss/answer-*").status(0);
    signs_in(&space, space.serve_again());
    space.bench.shell("rm ../.cache/mss/answer-*").status(0);
    let server = space.serve_again();
    assert_error(&space.fetch(&server, "require").run(), 76, "server-revocation-unknown");
}

#[test]
fn the_authorities_of_the_system_count_where_the_profile_says_so() {
    if !skip::has("openssl", "the_authorities_of_the_system_count_where_the_profile_says_so") {
        return;
    }
    let space = Space::start();
    let bundle = format!(
        "# an odd one among them\n-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n{}",
        space.foreign.certificate
    );
    let bundle = space.bench.file("bundle.pem", bundle.as_bytes());
    let serve = || space.serve(&space.foreign, &Says::server(GOOD), &[]);
    let call = |server: &TlsServer| space.fetch(server, "off").variable("SSL_CERT_FILE", &bundle);
    assert_error(&call(&serve()).run(), 76, "server-certificate-issuer");
    let server = serve();
    let running = call(&server).variable("MSS_TRUST_SYSTEM_ROOTS", "true").start();
    server.wait_for("AUTHENTICATE PLAIN ");
    drop(server);
    running.finish().status(69);
}
