//! `mss sandbox`: the words, and how to reach the operator.

use std::io;

use schemars::JsonSchema;
use serde::Serialize;

use super::diagnosis::Diagnosis;
use super::environment::Environment;
use super::globals::Globals;
use super::output::Output;
use super::session::Session;
use super::status::Status;
use crate::sandbox::{Operator, Options, Person, fault_help};

/// Keep a whole compliant operator running on loopback, for trying and testing
///
/// Submission, mailboxes, directory and signed list, with throw-away identities. Prints hosts, ports, the trust file,
/// identities and one-time-code seeds, then serves until it is stopped. State is kept between runs. Mail
/// for addresses elsewhere goes nowhere: it is taken as if it were relayed, and kept with the rest.
///
/// To try certificates of your own, lay files beside its state: shown/PROFILE.pem is what the directory shows for a mailbox,
/// and what is in served/ can be had over HTTP from where the revocation lists are.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print how to reach it as environment lines (MSS_SANDBOX_...) for a shell or a test program
    #[arg(long)]
    pub env: bool,
    /// Port of submission with STARTTLS; 0 lets the system choose
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub submission_port: u16,
    /// Port of the mailbox with STARTTLS; 0 lets the system choose
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub mailbox_port: u16,
    /// List the faults that --fault offers, and end
    #[arg(long)]
    pub list_faults: bool,
}

/// How to reach the operator, for programs.
#[derive(Serialize, JsonSchema)]
pub(super) struct SandboxLine<'a> {
    schema: &'static str,
    host: &'a str,
    submission_starttls: u16,
    submission_tls: u16,
    mailbox_starttls: u16,
    mailbox_tls: u16,
    directory: &'a str,
    /// The value of the header ESANTE-API-KEY.
    api_key: &'a str,
    /// The FHIR extension under which the directory shows certificates.
    certificate_extension: &'a str,
    white_list: &'a str,
    white_list_signer: &'a str,
    revocation_lists: &'a [String],
    /// The provider of access tokens; the client is called like the profile that consents.
    issuer: &'a str,
    /// A PEM file with the authorities to trust.
    trust_file: String,
    identities: Vec<IdentityLine<'a>>,
}

/// A stage at which a fault strikes, or what may go wrong there.
#[derive(Serialize, JsonSchema)]
pub(super) struct FaultLine {
    schema: &'static str,
    fault: &'static str,
    meaning: &'static str,
}

/// One mailbox and all that its holder needs. The keys are throw-away.
#[derive(Serialize, JsonSchema)]
pub(super) struct IdentityLine<'a> {
    profile: &'a str,
    address: &'a str,
    label: &'a str,
    kind: &'a str,
    rpps: Option<&'a str>,
    finess: Option<&'a str>,
    /// `password-totp` (the code appended to the password) or `certificate` (SASL EXTERNAL).
    sign_in: &'a str,
    password: &'a str,
    totp_seed: &'a str,
    certificate_file: Option<String>,
    key_file: Option<String>,
}

/// Starts the operator, prints how to reach it, serves until the process is stopped.
pub(super) fn run(
    args: &Args,
    globals: &Globals,
    environment: &Environment,
    output: &Output,
) -> Result<Status, Diagnosis> {
    if args.list_faults {
        for (fault, meaning) in fault_help() {
            if output.json {
                output.json(&FaultLine { schema: "mss.sandbox-fault/1", fault, meaning })?;
            } else {
                output.line(format_args!("{fault}\n    {meaning}"))?;
            }
        }
        return Ok(Status::Done);
    }
    let mut session = Session::bare(globals, environment, output)?;
    session.start_sandbox(|state, clock| {
        let mut options = Options::new(state, clock);
        options.ports.submission_starttls = args.submission_port;
        options.ports.mailbox_starttls = args.mailbox_port;
        options
    })?;
    let sandbox = session.sandbox.as_ref().ok_or_else(|| Diagnosis::of(Status::Bug, "sandbox", "it did not start"))?;
    tell(args, output, sandbox.operator())?;
    loop {
        // The threads of the operator do the work; a signal ends the process, and its state is on disk at any moment.
        std::thread::park();
    }
}

fn tell(args: &Args, output: &Output, operator: &Operator) -> io::Result<()> {
    if output.json {
        output.json(&line(operator))
    } else if args.env {
        environment_lines(output, operator)
    } else {
        text(output, operator)
    }
}

fn line(operator: &Operator) -> SandboxLine<'_> {
    SandboxLine {
        schema: "mss.sandbox/1",
        host: operator.host,
        submission_starttls: operator.ports.submission_starttls,
        submission_tls: operator.ports.submission_tls,
        mailbox_starttls: operator.ports.mailbox_starttls,
        mailbox_tls: operator.ports.mailbox_tls,
        directory: &operator.directory_url,
        api_key: operator.api_key.expose(),
        certificate_extension: operator.certificate_extension,
        white_list: &operator.list_url,
        white_list_signer: operator.list_signer,
        revocation_lists: &operator.crl_urls,
        issuer: &operator.issuer,
        trust_file: operator.trust_file.display().to_string(),
        identities: operator.people.iter().map(identity).collect(),
    }
}

