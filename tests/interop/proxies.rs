//! Every connection of a profile through Squid, with and without sign-in, and through a SOCKS5 proxy that looks names up.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::operator::{Operator, as_laboratory, with, without};
use crate::bench::{Bench, skip};
use crate::flows::post::assert_error;

/// How long a proxy may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// The password of the one user of the proxies.
const PASSWORD: &str = "ouvre-toi";

/// A SOCKS5 proxy (RFC 1928, RFC 1929) that looks every name up as this machine, and writes down whom it led where.
const SOCKS: &str = r#"
import socket, sys, threading
password, log = sys.argv[1].encode(), open(sys.argv[2], "a", buffering=1)

def exactly(peer, count):
    octets = b""
    while len(octets) < count:
        more = peer.recv(count - len(octets))
        if not more:
            raise OSError("gone")
        octets += more
    return octets

def pump(source, sink):
    try:
        while octets := source.recv(65536):
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass

def serve(peer):
    exactly(peer, 1)
    methods = exactly(peer, exactly(peer, 1)[0])
    if 2 not in methods:
        return peer.sendall(b"\x05\xff")
    peer.sendall(b"\x05\x02")
    exactly(peer, 1)
    user = exactly(peer, exactly(peer, 1)[0])
    good = exactly(peer, exactly(peer, 1)[0]) == password and user == b"cabinet"
    peer.sendall(b"\x01\x00" if good else b"\x01\x01")
    if not good:
        return log.write("refused\n")
    kind = exactly(peer, 4)[3]
    host = exactly(peer, 4) if kind == 1 else exactly(peer, exactly(peer, 1)[0])
    port = int.from_bytes(exactly(peer, 2), "big")
    log.write("%s %d\n" % (socket.inet_ntoa(host) if kind == 1 else host.decode(), port))
    server = socket.create_connection(("127.0.0.1", port))
    peer.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x01")
    threading.Thread(target=pump, args=(server, peer), daemon=True).start()
    pump(peer, server)

def attempt(peer):
    try:
        serve(peer)
    except OSError:
        pass

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=attempt, args=(listener.accept()[0],), daemon=True).start()
"#;

/// Squid at work, in a folder of its own that its user can enter.
struct Squid {
    folder: tempfile::TempDir,
    child: Child,
    port: String,
}

