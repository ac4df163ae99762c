//! One profile ready for work: its settings, its trust, its keys, and the rooms that work for it.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::connections;
use super::error::Error;
use super::keys::{identity_of, signin_identity_of};
use super::submission::Limits;
use super::world::World;
use crate::directory::Fhir;
use crate::fs;
use crate::inbox::Inbox;
use crate::mail::{Address, Mailbox};
use crate::net::{Dialer, Endpoint, HttpClient, KeptLists, Security};
use crate::outbox::Outbox;
use crate::pace::Rate;
use crate::pki::{Certificate, Identity, Purpose, TrustAnchors, serves};
use crate::readers::Readers;
use crate::signin;
use crate::smtp::Notify;
use crate::trace::Trace;
use crate::vault::{self, Profile, Space};

/// One profile ready for work.
pub struct Account<'a> {
    pub name: &'a str,
    pub profile: &'a Profile,
    pub world: World<'a>,
    anchors: TrustAnchors,
    space: Space,
    on_trial: bool,
    /// The certificates of servers whose end was told.
    told_to_end: RefCell<BTreeSet<[u8; 32]>>,
    dialer: OnceCell<Dialer>,
    /// The way to web servers: the certificate of the sign-in is shown to the mail servers only.
    web: OnceCell<Dialer>,
    identity: OnceCell<Option<Identity>>,
    trace: OnceCell<Trace>,
    /// How it signs in, made when that is first needed: what needs no sign-in works without.
    pub(super) method: RefCell<Option<signin::Method>>,
    /// The way to the provider of access tokens.
    pub(super) provider: OnceCell<Dialer>,
    /// Whether this run was started to have a person consent: then no terminal is needed for it.
    pub(super) starts: Cell<bool>,
    interrupts: OnceCell<Arc<AtomicBool>>,
}

impl<'a> Account<'a> {
    /// Reads what the profile trusts. Keys, network and files are touched when they are first needed.
    pub fn new(name: &'a str, profile: &'a Profile, world: World<'a>) -> Result<Account<'a>, Error> {
        let anchors = TrustAnchors::from_pem(profile.trust.anchors.as_bytes())
            .map_err(|source| Error::Anchors { profile: name.to_owned(), source })?;
        Ok(Account {
            name,
            profile,
            world,
            space: connections::space(profile, &anchors)?,
            anchors,
            on_trial: false,
            told_to_end: RefCell::default(),
            dialer: OnceCell::new(),
            identity: OnceCell::new(),
            trace: OnceCell::new(),
            web: OnceCell::new(),
            method: RefCell::new(None),
            provider: OnceCell::new(),
            starts: Cell::new(false),
            interrupts: OnceCell::new(),
        })
    }

    /// The same for a profile that is only tried: nothing that is learned of servers is kept.
    pub fn on_trial(self) -> Account<'a> {
        Account { on_trial: true, ..self }
    }

    /// Whether the profile is only tried.
    pub(super) fn is_on_trial(&self) -> bool {
        self.on_trial
    }

    /// Which world the profile works in.
    pub fn space(&self) -> Space {
        self.space
    }

    /// The mailbox of the profile.
    pub fn address(&self) -> &Address {
        &self.profile.address
    }

    /// The mailbox with its label, as it stands in From.
    pub fn mailbox(&self) -> Mailbox {
        Mailbox { label: self.profile.label.clone(), address: self.profile.address.clone() }
    }

    /// The authorities the profile trusts, and no others.
    pub fn anchors(&self) -> &TrustAnchors {
        &self.anchors
    }

    /// The folder of what this profile keeps.
    pub fn state(&self) -> Result<PathBuf, Error> {
        let dir = self.world.places.state.join(self.name);
        fs::private_dir(&dir)?;
        Ok(dir)
    }

    /// The folder for what is being sealed or opened.
    pub fn spool(&self) -> Result<PathBuf, Error> {
        let dir = self.state()?.join("spool");
        fs::private_dir(&dir)?;
        Ok(dir)
    }

    /// The same, without what killed runs left in it.
    pub(super) fn clean_spool(&self) -> Result<PathBuf, Error> {
        let dir = self.spool()?;
        fs::sweep_staged(&dir, self.world.clock.now())?;
        Ok(dir)
    }

