//! Words in, words out: the only room that prints.

mod advice;
mod audit;
mod batch;
mod config;
mod demo;
mod diagnosis;
mod discovered;
mod discovered_lines;
mod environment;
mod fetch;
mod globals;
mod hints;
mod index_advice;
mod init;
mod interrupts;
mod keys;
mod lookup;
pub mod manual;
mod outbox;
mod output;
mod pair;
mod purge_check;
mod reaching;
mod safe;
mod sandbox;
mod sandboxed;
mod schema;
mod send;
mod service;
mod session;
mod sign_in;
mod signin;
mod signin_advice;
pub mod status;
mod terminal;
mod token_advice;
mod unlock;
mod words;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use diagnosis::Diagnosis;
pub use environment::Environment;
use output::Output;
use session::Session;
use status::Status;
use words::{Verb, Words};

/// The whole command line, for completions and manual pages.
pub fn command() -> clap::Command {
    Words::command()
}

/// Understands the words, does what they say, tells the outcome; the number is the exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> u8 {
    forbid_core_dumps();
    #[cfg(debug_assertions)]
    environment.text("MSS_KILL_AT").into_iter().for_each(crate::process::choose);
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let words = match Words::try_parse_from(&arguments) {
        Ok(words) => words,
        Err(error) => return misunderstood(&error, &arguments),
    };
    let output = Output::new(&words.globals);
    let status = match guarded(|| act(words, environment, &output)) {
        Ok(status) => status,
        Err(diagnosis) => {
            diagnosis.tell(&output);
            diagnosis.status
        }
    };
    status.code()
}

/// A fault of ours ends with the status that is promised for it, on whatever thread it came to light.
fn guarded<T>(deed: impl FnOnce() -> Result<T, Diagnosis>) -> Result<T, Diagnosis> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(deed)).unwrap_or_else(|_| {
        Err(Diagnosis::of(Status::Bug, "bug", "a fault of this program stopped it").hint(
            "report the lines above; what was queued or stored stays so, and the same command goes on from there",
        ))
    })
}

fn act(words: Words, environment: &Environment, output: &Output) -> Result<Status, Diagnosis> {
    let globals = &words.globals;
    if !globals.fault.is_empty() && !globals.sandbox && !matches!(words.verb, Verb::Sandbox(_) | Verb::Demo(_)) {
        return Err(Diagnosis::of(Status::Usage, "fault", "only the sandbox misbehaves on demand")
            .hint("add --sandbox, or leave --fault out"));
    }
    match words.verb {
        // These two need no profile.
        Verb::Config(config::Args { deed: config::Deed::Schema { name } }) => config::schema(name.as_deref(), output),
        Verb::Sandbox(args) => sandbox::run(&args, globals, environment, output),
        Verb::Demo(_) => demo::run(globals, environment, output),
        Verb::Init(args) => init::run(&args, &Session::bare(globals, environment, output)?),
        Verb::Config(args) => config::run(args, globals, environment, output),
        Verb::Send(args) => send::run(&args, &Session::open(globals, environment, output)?),
        Verb::Fetch(args) => fetch::run(&args, &Session::open(globals, environment, output)?),
        Verb::Lookup(args) => lookup::run(&args, &Session::open(globals, environment, output)?),
        Verb::PurgeCheck(args) => purge_check::run(&args, &Session::open(globals, environment, output)?),
        Verb::Audit(args) => audit::run(&args, &Session::open(globals, environment, output)?),
        Verb::Outbox(args) => outbox::run(&args, &Session::open(globals, environment, output)?),
        Verb::Signin(args) => signin::run(&args, &Session::open(globals, environment, output)?),
    }
}

/// Help and version are answers; anything else the parser says is a usage error, in JSON where that was asked for.
fn misunderstood(error: &clap::Error, arguments: &[OsString]) -> u8 {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let json = arguments.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    if json && !asked {
        Diagnosis::misunderstood(error).tell(&Output::json_only());
    } else {
        // Where even this cannot be written there is nobody left to tell.
        let _ = error.print();
    }
    if asked { Status::Done.code() } else { Status::Usage.code() }
}

/// A dump of this process would hold keys and messages. The limit alone does not hold where the system pipes dumps to a
/// program (core(5)).
fn forbid_core_dumps() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    // A system that refuses to lower a limit leaves nothing better to do.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_ours_has_its_status_on_whatever_thread_it_is() {
        let here = guarded(|| -> Result<(), Diagnosis> { std::panic::resume_unwind(Box::new("a fault")) });
        let beside = guarded(|| {
            std::thread::scope(|scope| drop(scope.spawn(|| std::panic::resume_unwind(Box::new("a fault")))));
            Ok(())
        });
        for ended in [here, beside] {
            assert_eq!(ended.map_err(|diagnosis| diagnosis.status).unwrap_err(), Status::Bug);
        }
    }
}
