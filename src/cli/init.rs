//! `mss init`: the words, and what was made.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;
use zeroize::Zeroizing;

use super::config::{long_enough, new_passphrase};
use super::diagnosis::Diagnosis;
use super::discovered::{self, DiscoveryWords};
use super::discovered_lines::{PassedOver, ServerLine, passed_over, servers, table};
use super::keys::KeyWords;
use super::pair::pem;
use super::reaching::ReachingWords;
use super::session::Session;
use super::sign_in::SignInWords;
use super::status::Status;
use super::unlock;
use crate::commands::{Account, Error, init};
use crate::fs;
use crate::mail::Address;
use crate::net;
use crate::pki::{KeyKind, PrivateKey, certificate_request};
use crate::secret::Secret;
use crate::vault::{
    Config, Directory, Document, Fetch, Keys, Mailbox, Outbox, Profile, Retention, ServiceKey, Storage, Submission,
    Timeouts, UnknownReader, Vault, Way, WhiteListSource,
};

/// Make a profile: keys, trust, encrypted configuration
///
/// Looks for the servers of the address where they are not given, and asks for what no option answers. Directory, list and
/// both servers are reached, and signed in to, before anything is written. A second profile goes into the same vault.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address of the mailbox; its servers are looked for if they are not given
    #[arg(value_name = "ADDRESS", conflicts_with = "address")]
    pub of: Option<String>,
    /// The same as an option
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,
    /// What readers see beside the address
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
    /// Who acts, as the trace records it: a national identifier, such as 8 and the RPPS number
    #[arg(long, value_name = "ID")]
    pub author: Option<String>,
    /// The server that takes messages, instead of one that is found
    #[arg(long, value_name = "HOST:PORT")]
    pub submission: Option<String>,
    /// The server that keeps the mailbox, instead of one that is found
    #[arg(long, value_name = "HOST:PORT")]
    pub mailbox: Option<String>,
    /// How TLS starts on the servers that are given
    #[arg(long, value_name = "HOW", default_value = "starttls")]
    pub security: Security,
    /// The base address of the FHIR directory
    #[arg(long, value_name = "URL")]
    pub directory: Option<String>,
    /// Read the API key of the directory from this file (mode 0600)
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// The FHIR extension that carries certificates, where the directory has one
    #[arg(long, value_name = "URL")]
    pub certificate_extension: Option<String>,
    /// Where the signed list of admitted domains is
    #[arg(long, value_name = "URL")]
    pub list: Option<String>,
    /// The common name of the certificate that signs the list
    #[arg(long, value_name = "CN")]
    pub list_signer: Option<String>,
    /// The authorities to trust, and no others, for servers, list and people (PEM)
    #[arg(long, value_name = "FILE")]
    pub anchors: Option<PathBuf>,
    /// A revocation list to judge certificates by; may be given several times
    #[arg(long, value_name = "URL")]
    pub revocation_list: Vec<String>,
    #[command(flatten)]
    pub reaching: ReachingWords,
    #[command(flatten)]
    pub sign_in: SignInWords,
    #[command(flatten)]
    pub keys: KeyWords,
    /// Write a certificate request (PKCS#10) for a new key to this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate", "p12", "token"], requires = "key_out")]
    pub request_out: Option<PathBuf>,
    /// Write that new key to this file (mode 0600); mss config certificate installs it with its certificate
    #[arg(long, value_name = "FILE", requires = "request_out")]
    pub key_out: Option<PathBuf>,
    /// Read the passphrase of the new vault from the first line of this file (mode 0600)
    #[arg(long, value_name = "FILE")]
    pub new_passphrase_file: Option<PathBuf>,
    /// Make a service key, which opens the vault unattended, and write it to this file (mode 0600)
    #[arg(long, value_name = "FILE")]
    pub service_key_out: Option<PathBuf>,
    /// Write the profile without reaching any server
    #[arg(long)]
    pub no_probe: bool,
    #[command(flatten)]
    pub discovery: DiscoveryWords,
}

/// How TLS starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Security {
    /// By STARTTLS; nothing is said before it
    Starttls,
    /// From the first octet
    Implicit,
}

impl Security {
    /// The same as a connection takes it.
    pub(super) fn of_connection(self) -> net::Security {
        match self {
            Security::Starttls => net::Security::StartTls,
            Security::Implicit => net::Security::Implicit,
        }
    }
}

