//! One run of the program: the configuration it found or made up, somebody to ask, a place to answer.

use std::path::PathBuf;

use super::diagnosis::Diagnosis;
use super::environment::Environment;
use super::globals::Globals;
use super::interrupts;
use super::output::Output;
use super::safe::Safe;
use super::status::Status;
use super::terminal::Terminal;
use super::{sandboxed, unlock};
use crate::clock::Clock;
use crate::commands::{Account, Error, Places, Told, World};
use crate::sandbox::{Fault, Options, Sandbox};
use crate::secret::{NoPrompt, Prompt, Secret};
use crate::vault::Config;

/// What every verb needs.
pub(super) struct Session<'a> {
    pub globals: &'a Globals,
    pub environment: &'a Environment,
    pub output: &'a Output,
    pub places: Places,
    pub clock: Clock,
    pub prompt: Box<dyn Prompt>,
    /// Whether there is somebody at a terminal to ask.
    pub can_ask: bool,
    pub config: Option<Config>,
    /// The access token of `--token-fd`.
    token: Option<Secret<String>>,
    /// The operator of `--sandbox`; it serves as long as the session lasts.
    pub sandbox: Option<Sandbox>,
    tell: Box<dyn Fn(Told) + 'a>,
}

impl<'a> Session<'a> {
    /// A session without a configuration, for the verbs that make one.
    pub(super) fn bare(
        globals: &'a Globals,
        environment: &'a Environment,
        output: &'a Output,
    ) -> Result<Session<'a>, Diagnosis> {
        let places = environment.places().ok_or_else(Diagnosis::no_home)?;
        let terminal = Terminal::find().filter(|_| !globals.no_input);
        let can_ask = terminal.is_some();
        let prompt: Box<dyn Prompt> = match terminal {
            Some(terminal) => Box::new(terminal),
            None => Box::new(NoPrompt),
        };
        let tell = Box::new(move |told: Told| match told {
            // Answers of servers are among them.
            Told::Step(text) => output.step(1, Safe(text)),
            Told::Detail(text) => output.step(2, Safe(text)),
            Told::Warning(text) => output.warning(Safe(text)),
        });
        let (clock, config, sandbox) = (Clock::System, None, None);
        // Read at once: what another descriptor gives may come from the same process, in this order.
        let token = globals.token_fd.map(unlock::read_token).transpose()?;
        Ok(Session { globals, environment, output, places, clock, prompt, can_ask, config, token, sandbox, tell })
    }

    /// A session with the configuration of the vault, or of the sandbox.
    pub(super) fn open(
        globals: &'a Globals,
        environment: &'a Environment,
        output: &'a Output,
    ) -> Result<Session<'a>, Diagnosis> {
        let mut session = Session::bare(globals, environment, output)?;
        if globals.sandbox {
            session.start_sandbox(Options::new)?;
        } else {
            let vault = unlock::open(&session)?;
            session.config = Some(unlock::overridden(&session, vault.document())?);
        }
        Ok(session)
    }

    /// Starts an operator inside this process; its state and that of its users live below `sandbox`.
    pub(super) fn start_sandbox(&mut self, options: impl FnOnce(PathBuf, Clock) -> Options) -> Result<(), Diagnosis> {
        self.clock = self.environment.sandbox_clock().map_err(Diagnosis::clock)?;
        let home = self.places.state.join("sandbox");
        let mut options = options(home.join("operator"), self.clock);
        for text in &self.globals.fault {
            let fault: Fault = text.parse().map_err(|error| Diagnosis::fault(text, error))?;
            options.faults.push(fault);
        }
        let sandbox = Sandbox::start(options).map_err(Diagnosis::sandbox)?;
        self.config = Some(unlock::overridden_in_sandbox(self, sandboxed::config(sandbox.operator()))?);
        self.places.cache = self.places.cache.join("sandbox");
        self.places.state = home;
        self.sandbox = Some(sandbox);
        Ok(())
    }

    /// What stories are given from outside.
    pub(super) fn world(&self) -> World<'_> {
        World {
            clock: self.clock,
            prompt: self.prompt.as_ref(),
            tell: &self.tell,
            places: &self.places,
            interrupts: interrupts::heard,
            output_of: unlock::output_of,
            token: self.token.as_ref(),
        }
    }

    /// The chosen profile, ready for work.
    pub(super) fn account(&self) -> Result<Account<'_>, Diagnosis> {
        self.account_named(self.globals.profile.as_deref())
    }

    /// Works as the chosen profile; whatever comes of it, what was traced is signed.
    pub(super) fn with_account(
        &self,
        work: impl FnOnce(&Account<'_>) -> Result<Status, Diagnosis>,
    ) -> Result<Status, Diagnosis> {
        let account = self.account()?;
        let done = work(&account);
        let signed = account.sign_off().map_err(Diagnosis::from);
        done.and_then(|status| signed.map(|()| status))
    }

    /// A profile by name, or the default one.
    pub(super) fn account_named(&self, name: Option<&str>) -> Result<Account<'_>, Diagnosis> {
        let config =
            self.config.as_ref().ok_or_else(|| Diagnosis::of(Status::Bug, "no-config", "no configuration was read"))?;
        let (name, profile) = config.profile(name).ok_or_else(|| Error::NoProfile {
            name: name.or(config.default_profile.as_deref()).map(str::to_owned),
            known: config.profiles.keys().cloned().collect(),
        })?;
        Ok(Account::new(name, profile, self.world())?)
    }

    /// Every profile, ready for work.
    pub(super) fn accounts(&self) -> Result<Vec<Account<'_>>, Diagnosis> {
        let names = self.config.iter().flat_map(|config| config.profiles.keys());
        names.map(|name| self.account_named(Some(name))).collect()
    }
}