impl Squid {
    /// Starts one with these rules.
    #[track_caller]
    fn start(rules: &str) -> Squid {
        let folder = tempfile::Builder::new().prefix("mss-squid-").tempdir().expect("a temporary folder can be made");
        // Squid gives up being root before it opens its logs.
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).expect("the folder is ours");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let hash = Command::new("openssl").args(["passwd", "-apr1", PASSWORD]).output().expect("openssl starts").stdout;
        put(&path("users"), &[b"cabinet:", hash.as_slice()].concat());
        let port = super::tls::free_port().to_string();
        let text = format!(
            "http_port 127.0.0.1:{port}\npid_filename {}\naccess_log stdio:{}\ncache_log {}\ncoredump_dir {}\n\
             cache deny all\nshutdown_lifetime 0 seconds\nvisible_hostname squid.test\nhost_verify_strict off\n\
             auth_param basic program /usr/lib/squid/basic_ncsa_auth {}\nauth_param basic children 1\n{rules}\n",
            path("pid"),
            path("access.log"),
            path("cache.log"),
            path(""),
            path("users")
        );
        put(&path("squid.conf"), text.as_bytes());
        let mut command = Command::new("/usr/sbin/squid");
        command.args(["-N", "-f", &path("squid.conf")]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let squid = Squid { child: child.expect("squid starts"), port, folder };
        let until = Instant::now() + PATIENCE;
        while !squid.read("cache.log").contains("Accepting HTTP Socket connections") {
            assert!(Instant::now() < until, "squid does not begin:\n{}", squid.read("cache.log"));
            std::thread::sleep(Duration::from_millis(20));
        }
        squid
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Squid {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes what Squid reads, under whichever user.
fn put(path: &str, octets: &[u8]) {
    let written = fs::File::create(path).and_then(|mut file| file.write_all(octets));
    written.unwrap_or_else(|error| panic!("{path}: {error}"));
}

fn through(words: &[String], proxy: &[&str]) -> Vec<String> {
    words.iter().cloned().chain(proxy.iter().map(|word| (*word).to_owned())).collect()
}

#[test]
fn squid_leads_to_every_server_of_a_profile() {
    let test = "squid_leads_to_every_server_of_a_profile";
    if !skip::has("squid", test) || !skip::has("openssl", test) || !skip::is_root(test) {
        return;
    }
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let squid = Squid::start("http_access allow all");
    let words = operator.init_words(&bench, "laboratoire");
    bench.run(through(&words, &["--proxy", &squid.url()])).status(0).stderr_is("");
    let words = ["send", "--to", "dr.durand@medecin.sandbox", "--subject", "x", "--body-file", "-"];
    as_laboratory(&bench, words).stdin("Bonjour\n").run().status(0);
    let log = squid.read("access.log");
    let port = |name: &str| operator.description()[name].to_string();
    for name in ["submission_starttls", "mailbox_starttls"] {
        assert!(log.contains(&format!("CONNECT 127.0.0.1:{}", port(name))), "{name}:\n{log}");
    }
    for url in [operator.said("directory"), operator.said("white_list")] {
        let place = url.trim_start_matches("https://").split('/').next().expect("it has a host").to_owned();
        assert!(log.contains(&format!("CONNECT {place}")), "{url}:\n{log}");
    }
    assert!(log.contains("GET http://127.0.0.1:") && log.contains("/organisations.crl"), "{log}");
    drop(squid);
    let error = assert_error(&as_laboratory(&bench, ["--json", "lookup", "durand"]).run(), 69, "unreachable");
    assert!(error.to_string().contains("the proxy 127.0.0.1:"), "{error}");
    as_laboratory(&bench, ["config", "set", "proxy.except", "127.0.0.1"]).run().status(0);
    as_laboratory(&bench, ["lookup", "durand"]).run().status(0);
}

#[test]
fn squid_wants_a_sign_in_or_does_not_lead_everywhere() {
    let test = "squid_wants_a_sign_in_or_does_not_lead_everywhere";
    if !skip::has("squid", test) || !skip::has("openssl", test) || !skip::is_root(test) {
        return;
    }
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let mailbox = operator.description()["mailbox_starttls"].to_string();
    let rules = format!(
        "acl signed proxy_auth REQUIRED\nacl mailbox port {mailbox}\nhttp_access deny mailbox\nhttp_access allow signed\n\
         http_access deny all"
    );
    let squid = Squid::start(&rules);
    let words = [operator.init_words(&bench, "laboratoire"), vec!["--json".to_owned()]].concat();
    let url = squid.url();
    let error = assert_error(&bench.run(through(&words, &["--proxy", &url])), 77, "proxy-sign-in");
    assert!(error.to_string().contains("wants a sign-in"), "{error}");
    let signing_in = |password: &str| {
        let file = bench.file("proxy.password", format!("{password}\n").as_bytes());
        through(&words, &["--proxy", &url, "--proxy-user", "cabinet", "--proxy-password-file", &file])
    };
    let error = assert_error(&bench.run(signing_in("sesame")), 77, "proxy-sign-in");
    assert!(error.to_string().contains("did not accept") && !error.to_string().contains("sesame"), "{error}");
    let error = assert_error(&bench.run(signing_in(PASSWORD)), 69, "proxy");
    assert!(error.to_string().contains(&format!("does not lead to 127.0.0.1:{mailbox}: 403")), "{error}");
    assert!(!squid.read("access.log").contains(PASSWORD));
}

#[test]
fn a_socks_proxy_leads_to_names_that_only_it_knows() {
    let test = "a_socks_proxy_leads_to_names_that_only_it_knows";
    if !skip::has("python3", test) {
        return;
    }
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    bench.file("socks.py", SOCKS.as_bytes());
    let log: PathBuf = bench.path("socks.log");
    let words = ["socks.py", PASSWORD, "socks.log"].map(str::to_owned);
    let mut running = bench.program("python3", words).start();
    let url = format!("socks5://127.0.0.1:{}", running.wait_for_stdout("\n").trim());
    let name = |port: &str| format!("mss.operateur.sandbox:{}", operator.description()[port]);
    let words = operator.init_words(&bench, "laboratoire");
    let words = with(&words, "--submission", &name("submission_starttls"));
    let words = with(&words, "--mailbox", &name("mailbox_starttls"));
    bench.run(&words).status(69).stderr_has("mss.operateur.sandbox");
    let signing_in = |password: &str| {
        let file = bench.file("proxy.password", format!("{password}\n").as_bytes());
        through(&words, &["--proxy", &url, "--proxy-user", "cabinet", "--proxy-password-file", &file])
    };
    bench.run(signing_in("sesame")).status(77).stderr_has("did not accept the sign-in").stderr_lacks("sesame");
    bench.run(signing_in(PASSWORD)).status(0).stderr_is("");
    // A second profile has its password asked for, or made by a command.
    let words = without(&operator.init_words(&bench, "dr.durand"), "--service-key-out");
    let more = ["--proxy", &url, "--proxy-user", "cabinet", "--no-probe", "--service-key", "laboratoire.service"];
    bench.run(through(&words, &more)).status(0);
    let durand = |words: &[&str]| as_laboratory(&bench, [words, &["-p", "dr.durand"]].concat()).run();
    durand(&["lookup", "durand"]).status(64).stderr_has("proxy.password-command");
    for (command, status) in [("exit 3", 66), ("echo sesame", 77), ("echo ouvre-toi", 0)] {
        durand(&["config", "set", "proxy.password-command", command]).status(0);
        durand(&["lookup", "durand"]).status(status);
    }
    let led = fs::read_to_string(log).expect("the proxy wrote it");
    for port in ["submission_starttls", "mailbox_starttls"] {
        let line = name(port).replace(':', " ");
        assert!(led.contains(&line), "{line}:\n{led}");
    }
    assert!(led.contains("refused\n") && led.matches("127.0.0.1 ").count() >= 3, "{led}");
}