/// What was made.
#[derive(Serialize, JsonSchema)]
pub(super) struct InitLine {
    schema: &'static str,
    profile: String,
    address: String,
    /// The vault.
    vault: String,
    /// Whether the servers were reached and signed in to.
    probed: bool,
    /// Whether the signed list names the domain of the mailbox.
    admitted: Option<bool>,
    /// Whether the directory knows the mailbox.
    listed: Option<bool>,
    /// The authorities of IGC-Santé among the anchors: with one of them the profile works in the trusted space.
    igc_sante: Vec<&'static str>,
    /// The certificate request that was written.
    request: Option<String>,
    /// The service key that was written.
    service_key: Option<String>,
    /// The servers that were given or found, and what is thought of each; none if nobody was reached.
    servers: Vec<ServerLine>,
    /// What was offered and is no server to look at, and who could not be asked.
    passed_over: Vec<PassedOver>,
}

/// Asks, tries, then writes.
pub(super) fn run(args: &Args, session: &Session<'_>) -> Result<Status, Diagnosis> {
    if session.globals.sandbox {
        return Err(Diagnosis::of(Status::Usage, "sandbox", "the sandbox makes its own profiles")
            .hint_command("keep one running and make a profile against it", "mss sandbox"));
    }
    if args.discovery.discover_only {
        return discovered::only(args, session);
    }
    let vault = unlock::path(session);
    let existing = if fs::exists(&vault) { Some(unlock::open(session)?) } else { None };
    let address = address(args, session)?;
    let name = session.globals.profile.clone().unwrap_or_else(|| address.local_part().to_owned());
    if existing.as_ref().is_some_and(|vault| vault.document().config().profiles.contains_key(&name)) {
        return Err(Diagnosis::of(
            Status::CannotCreate,
            "profile-exists",
            format!("there is a profile {name} already"),
        )
        .hint("choose another name with --profile, or change it with mss config set"));
    }
    let left = session.places.state.join(&name);
    if fs::exists(&left) {
        return Err(Diagnosis::of(
            Status::CannotCreate,
            "state-exists",
            format!("an earlier profile {name} left its records in {}", left.display()),
        )
        .because("they are sealed with keys that a new profile does not have")
        .hint("put its vault back, or move that folder away, or choose another name with --profile"));
    }
    let (keys, _identity) = args.keys.read(session)?.unzip();
    let mut profile = profile(args, session, address, keys)?;
    // Checked before any server is asked: a profile that cannot be written need not be tried.
    document(existing.as_ref(), &name, &profile)?;
    nothing_in_the_way(args)?;
    let lock = if existing.is_none() { Some(Lock::choose(args, session)?) } else { None };
    let found = discovered::settle(args, session, &name, &mut profile)?;
    let document = document(existing.as_ref(), &name, &profile)?;
    let account = Account::new(&name, &profile, session.world())?.on_trial();
    let untouched = |error: Error| Diagnosis::from(error).because("nothing was written");
    let probe = if args.no_probe { None } else { Some(init::probe(&account).map_err(untouched)?) };
    let request = write_request(args, &profile)?;
    let service_key = args.service_key_out.as_ref().filter(|_| existing.is_none());
    match (existing, lock) {
        (Some(mut there), _) => {
            if args.service_key_out.is_some() || args.new_passphrase_file.is_some() {
                session
                    .output
                    .warning("the vault was there: it keeps its passphrase and keys; mss config rekey changes them");
            }
            there.save(document)?;
        }
        (None, Some(lock)) => lock.create(&vault, document)?,
        (None, None) => return Err(Diagnosis::of(Status::Bug, "no-lock", "nothing was chosen to seal the vault with")),
    }
    if probe.is_some() {
        init::record(&account)?;
    }
    let line = InitLine {
        schema: "mss.init/1",
        address: profile.address.to_string(),
        profile: name.clone(),
        vault: vault.display().to_string(),
        probed: probe.is_some(),
        admitted: probe.as_ref().map(|probe| probe.admitted),
        listed: probe.as_ref().map(|probe| probe.listed),
        igc_sante: account.anchors().igc_sante(),
        request,
        service_key: service_key.map(|path| path.display().to_string()),
        servers: found.as_ref().map(|found| servers(found, true, session.clock.now())).unwrap_or_default(),
        passed_over: found.as_ref().map(passed_over).unwrap_or_default(),
    };
    if let Some(found) = found.filter(|found| found.is_from_elsewhere() && !session.output.json) {
        table(session.output, &found, true, session.clock.now())?;
        discovered::tell_remarks(session, &found);
    }
    tell(session, &line)?;
    Ok(Status::Done)
}

