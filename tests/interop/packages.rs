//! 7-Zip opens the archive, Chromium opens the page, and the terminal alone shows the password.

#![expect(clippy::unwrap_used, reason = "whatever is missing fails the test that asked, and shows the line")]

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::python::TERMINAL;
use crate::bench::{Bench, Running, skip};
use crate::flows::package::package;
use crate::flows::post::{self, PDF, PNG, bench, delivered, newest};

const SOMEONE: &str = "someone@example.org";

/// A package that was sent and lies where calls start, and its password.
fn sent(bench: &Bench, format: &str) -> (String, String) {
    let words = ["send", "--package", "--package-format", format, "--password-command", "cat > password"];
    let rest = ["--to", SOMEONE, "--subject", "Bilan <b>Ünal</b>", "--body-file", "-", "--attach", "Écho du cœur.pdf"];
    bench.file("Écho du cœur.pdf", PDF);
    let call = bench.call(words.iter().chain(&rest).chain(&["--attach", "curve.png"]));
    call.stdin("Bonjour,\n<script>document.title = 'x'</script>\n").run().status(0);
    let (name, octets) = package(&newest(bench, SOMEONE));
    let path = bench.file(&name, &octets);
    (path, String::from_utf8(bench.read("password")).unwrap().trim().to_owned())
}

#[test]
fn seven_zip_opens_the_archive_with_the_password_and_with_no_other() {
    if !skip::has("7z", "seven_zip_opens_the_archive_with_the_password_and_with_no_other") {
        return;
    }
    let bench = bench();
    let (path, password) = sent(&bench, "zip");
    let listed = bench.shell("7z l -slt message.zip").status(0).text();
    assert!(listed.contains("Path = content.zip") && listed.contains("AES-256"), "{listed}");
    assert!(!listed.contains("curve") && !listed.contains("cœur"), "{listed}");
    for wrong in ["00000-00000-00000-00000-00000", &password.replace('-', "")] {
        bench.shell(&format!("7z x -y -owrong -p{wrong} message.zip")).status(2).stderr_has("Wrong password");
    }
    let wrong = bench.path("wrong/content.zip");
    assert!(!wrong.exists() || fs::read(wrong).unwrap().is_empty(), "nothing comes out under a wrong password");
    let opened = format!("7z x -p{password} message.zip && 7z x -oopened content.zip");
    bench.shell(&opened).status(0).stdout_has("Everything is Ok");
    assert_eq!((bench.read("opened/Écho du cœur.pdf"), bench.read("opened/curve.png")), (PDF.to_vec(), PNG.to_vec()));
    let text = String::from_utf8(bench.read("opened/message.txt")).unwrap();
    assert!(text.contains("Bilan <b>Ünal</b>\r\n"), "{text}");

    let mut octets = fs::read(&path).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    bench.file("changed.zip", &octets);
    bench.shell(&format!("7z t -p{password} changed.zip")).status(2).stderr_has("ERROR");
}

#[test]
fn chromium_opens_the_page_with_the_password_and_with_no_other() {
    let test = "chromium_opens_the_page_with_the_password_and_with_no_other";
    if !(skip::has("chromium", test) && skip::has("chromedriver", test)) {
        return;
    }
    let bench = bench();
    let (path, password) = sent(&bench, "html");
    let browser = Browser::start(&bench);
    browser.post("/url", json!({ "url": format!("file://{path}") }));
    assert_eq!(browser.text("#door h1"), "Secure message");
    browser.click("#language");
    assert_eq!(
        (browser.text("#door h1"), browser.text("#open")),
        ("Message sécurisé".into(), "Ouvrir le message".into())
    );
    browser.click("#language");

    let digits = password.replace('-', " ");
    let (all_but_one, last) = digits.split_at(digits.len() - 1);
    let wrong = format!("{all_but_one}{}", (last.parse::<u8>().unwrap() + 1) % 10);
    for wrong in ["00000-00000-00000-00000-00000", "x", &wrong] {
        browser.fill("#password", wrong);
        browser.click("#open");
        browser.wait_for("#wrong", "This password does not open the message");
        assert_eq!((browser.text("#subject"), browser.text("#text")), (String::new(), String::new()), "{wrong}");
    }
    // As it is dictated: the hyphens do not matter.
    browser.fill("#password", &digits);
    browser.click("#open");
    browser.wait_for("#subject", "Bilan <b>Ünal</b>");
    assert_eq!(browser.text("#text"), "Bonjour,\n<script>document.title = 'x'</script>");
    assert_eq!((browser.get("/title"), browser.text("#wrong")), ("Bilan <b>Ünal</b>".into(), String::new()));
    let files = browser.text("#files");
    assert!(files.contains("Écho du cœur.pdf (") && files.contains("curve.png ("), "{files}");
    for (row, name, content) in [(1, "Écho du cœur.pdf", PDF), (2, "curve.png", PNG)] {
        browser.click(&format!("#files li:nth-child({row}) a"));
        let saved = bench.path("downloads").join(name);
        // The browser makes the file, then fills it.
        wait(|| fs::metadata(&saved).is_ok_and(|found| found.len() >= content.len() as u64));
        assert_eq!(fs::read(saved).unwrap(), content, "{name}");
    }
}

