//! Python's own mail clients talk to the sandbox without special care; a terminal of Python's answers the prompts.

use crate::bench::operator::Operator;
use crate::bench::{Bench, skip};

/// Signs in by password with one-time code, and by certificate; submits, lists and fetches.
const MAIL: &str = r#"
import base64, hashlib, hmac, imaplib, json, smtplib, ssl, struct, sys, time
from email.message import EmailMessage

said = json.load(open("operator.json"))
people = {person["profile"]: person for person in said["identities"]}

def code(seed):
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(seed + "=" * (-len(seed) % 8)), counter, hashlib.sha1).digest()
    place = digest[-1] & 15
    return "%06d" % ((struct.unpack(">I", digest[place:place + 4])[0] & 0x7FFFFFFF) % 1000000)

def tls(person=None):
    context = ssl.create_default_context(cafile=said["trust_file"])
    if person:
        context.load_cert_chain(person["certificate_file"], person["key_file"])
    return context

def message(sender, to, text):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender["address"], to["address"], "from Python"
    mail.set_content(text)
    return mail

laboratory, doctor, unit = people["laboratoire"], people["dr.durand"], people["cardiologie"]

with smtplib.SMTP(said["host"], said["submission_starttls"]) as server:
    try:
        server.sendmail(laboratory["address"], [doctor["address"]], "x")
        sys.exit("MAIL was taken without sign-in")
    except smtplib.SMTPException:
        pass
with smtplib.SMTP(said["host"], said["submission_starttls"]) as server:
    server.starttls(context=tls())
    server.login(laboratory["address"], laboratory["password"] + code(laboratory["totp_seed"]))
    assert server.send_message(message(laboratory, doctor, "first, by STARTTLS\n")) == {}
with smtplib.SMTP_SSL(said["host"], said["submission_tls"], context=tls(unit)) as server:
    server.ehlo()
    server.auth("EXTERNAL", lambda challenge=None: "", initial_response_ok=False)
    assert server.send_message(message(unit, doctor, "second, by certificate\n")) == {}
with smtplib.SMTP_SSL(said["host"], said["submission_tls"], context=tls()) as server:
    try:
        server.login(laboratory["address"], laboratory["password"])
        sys.exit("the password alone was enough")
    except smtplib.SMTPAuthenticationError:
        pass

def read(box):
    assert "INBOX" in str(box.list()[1])
    state, (count,) = box.select("INBOX")
    assert (state, count) == ("OK", b"2"), (state, count)
    numbers = box.search(None, "UNSEEN")[1][0].split()
    texts = [box.fetch(number, "(RFC822)")[1][0][1].decode() for number in numbers]
    assert box.search(None, "UNSEEN")[1][0] == b"", "RFC822 marks as seen"
    return "".join(texts)

with imaplib.IMAP4(said["host"], said["mailbox_starttls"]) as box:
    box.starttls(ssl_context=tls())
    box.login(doctor["address"], doctor["password"] + code(doctor["totp_seed"]))
    texts = read(box)
    assert "first, by STARTTLS" in texts and "second, by certificate" in texts, texts
    box.append("Sent", r"(\Seen)", None, b"Subject: kept\r\n\r\ntext\r\n")
    box.store(b"1", "+FLAGS", r"(\Deleted)")
    assert box.expunge()[1] == [b"1"]
with imaplib.IMAP4_SSL(said["host"], said["mailbox_tls"], ssl_context=tls(unit)) as box:
    box.authenticate("EXTERNAL", lambda challenge: b"")
    assert box.select("INBOX", readonly=True)[1] == [b"0"]
print("all done")
"#;

/// Answers what `mss` asks on its terminal; stdin is a file that it must not read.
pub(super) const TERMINAL: &str = r#"
import os, pty, sys, termios, time

answers, words = [answer for answer in sys.argv[1].split("|") if answer], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.dup2(os.open("stdin.txt", os.O_RDONLY), 0)
    os.dup2(os.open("stdout.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
    os.execvp("mss", ["mss"] + words)
def echoes():
    return termios.tcgetattr(terminal)[3] & termios.ECHO

shown = b""
while True:
    try:
        piece = os.read(terminal, 1024)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    if shown.rstrip().endswith(b":") and answers and piece.rstrip().endswith(b":"):
        # Every question here asks for a secret: typed once the terminal no longer shows what is typed.
        until = time.monotonic() + 30
        while echoes() and time.monotonic() < until:
            time.sleep(0.01)
        os.write(terminal, answers.pop(0).encode() + b"\n")
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

#[test]
fn smtplib_and_imaplib_sign_in_submit_list_and_fetch() {
    if !skip::has("python3", "smtplib_and_imaplib_sign_in_submit_list_and_fetch") {
        return;
    }
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    bench.file("operator.json", operator.description().to_string().as_bytes());
    bench.file("mail.py", MAIL.as_bytes());
    bench.shell("python3 mail.py").status(0).stdout_is("all done\n").stderr_is("");
}

#[test]
fn a_prompt_asks_the_terminal_and_leaves_stdin_alone() {
    if !skip::has("python3", "a_prompt_asks_the_terminal_and_leaves_stdin_alone") {
        return;
    }
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    bench.file("terminal.py", TERMINAL.as_bytes());
    bench.file("stdin.txt", b"what stdin holds\n");
    let words: Vec<String> =
        operator.init_words(&bench, "laboratoire").into_iter().filter(|word| word != "--no-input").collect();
    let words = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let words = words.replace("'--service-key-out' 'laboratoire.service'", "");
    let terminal = |answers: &str, words: &str| bench.shell(&format!("python3 terminal.py '{answers}' {words}"));

    terminal("four words in a row|five words in a row", &words).status(64).stdout_has("the two passphrases differ");
    terminal("short|short", &words).status(64).stdout_has("shorter than 12 characters");
    assert!(!bench.home().join(".config/mss").exists());
    let made = terminal("four words in a row|four words in a row", &words);
    made.status(0).stdout_has("new passphrase of the vault").stdout_lacks("four words");

    let set = terminal("four words in a row", "config set label --from-file -");
    set.status(0).stdout_has("passphrase of the vault").stdout_lacks("four words");
    terminal("four words in a row", "config get label").status(0);
    assert_eq!(bench.read("stdout.txt"), b"what stdin holds\n");
    terminal("wrong words in a row", "config get label").status(77).stdout_has("does not open the vault");
    terminal("", "--no-input config get label").status(64).stdout_has("give --passphrase-file FILE");
}
