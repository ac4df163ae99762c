//! How the servers of a profile are reached: whom it believes, through which proxy, and what is told of what was found there.

use std::path::PathBuf;

use super::account::Account;
use super::error::Error;
use crate::fs;
use crate::net::{
    Dialer, KeptLists, Proxy, ProxyError, Revocation, RevocationPolicy, Setup, Sighting, SystemRoots, Verdict,
};
use crate::pki::{Identity, TrustAnchors};
use crate::vault::{Profile, RevocationRule, Space};

/// Most octets of the list of authorities that a system keeps.
const SYSTEM_ROOTS_LIMIT: u64 = 8 << 20;

/// The world a profile works in: the one it names, or the one its anchors speak of. An authority for tests vouches for nobody
/// in the trusted space itself: its keys lie about.
pub(super) fn space(profile: &Profile, anchors: &TrustAnchors) -> Result<Space, Error> {
    let space = profile.trust.space.unwrap_or_else(|| Space::of(anchors));
    match anchors.for_tests() {
        Some(name) if space == Space::Production => Err(Error::TestAuthority { name }),
        _ => Ok(space),
    }
}

/// Opens connections under the profile's trust, with this certificate where it signs in by one.
pub(super) fn dialer(account: &Account<'_>, identity: Option<&Identity>) -> Result<Dialer, Error> {
    let trust = &account.profile.trust;
    let policy = match trust.revocation.unwrap_or_else(|| account.space().usual_revocation()) {
        RevocationRule::Require => RevocationPolicy::Require,
        RevocationRule::IfReachable => RevocationPolicy::IfReachable,
        RevocationRule::Off => RevocationPolicy::Off,
    };
    let kept = (!account.is_on_trial()).then(|| account.kept_lists());
    Ok(Dialer::of(Setup {
        anchors: account.anchors(),
        identity,
        clock: account.world.clock,
        timeouts: account.profile.timeouts.of_connection(),
        system_roots: trust.system_roots.then(|| system_roots(account)).transpose()?,
        revocation: Some(Revocation { policy, lists: trust.crl.clone(), kept }),
        proxy: proxy(account)?,
    })?)
}

/// The revocation lists that are kept for those who trust as this profile does.
pub(super) fn kept_lists(account: &Account<'_>) -> KeptLists {
    KeptLists::new(&account.world.places.cache, account.anchors())
}

/// In the trusted space, servers of mail are those that its own authorities vouch for (ECO.1.1.10); a directory or a service
/// that signs people in may stand outside of it.
fn system_roots(account: &Account<'_>) -> Result<SystemRoots, Error> {
    let tried = &account.world.places.system_roots;
    let missing = || Error::SystemRoots { tried: tried.clone() };
    let place: &PathBuf = tried.iter().find(|path| fs::exists(path)).ok_or_else(missing)?;
    let anchors = TrustAnchors::from_system_bundle(&fs::read_bounded(place, SYSTEM_ROOTS_LIMIT)?);
    if anchors.is_empty() {
        return Err(missing());
    }
    Ok(SystemRoots { anchors, for_mail: account.space() != Space::Production })
}

fn proxy(account: &Account<'_>) -> Result<Option<Proxy>, Error> {
    let it = &account.profile.proxy;
    let Some(url) = &it.url else { return Ok(None) };
    let proxy: Proxy = url.parse::<Proxy>()?.leaving_out(it.except.clone());
    let Some(user) = &it.user else {
        // A password without a name was meant to be sent.
        let meant = it.password.is_some() || it.password_command.is_some();
        return if meant { Err(ProxyError::User.into()) } else { Ok(Some(proxy)) };
    };
    let password = match (&it.password, &it.password_command) {
        (Some(password), _) => password.clone(),
        (None, Some(command)) => {
            (account.world.output_of)(command).map_err(|why| Error::ProxyPasswordCommand { why })?
        }
        (None, None) => {
            let question = format!("password of {user} for {proxy}");
            account.world.prompt.secret(&question, "proxy.password or proxy.password-command")?
        }
    };
    Ok(Some(proxy.signing_in(user, password)?))
}

/// What a server was found to be, in one line.
pub(super) fn seen(it: &Sighting) -> String {
    let revocation = match &it.verdict {
        Some(Verdict::Cleared { by }) if by.is_empty() => String::new(),
        Some(Verdict::Cleared { by }) => format!("; not revoked, says {by}"),
        Some(Verdict::Unknown { why, .. }) => format!("; nothing tells whether it was revoked: {why}"),
        None => "; nobody was asked whether it was revoked".to_owned(),
    };
    format!("{}: {}, {}; the certificate has {} days left{revocation}", it.endpoint, it.version, it.suite, it.days_left)
}

/// What its users should know although the work goes on.
pub(super) fn doubt(it: &Sighting) -> Option<String> {
    match &it.verdict {
        Some(Verdict::Unknown { why, named: true }) => Some(format!(
            "nothing tells whether the certificate of {} was revoked: {why}; it is used all the same, as trust.revocation says",
            it.endpoint
        )),
        _ => None,
    }
}

/// A certificate that soon expires.
pub(super) fn ending(it: &Sighting, warn_days: u32) -> Option<String> {
    (it.days_left < i64::from(warn_days)).then(|| {
        let date = it.not_after.strftime("%Y-%m-%d");
        format!(
            "the certificate of {} expires in {} days, on {date}: its operator has to renew it",
            it.endpoint, it.days_left
        )
    })
}