fn tell(session: &Session<'_>, line: &InitLine) -> std::io::Result<()> {
    let output = session.output;
    if output.json {
        return output.json(line);
    }
    output.line(format_args!("profile {} for {} in {}", line.profile, line.address, line.vault))?;
    if !line.igc_sante.is_empty() {
        output.line(format_args!("works in the trusted space, under {}", line.igc_sante.join(" and ")))?;
    }
    if let Some(path) = &line.service_key {
        output.line(format_args!(
            "service key in {path}: it opens the vault unattended, keep it with the service alone"
        ))?;
    }
    if let Some(path) = &line.request {
        output.line(format_args!("certificate request in {path}: hand it to your authority"))?;
    }
    match (line.probed, line.admitted) {
        (false, _) => output.warning("the servers were not reached: --no-probe"),
        (true, Some(false)) => output.warning("the signed list does not name the domain of this mailbox"),
        _ => {}
    }
    if line.listed == Some(false) {
        output.warning("the directory does not know this mailbox");
    }
    Ok(())
}

/// The address of the mailbox.
pub(super) fn address(args: &Args, session: &Session<'_>) -> Result<Address, Diagnosis> {
    let given = args.of.as_ref().or(args.address.as_ref());
    let given = answer(session, given, "address of the mailbox", "--address ADDRESS")?;
    Ok(given.parse().map_err(|_| Error::Malformed { given: given.clone(), what: "an address" })?)
}

/// An answer from an option, or from the person at the terminal.
pub(super) fn answer(
    session: &Session<'_>,
    given: Option<&String>,
    question: &str,
    option: &str,
) -> Result<String, Diagnosis> {
    let text = match given {
        Some(given) => given.clone(),
        None => session.prompt.line(question, None, option)?,
    };
    if text.trim().is_empty() {
        return Err(Diagnosis::of(Status::Usage, "no-answer", format!("there is no answer to: {question}"))
            .hint(format!("give {option}")));
    }
    Ok(text.trim().to_owned())
}

/// No file that is to be made is there already: found out before any server is asked.
fn nothing_in_the_way(args: &Args) -> Result<(), Diagnosis> {
    let files = [&args.request_out, &args.key_out, &args.service_key_out];
    match files.into_iter().flatten().find(|path| fs::exists(path)) {
        Some(path) => {
            Err(Diagnosis::of(Status::CannotCreate, "exists", format!("{} is there already", path.display()))
                .hint("name another file: keys are never replaced"))
        }
        None => Ok(()),
    }
}

fn profile(args: &Args, session: &Session<'_>, address: Address, keys: Option<Keys>) -> Result<Profile, Diagnosis> {
    let author =
        answer(session, args.author.as_ref(), "who acts, for the trace (8 and the RPPS number)", "--author ID")?;
    let (host, port) =
        discovered::server(args, session, args.submission.as_ref(), "submission server", "--submission HOST:PORT")?;
    let (mailbox_host, mailbox_port) =
        discovered::server(args, session, args.mailbox.as_ref(), "mailbox server", "--mailbox HOST:PORT")?;
    let directory = answer(session, args.directory.as_ref(), "FHIR directory", "--directory URL")?;
    let list = answer(session, args.list.as_ref(), "signed list of domains", "--list URL")?;
    let signer = answer(session, args.list_signer.as_ref(), "common name of the list's signer", "--list-signer CN")?;
    let anchors = args.anchors.as_ref().map(|path| path.display().to_string());
    let anchors = answer(session, anchors.as_ref(), "file of the authorities to trust (PEM)", "--anchors FILE")?;
    let security = match args.security {
        Security::Starttls => crate::vault::Security::Starttls,
        Security::Implicit => crate::vault::Security::Implicit,
    };
    Ok(Profile {
        label: args.label.clone(),
        author,
        submission: Submission { host, port, security },
        mailbox: Mailbox::at(mailbox_host, mailbox_port, security),
        directory: Directory::at(
            directory,
            args.api_key_file.as_deref().map(unlock::read_file).transpose()?,
            args.certificate_extension.clone(),
        ),
        list: WhiteListSource { url: list, signer },
        trust: args.reaching.trust(pem(Path::new(&anchors))?, args.revocation_list.clone()),
        proxy: args.reaching.proxy()?,
        signin: args.sign_in.read(session, &address)?,
        keys,
        storage: storage()?,
        unknown_reader: UnknownReader::default(),
        readers: Vec::new(),
        outbox: Outbox::default(),
        timeouts: Timeouts::default(),
        fetch: Fetch::default(),
        retention: Retention::default(),
        address,
    })
}