fn identity(person: &Person) -> IdentityLine<'_> {
    IdentityLine {
        profile: &person.profile,
        address: person.address.as_str(),
        label: &person.label,
        kind: person.kind.as_str(),
        rpps: person.rpps,
        finess: person.finess,
        sign_in: sign_in(person),
        password: person.password.expose(),
        totp_seed: person.totp_seed.expose(),
        certificate_file: person.certificate_file.as_ref().map(|path| path.display().to_string()),
        key_file: person.key_file.as_ref().map(|path| path.display().to_string()),
    }
}

fn sign_in(person: &Person) -> &'static str {
    match person.signin {
        crate::sandbox::Signin::PasswordTotp => "password-totp",
        crate::sandbox::Signin::Certificate => "certificate",
    }
}

fn text(output: &Output, operator: &Operator) -> io::Result<()> {
    let ports = operator.ports;
    let host = operator.host;
    output.line(format_args!(
        "submission   {host}:{} STARTTLS, {host}:{} TLS",
        ports.submission_starttls, ports.submission_tls
    ))?;
    output.line(format_args!(
        "mailbox      {host}:{} STARTTLS, {host}:{} TLS",
        ports.mailbox_starttls, ports.mailbox_tls
    ))?;
    output.line(format_args!(
        "directory    {} (ESANTE-API-KEY: {})",
        operator.directory_url,
        operator.api_key.expose()
    ))?;
    output.line(format_args!("white list   {} signed by {}", operator.list_url, operator.list_signer))?;
    output.line(format_args!("revocation   {}", operator.crl_urls.join(" ")))?;
    output.line(format_args!("tokens       {} (client: the name of a profile)", operator.issuer))?;
    output.line(format_args!("trust        {}", operator.trust_file.display()))?;
    output.line("")?;
    for person in &operator.people {
        output.line(format_args!("{} ({}, {})", person.address, person.kind.as_str(), person.label))?;
        let codes = format!("password {} one-time-code seed {}", person.password.expose(), person.totp_seed.expose());
        output.line(format_args!("  signs in by {}; {codes}", sign_in(person)))?;
        if let (Some(certificate), Some(key)) = (&person.certificate_file, &person.key_file) {
            output.line(format_args!("  certificate {}", certificate.display()))?;
            output.line(format_args!("  key         {}", key.display()))?;
        }
    }
    output.note("serving until it is stopped");
    Ok(())
}

fn environment_lines(output: &Output, operator: &Operator) -> io::Result<()> {
    let ports = operator.ports;
    let mut lines = vec![
        ("HOST".to_owned(), operator.host.to_owned()),
        ("SUBMISSION_STARTTLS_PORT".to_owned(), ports.submission_starttls.to_string()),
        ("SUBMISSION_TLS_PORT".to_owned(), ports.submission_tls.to_string()),
        ("MAILBOX_STARTTLS_PORT".to_owned(), ports.mailbox_starttls.to_string()),
        ("MAILBOX_TLS_PORT".to_owned(), ports.mailbox_tls.to_string()),
        ("DIRECTORY".to_owned(), operator.directory_url.clone()),
        ("API_KEY".to_owned(), operator.api_key.expose().clone()),
        ("CERTIFICATE_EXTENSION".to_owned(), operator.certificate_extension.to_owned()),
        ("WHITE_LIST".to_owned(), operator.list_url.clone()),
        ("WHITE_LIST_SIGNER".to_owned(), operator.list_signer.to_owned()),
        ("REVOCATION_LISTS".to_owned(), operator.crl_urls.join(" ")),
        ("ISSUER".to_owned(), operator.issuer.clone()),
        ("TRUST_FILE".to_owned(), operator.trust_file.display().to_string()),
    ];
    for person in &operator.people {
        let name: String = person
            .profile
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        lines.push((format!("{name}_ADDRESS"), person.address.to_string()));
        lines.push((format!("{name}_PASSWORD"), person.password.expose().clone()));
        lines.push((format!("{name}_TOTP_SEED"), person.totp_seed.expose().clone()));
        if let (Some(certificate), Some(key)) = (&person.certificate_file, &person.key_file) {
            lines.push((format!("{name}_CERTIFICATE_FILE"), certificate.display().to_string()));
            lines.push((format!("{name}_KEY_FILE"), key.display().to_string()));
        }
    }
    for (name, value) in lines {
        output.line(format_args!("MSS_SANDBOX_{name}='{}'", value.replace('\'', "'\\''")))?;
    }
    Ok(())
}