    /// Opens connections under the profile's trust; with the client certificate where it signs in by one.
    pub fn dialer(&self) -> Result<&Dialer, Error> {
        if let Some(dialer) = self.dialer.get() {
            return Ok(dialer);
        }
        let identity = match self.profile.signin.method {
            vault::Method::Certificate => Some(self.signin_identity()?),
            _ => None,
        };
        let dialer = connections::dialer(self, identity.as_ref())?;
        Ok(self.dialer.get_or_init(|| dialer))
    }

    /// The revocation lists that are kept for those who trust as this profile does.
    pub(super) fn kept_lists(&self) -> KeptLists {
        connections::kept_lists(self)
    }

    /// Tells what was learned of servers since the last time.
    pub(super) fn tell_of_servers(&self) {
        let dialers = [&self.dialer, &self.web, &self.provider].into_iter().filter_map(OnceCell::get);
        for seen in dialers.flat_map(Dialer::sightings) {
            self.world.step(connections::seen(&seen));
            let ending = connections::ending(&seen, self.profile.trust.warn_days);
            let ending = ending.filter(|_| self.told_to_end.borrow_mut().insert(seen.sha256));
            connections::doubt(&seen).into_iter().chain(ending).for_each(|text| self.world.warn(text));
        }
    }

    fn signin_identity(&self) -> Result<Identity, Error> {
        match signin_identity_of(self.name, &self.profile.signin, &self.world)? {
            Some(identity) => Ok(identity),
            None => self.identity()?.cloned().ok_or_else(|| Error::NoKeys { profile: self.name.to_owned() }),
        }
    }

    fn read_identity(&self, certificate: &str, key: &str) -> Result<Identity, Error> {
        Identity::from_pem(certificate.as_bytes(), key.as_bytes())
            .map_err(|source| Error::Keys { profile: self.name.to_owned(), source })
    }

    /// The certificate and key that sign and open, if the profile has them.
    pub fn identity(&self) -> Result<Option<&Identity>, Error> {
        if let Some(identity) = self.identity.get() {
            return Ok(identity.as_ref());
        }
        let keys = self.profile.keys.as_ref();
        let identity = keys.map(|keys| identity_of(self.name, keys, &self.world)).transpose()?;
        Ok(self.identity.get_or_init(|| identity).as_ref())
    }

    /// The certificate and key to sign with.
    pub fn signer(&self) -> Result<&Identity, Error> {
        self.identity()?.ok_or_else(|| Error::NoKeys { profile: self.name.to_owned() })
    }

    /// Every key that may open a message: the present one, then older ones.
    pub fn opening_keys(&self) -> Result<Vec<Identity>, Error> {
        let mut keys: Vec<Identity> = self.identity()?.cloned().into_iter().collect();
        for pair in self.profile.keys.iter().flat_map(|keys| &keys.previous) {
            keys.push(self.read_identity(&pair.certificate, pair.key.expose())?);
        }
        Ok(keys)
    }

    /// The certificate that mail is encrypted to for this mailbox: that of its key, or of another pair where that key only
    /// signs. None where no pair is meant for it.
    pub(super) fn own_certificate(&self) -> Result<Option<Certificate>, Error> {
        let now = self.world.clock.now();
        let encrypts = |identity: &Identity| serves(identity.certificate(), Purpose::EmailEncryption, now);
        match self.identity()? {
            Some(identity) if encrypts(identity) => Ok(Some(identity.certificate().clone())),
            _ => Ok(self.opening_keys()?.iter().find(|identity| encrypts(identity)).map(|it| it.certificate().clone())),
        }
    }

    /// How messages are submitted.
    pub(super) fn limits(&self) -> Limits {
        let it = &self.profile.outbox;
        let asked = |word| it.notify.contains(&word);
        Limits {
            jobs: 1,
            batch_jobs: usize::from(it.jobs),
            window: usize::from(it.window),
            pace: it.rate.map_or(Duration::ZERO, Rate::pause),
            expire_after: it.expire_after.signed(),
            notify: Notify {
                success: asked(vault::Notify::Success),
                failure: asked(vault::Notify::Failure),
                delay: asked(vault::Notify::Delay),
            },
            copy_to_self: it.copy_to_self,
            tells: true,
            waits: false,
        }
    }