pub(super) fn host_and_port(text: &str) -> Result<(String, u16), Error> {
    let malformed = || Error::Malformed { given: text.to_owned(), what: "HOST:PORT" };
    let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(malformed());
    }
    Ok((host.to_owned(), port.parse().map_err(|_| malformed())?))
}

/// Makes a key and asks for its certificate; the key is on disk before the request.
fn write_request(args: &Args, profile: &Profile) -> Result<Option<String>, Diagnosis> {
    let Some((request, key_file)) = args.request_out.as_deref().zip(args.key_out.as_deref()) else { return Ok(None) };
    let failed = |error: &dyn std::error::Error| Diagnosis::of(Status::LocalIo, "request", error.to_string());
    let key = PrivateKey::generate(KeyKind::P256).map_err(|error| failed(&error))?;
    let label = profile.label.as_deref().unwrap_or(profile.address.as_str());
    let text = certificate_request(&key, &profile.address, label).map_err(|error| failed(&error))?;
    let written = |path: &Path, error| {
        Diagnosis::caused(Status::CannotCreate, "request", &error).because(path.display().to_string())
    };
    fs::write_private_new(key_file, key.to_pkcs8_pem().expose().as_bytes())
        .map_err(|error| written(key_file, error))?;
    fs::write_private_new(request, text.as_bytes()).map_err(|error| written(request, error))?;
    Ok(Some(request.display().to_string()))
}

/// New keys for what is kept on this machine.
fn storage() -> Result<Storage, Diagnosis> {
    let random = || {
        let mut key = Zeroizing::new([0u8; 32]);
        aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(|_| Error::Randomness)?;
        Ok::<_, Error>(Secret::new(*key))
    };
    Ok(Storage { key: random()?, trace_signing_key: random()? })
}

fn document(existing: Option<&Vault>, name: &str, profile: &Profile) -> Result<Document, Diagnosis> {
    let mut config = match existing {
        Some(vault) => vault.document().config().clone(),
        None => Config { version: 1, default_profile: Some(name.to_owned()), profiles: Default::default() },
    };
    config.profiles.insert(name.to_owned(), profile.clone());
    Ok(Document::of(&config)?)
}

/// What seals a new vault, chosen before any server is asked.
struct Lock<'a> {
    passphrase: Option<Secret<String>>,
    service_key: Option<(ServiceKey, &'a Path)>,
}

impl<'a> Lock<'a> {
    /// A passphrase, a service key or both. With a service key, nobody is asked for a passphrase where nobody can be.
    fn choose(args: &'a Args, session: &Session<'_>) -> Result<Lock<'a>, Diagnosis> {
        let passphrase = match &args.new_passphrase_file {
            Some(file) => Some(long_enough(unlock::read_file(file)?)?),
            None if args.service_key_out.is_some() && !session.can_ask => None,
            None => Some(new_passphrase(session)?),
        };
        let generated = |path: &'a PathBuf| Ok::<_, Diagnosis>((ServiceKey::generate()?, path.as_path()));
        Ok(Lock { passphrase, service_key: args.service_key_out.as_ref().map(generated).transpose()? })
    }

    /// Writes the service key, then the vault: a key without a vault is useless, a vault without its key is lost.
    fn create(&self, vault: &Path, document: Document) -> Result<(), Diagnosis> {
        if let Some((key, file)) = &self.service_key {
            key.write_new(file)?;
        }
        let service_key = self.service_key.iter().map(|(key, _)| Way::ServiceKey(key));
        let ways: Vec<Way<'_>> = self.passphrase.iter().map(Way::Passphrase).chain(service_key).collect();
        Ok(Vault::create(vault, document, &ways)?)
    }
}
