//! What the same messages take with other programs: curl over one connection, a client that has all in memory, a shell loop.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::Anyhow;
use super::desk::{PASSWORD, RECIPIENT, SENDER};

/// A file that makes curl submit every message over one connection: it keeps the connection between transfers of one
/// process, and signs in once.
pub fn curl_config(port: u16, files: &[String]) -> String {
    let one = |file: &String| {
        format!(
            "url = \"smtp://127.0.0.1:{port}\"\nssl-reqd\ncacert = \"anchor.pem\"\nuser = \"{SENDER}:{PASSWORD}\"\n\
             mail-from = \"{SENDER}\"\nmail-rcpt = \"{RECIPIENT}\"\nupload-file = \"{file}\"\nsilent\nshow-error\nfail-early\n"
        )
    };
    files.iter().map(one).collect::<Vec<_>>().join("next\n")
}

/// What a script does today: sign, encrypt, and hand over, three processes a message.
pub fn shell_loop(port: u16) -> String {
    format!(
        "set -e; umask 077
         printf 'host 127.0.0.1\\nport {port}\\ntls on\\ntls_starttls on\\ntls_trust_file anchor.pem\\nauth plain\\nuser {SENDER}\\npassword {PASSWORD}\\nfrom {SENDER}\\n' >msmtprc
         for file in few/*; do
           openssl cms -sign -binary -crlfeol -md sha256 -signer sender.pem -inkey sender.key -in $file -out signed
           openssl cms -encrypt -aes-256-gcm -in signed -from {SENDER} -to {RECIPIENT} -subject x -out sealed recipient.pem
           msmtp -C msmtprc {RECIPIENT} <sealed
         done"
    )
}

type Line = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// As fast as a client can be that prepares nothing: the messages are in memory with their dots doubled, MAIL, RCPT and DATA
/// go in one write (RFC 2920), the text and the next three commands in the next.
pub fn bare(port: u16, folder: &Path, connections: usize) -> Result<(), Anyhow> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("anchor.pem"))?)?;
    let config = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
    let mut files: Vec<_> =
        std::fs::read_dir(folder.join("messages"))?.map(|it| it.map(|it| it.path())).collect::<Result<_, _>>()?;
    files.sort();
    let messages: Vec<Vec<u8>> =
        files.iter().map(|file| Ok(stuffed(&std::fs::read(file)?))).collect::<Result<_, std::io::Error>>()?;
    let share = messages.len().div_ceil(connections);
    thread::scope(|scope| {
        let threads: Vec<_> = messages
            .chunks(share)
            .map(|messages| {
                let config = Arc::clone(&config);
                scope.spawn(move || submit(port, config, messages).map_err(|error| error.to_string()))
            })
            .collect();
        threads.into_iter().try_for_each(|it| it.join().map_err(|_| "a thread panicked")?.map_err(Anyhow::from))
    })
}

fn submit(port: u16, config: Arc<ClientConfig>, messages: &[Vec<u8>]) -> Result<(), Anyhow> {
    let mut tcp = TcpStream::connect(("127.0.0.1", port))?;
    tcp.set_nodelay(true)?;
    {
        let mut plain = BufReader::new(tcp.try_clone()?);
        expect(&mut plain, "220")?;
        tcp.write_all(b"EHLO bench.example\r\n")?;
        expect(&mut plain, "250")?;
        tcp.write_all(b"STARTTLS\r\n")?;
        expect(&mut plain, "220")?;
    }
    let client = ClientConnection::new(config, ServerName::try_from("127.0.0.1")?)?;
    let mut line = BufReader::with_capacity(16384, StreamOwned::new(client, tcp));
    say(&mut line, b"EHLO bench.example\r\n")?;
    expect(&mut line, "250")?;
    let plain = STANDARD.encode(format!("\0{SENDER}\0{PASSWORD}"));
    say(&mut line, format!("AUTH PLAIN {plain}\r\n").as_bytes())?;
    expect(&mut line, "235")?;
    let envelope = format!("MAIL FROM:<{SENDER}>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n");
    say(&mut line, envelope.as_bytes())?;
    for (number, message) in messages.iter().enumerate() {
        for code in ["250", "250", "354"] {
            expect(&mut line, code)?;
        }
        let next: &[u8] = if number + 1 < messages.len() { envelope.as_bytes() } else { b"QUIT\r\n" };
        say(&mut line, &[message, next].concat())?;
        expect(&mut line, "250")?;
    }
    expect(&mut line, "221")
}

fn say(line: &mut Line, octets: &[u8]) -> Result<(), Anyhow> {
    line.get_mut().write_all(octets)?;
    Ok(line.get_mut().flush()?)
}

/// Reads one reply, which may have several lines, and compares its code.
fn expect(reader: &mut impl BufRead, code: &str) -> Result<(), Anyhow> {
    let mut text = String::new();
    loop {
        text.clear();
        reader.read_line(&mut text)?;
        if !text.starts_with(code) {
            return Err(format!("{text:?}, not {code}").into());
        }
        if text.as_bytes().get(3) != Some(&b'-') {
            return Ok(());
        }
    }
}

/// A message as DATA takes it: dots doubled, a lone dot at the end (RFC 5321, section 4.5.2).
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}