#[test]
fn chromium_opens_no_page_that_was_changed() {
    let test = "chromium_opens_no_page_that_was_changed";
    if !(skip::has("chromium", test) && skip::has("chromedriver", test)) {
        return;
    }
    let bench = bench();
    let (path, password) = sent(&bench, "html");
    let page = fs::read_to_string(&path).unwrap();
    let browser = Browser::start(&bench);
    let start = page.find("id=\"content\">").unwrap() + 13;
    let other = |at: usize| if page.as_bytes()[at] == b'A' { "B" } else { "A" };
    let with = |at: usize| format!("{}{}{}", &page[..at], other(at), &page[at + 1..]);
    let lines = page.replace("\"rounds\":1000000", "\"rounds\":1000001");
    for changed in [with(start), with(start + 400), with(page.find("==</script>").unwrap_or(start + 900) - 3), lines] {
        bench.file("changed.html", changed.as_bytes());
        browser.post("/url", json!({ "url": format!("file://{}", bench.path("changed.html").display()) }));
        browser.fill("#password", &password);
        browser.click("#open");
        browser.wait_for("#wrong", "This password does not open the message");
        assert_eq!((browser.text("#subject"), browser.text("#text")), (String::new(), String::new()));
    }
    // A script that was put in is not run: the policy names the digest of ours.
    bench.file("changed.html", page.replace("<script>\"use strict\";", "<script>document.title = \"x\";").as_bytes());
    browser.post("/url", json!({ "url": format!("file://{}", bench.path("changed.html").display()) }));
    assert_eq!(browser.get("/title"), "Message sécurisé / Secure message");
}

#[test]
fn a_terminal_shows_the_password_once_and_no_stream_does() {
    if !skip::has("python3", "a_terminal_shows_the_password_once_and_no_stream_does") {
        return;
    }
    let bench = bench();
    bench.file("terminal.py", TERMINAL.as_bytes());
    bench.file("stdin.txt", b"");
    let words = "--sandbox --json send --package --to someone@example.org --attach result.pdf";
    let shown = bench.shell(&format!("python3 terminal.py '' {words}")).status(0).text();
    let (_, rest) = shown.split_once("password of the package: ").unwrap();
    let password = rest.lines().next().unwrap().trim();
    assert_eq!(password.split('-').map(str::len).collect::<Vec<_>>(), [5; 5], "{shown}");
    assert_eq!(shown.matches(password).count(), 1, "{shown}");
    assert!(rest.contains("Give it to someone@example.org by another way"), "{shown}");
    let answer = String::from_utf8(bench.read("stdout.txt")).unwrap();
    assert!(answer.contains("\"accepted\"") && !answer.contains(password), "{answer}");
    let kept = post::octets_below(bench.home().join(".state").as_path());
    assert!(memchr::memmem::find(&kept, password.as_bytes()).is_none(), "it is kept nowhere");
    bench.shell(&format!("python3 terminal.py '' {words}")).status(0).stdout_lacks("password of the package");
    bench
        .shell(&format!("python3 terminal.py '' --no-input {words} --again"))
        .status(64)
        .stdout_lacks("of the package:");
    assert_eq!(delivered(&bench, SOMEONE), 1);
}

/// Chromium without a window, driven over WebDriver (W3C); it ends with the driver.
struct Browser {
    session: String,
    agent: ureq::Agent,
    _driver: Running,
}

impl Browser {
    #[track_caller]
    fn start(bench: &Bench) -> Browser {
        fs::create_dir(bench.path("downloads")).unwrap();
        let mut driver = bench.program("chromedriver", ["--port=0".to_owned()]).start();
        let port = loop {
            let said = driver.wait_for_stdout("started successfully on port ");
            let (_, behind) = said.rsplit_once("on port ").unwrap();
            if let Some((port, _)) = behind.split_once('.') {
                break port.to_owned();
            }
        };
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(90)));
        let mut browser = Browser {
            session: format!("http://127.0.0.1:{port}/session"),
            agent: config.build().into(),
            _driver: driver,
        };
        let profile = format!("--user-data-dir={}", bench.path("chromium").display());
        let quiet =
            ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
        let arguments: Vec<&str> =
            quiet.into_iter().chain(["--disable-dev-shm-usage", "--lang=en", &profile]).collect();
        let options = json!({
            "args": arguments,
            "prefs": { "download.default_directory": bench.path("downloads"), "download.prompt_for_download": false },
        });
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": options });
        let made = browser.post("", json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = format!("{}/{}", browser.session, made["sessionId"].as_str().unwrap());
        browser
    }

    #[track_caller]
    fn answer(&self, place: &str, response: ureq::http::Response<ureq::Body>) -> Value {
        let text = response.into_body().read_to_string().unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{place}: {error}\n{text}"));
        assert!(answer["value"]["error"].is_null(), "{place}: {text}");
        answer["value"].clone()
    }

    #[track_caller]
    fn post(&self, place: &str, body: Value) -> Value {
        let request = self.agent.post(format!("{}{place}", self.session)).header("Content-Type", "application/json");
        self.answer(place, request.send(body.to_string()).unwrap())
    }

    #[track_caller]
    fn get(&self, place: &str) -> Value {
        self.answer(place, self.agent.get(format!("{}{place}", self.session)).call().unwrap())
    }

    /// The place of an element.
    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let found = self.post("/element", json!({ "using": "css selector", "value": selector }));
        let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        format!("/element/{id}")
    }

    /// The text that shows.
    #[track_caller]
    fn text(&self, selector: &str) -> String {
        self.get(&format!("{}/text", self.element(selector))).as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn click(&self, selector: &str) {
        self.post(&format!("{}/click", self.element(selector)), json!({}));
    }

    #[track_caller]
    fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("{element}/clear"), json!({}));
        self.post(&format!("{element}/value"), json!({ "text": text }));
    }

    #[track_caller]
    fn wait_for(&self, selector: &str, text: &str) {
        wait(|| self.text(selector).contains(text));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser too; the driver alone would leave it behind.
        let _ = self.agent.delete(&self.session).call();
    }
}

#[track_caller]
fn wait(happens: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !happens() {
        assert!(Instant::now() < until, "it does not happen within a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}
