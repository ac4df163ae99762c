//! Our side: one deed a process, from file to file, through the library.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mss::cms::{Accept, DecryptionKey, DetachedSigner, EnvelopeWriter, Recipient, open_envelope, verify_detached};
use mss::mail::{Base64Writer, Entity, Strictness, section};
use mss::pki::Identity;

use super::Anyhow;

/// The hidden word that makes this program do one deed.
pub const WORD: &str = "deed";

/// Octets read at a time.
const PIECE: usize = 64 * 1024;
/// When every signature here says it was made.
const MOMENT: &str = "2026-06-01T12:00:00Z";

/// Does one deed.
pub fn run(deed: &str, paths: &[&str]) -> Result<(), Anyhow> {
    match (deed, paths) {
        ("started", [name]) => identity(name).map(drop),
        ("encrypt", [from, to, name]) => encrypt(from, to, name),
        ("decrypt", [from, to, name]) => decrypt(from, to, name),
        ("sign", [from, to, name]) => sign(from, to, name),
        ("verify", [content, signature]) => verify(content, signature),
        ("seal", [from, to, name]) => many(from, to, &identity(name)?, seal),
        ("open", [from, to, name]) => many(from, to, &identity(name)?, open),
        _ => Err("no such deed".into()),
    }
}

fn identity(name: &str) -> Result<Identity, Anyhow> {
    Ok(Identity::from_pem(&fs::read(format!("{name}.pem"))?, &fs::read(format!("{name}.key"))?)?)
}

/// Passes a file on in pieces.
fn pieces(file: &mut File, mut take: impl FnMut(&[u8]) -> Result<(), Anyhow>) -> Result<(), Anyhow> {
    let mut buffer = vec![0; PIECE];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            length => take(&buffer[..length])?,
        }
    }
}

fn encrypt(from: &str, to: &str, name: &str) -> Result<(), Anyhow> {
    let identity = identity(name)?;
    let mut writer = EnvelopeWriter::new(File::create(to)?, &[Recipient::Certificate(identity.certificate())])?;
    pieces(&mut File::open(from)?, |piece| Ok(writer.write_all(piece)?))?;
    writer.finish()?;
    Ok(())
}

/// The content gets its name only after the tag was right.
fn decrypt(from: &str, to: &str, name: &str) -> Result<(), Anyhow> {
    let identity = identity(name)?;
    let spool = format!("{to}.spool");
    open_envelope(
        &mut File::open(from)?,
        &[DecryptionKey::Identity(&identity)],
        Accept::default(),
        &mut File::create(&spool)?,
    )?;
    Ok(fs::rename(spool, to)?)
}

fn sign(from: &str, to: &str, name: &str) -> Result<(), Anyhow> {
    let identity = identity(name)?;
    let mut signer = DetachedSigner::new(&identity, MOMENT.parse()?);
    pieces(&mut File::open(from)?, |piece| {
        signer.update(piece);
        Ok(())
    })?;
    Ok(File::create(to)?.write_all(&signer.finish()?)?)
}

fn verify(content: &str, signature: &str) -> Result<(), Anyhow> {
    verify_detached(&fs::read(signature)?, &mut File::open(content)?)?;
    Ok(())
}

/// Does the same with every file of a folder, into another, on every core.
fn many(
    from: &str,
    to: &str,
    identity: &Identity,
    deed: fn(&Path, &Path, &Identity) -> Result<(), Anyhow>,
) -> Result<(), Anyhow> {
    fs::create_dir_all(to)?;
    let mut names: Vec<PathBuf> = fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    names.sort();
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), String> {
        while let Some(path) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            let name = path.file_name().ok_or("a file without a name")?;
            deed(path, &Path::new(to).join(name), identity).map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    let cores = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let running: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        running.into_iter().try_for_each(|thread| thread.join().expect("no deed panics"))
    })?;
    Ok(())
}

const BOUNDARY: &str = "=_0123456789abcdef0123456789abcdef";

/// `multipart/signed` in an envelope, as `openssl cms -sign` and `openssl cms -encrypt` make it.
fn seal(from: &Path, to: &Path, identity: &Identity) -> Result<(), Anyhow> {
    let recipients = [Recipient::Certificate(identity.certificate())];
    let mut out = EnvelopeWriter::new(File::create(to)?, &recipients)?;
    let mut signer = DetachedSigner::new(identity, MOMENT.parse()?);
    write!(
        out,
        "MIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=\"{}\"; \
         boundary=\"{BOUNDARY}\"\r\n\r\n--{BOUNDARY}\r\n",
        signer.micalg()
    )?;
    pieces(&mut File::open(from)?, |piece| {
        signer.update(piece);
        Ok(out.write_all(piece)?)
    })?;
    write!(
        out,
        "\r\n--{BOUNDARY}\r\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    )?;
    let mut encoder = Base64Writer::new(&mut out);
    encoder.write_all(&signer.finish()?)?;
    encoder.finish()?;
    write!(out, "\r\n--{BOUNDARY}--\r\n")?;
    out.finish()?;
    Ok(())
}

/// Decrypts into a spool, verifies what is signed there, and writes it out.
fn open(from: &Path, to: &Path, identity: &Identity) -> Result<(), Anyhow> {
    let mut spool = Vec::new();
    open_envelope(&mut File::open(from)?, &[DecryptionKey::Identity(identity)], Accept::default(), &mut spool)?;
    let mut spool = Cursor::new(spool);
    let entity = Entity::scan_all(&mut spool)?;
    let [content, signature] = entity.parts() else { return Err("not multipart/signed".into()) };
    let mut der = Vec::new();
    signature.decoded(&mut spool, Strictness::Strict)?.read_to_end(&mut der)?;
    verify_detached(&der, &mut section(&mut spool, content.range())?)?;
    io::copy(&mut section(&mut spool, content.range())?, &mut File::create(to)?)?;
    Ok(())
}