    /// Whether there is something to sign and open with.
    pub(super) fn has_keys(&self) -> bool {
        self.profile.keys.is_some()
    }

    /// Whether the user asked to stop. From the first question on, an interruption is heard instead of ending the program.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupts.get_or_init(self.world.interrupts).load(Ordering::Relaxed)
    }

    /// Whether each session needs a one-time code of its own.
    pub(super) fn signs_in_by_code(&self) -> bool {
        self.profile.signin.method == vault::Method::PasswordTotp
    }

    /// Where messages are submitted.
    pub fn submission(&self) -> Endpoint {
        let it = &self.profile.submission;
        Endpoint { host: it.host.clone(), port: it.port, security: security(it.security) }
    }

    /// Where messages are read.
    pub fn mail_server(&self) -> Endpoint {
        let it = &self.profile.mailbox;
        Endpoint { host: it.host.clone(), port: it.port, security: security(it.security) }
    }

    /// Web requests under the profile's trust.
    pub fn http(&self) -> Result<HttpClient, Error> {
        if let Some(web) = self.web.get() {
            return Ok(HttpClient::new(web.clone()));
        }
        let web = connections::dialer(self, None)?;
        Ok(HttpClient::new(self.web.get_or_init(|| web).clone()))
    }

    /// The directory of the space.
    pub fn directory(&self) -> Result<Fhir, Error> {
        let it = &self.profile.directory;
        Ok(Fhir::new(self.http()?, &it.url, it.api_key.clone(), it.certificate_extension.clone(), self.world.clock)?)
    }

    /// The last sign-in that succeeded, if there is a trace at all. Looking does not make one.
    pub(super) fn last_sign_in(&self) -> Result<Option<Timestamp>, Error> {
        if !fs::exists(&self.state()?.join("trace")) {
            return Ok(None);
        }
        Ok(self.trace()?.last_sign_in(self.address())?)
    }

    /// The journal of what is to be sent.
    pub fn outbox(&self) -> Result<Outbox, Error> {
        Ok(Outbox::open(&self.state()?, &self.profile.storage.sealing_key(), self.world.clock)?)
    }

    /// The same, if anything was ever to be sent. Looking makes no journal.
    pub(super) fn known_outbox(&self) -> Result<Option<Outbox>, Error> {
        if fs::exists(&self.state()?.join("outbox.db")) { self.outbox().map(Some) } else { Ok(None) }
    }

    /// The journal of what was fetched.
    pub fn inbox(&self) -> Result<Inbox, Error> {
        Ok(Inbox::open(&self.state()?, &self.profile.storage.sealing_key())?)
    }

    /// What the programs of correspondents open, if their mail ever said anything of it. Looking makes no journal.
    pub(super) fn known_readers(&self) -> Result<Option<Readers>, Error> {
        if Readers::exist(&self.state()?) { self.readers().map(Some) } else { Ok(None) }
    }

    /// The journal of what the programs of correspondents open.
    pub(super) fn readers(&self) -> Result<Readers, Error> {
        Ok(Readers::open(&self.state()?, &self.profile.storage.sealing_key())?)
    }

    /// Whether anything was traced in this run.
    pub(super) fn trace_is_open(&self) -> bool {
        self.trace.get().is_some()
    }

    /// The tamper-evident log.
    pub fn trace(&self) -> Result<&Trace, Error> {
        if let Some(trace) = self.trace.get() {
            return Ok(trace);
        }
        let storage = &self.profile.storage;
        let dir = self.state()?.join("trace");
        let trace = Trace::open(&dir, &storage.sealing_key(), &storage.trace_signing_key, self.world.clock)?;
        Ok(self.trace.get_or_init(|| trace))
    }
}

fn security(it: vault::Security) -> Security {
    match it {
        vault::Security::Starttls => Security::StartTls,
        vault::Security::Implicit => Security::Implicit,
    }
}
