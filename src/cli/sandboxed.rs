//! From the sandbox's description of itself to the profiles of its users, as if each had made one with `mss init`.

use std::collections::BTreeMap;

use crate::sandbox::{Operator, Person, Signin};
use crate::secret::{SealingKey, Secret};
use crate::vault::{
    Config, Directory, Fetch, Keys, Mailbox, Method, Outbox, Profile, Proxy, Retention, RevocationRule, Security,
    SignIn, Storage, Submission, Timeouts, Trust, UnknownReader, WhiteListSource,
};

/// The configuration of everybody in the sandbox; the laboratory is the default profile.
pub(super) fn config(operator: &Operator) -> Config {
    let profiles: BTreeMap<String, Profile> =
        operator.people.iter().map(|person| (person.profile.clone(), profile(operator, person))).collect();
    Config { version: 1, default_profile: operator.people.first().map(|person| person.profile.clone()), profiles }
}

fn profile(operator: &Operator, person: &Person) -> Profile {
    let keys = person.certificate_pem.clone().zip(person.key_pem.clone());
    Profile {
        address: person.address.clone(),
        label: Some(person.label.clone()),
        author: person.author.clone().unwrap_or_else(|| "patient".to_owned()),
        submission: Submission {
            host: operator.host.to_owned(),
            port: operator.ports.submission_starttls,
            security: Security::Starttls,
        },
        mailbox: Mailbox::at(operator.host.to_owned(), operator.ports.mailbox_starttls, Security::Starttls),
        directory: Directory {
            url: operator.directory_url.clone(),
            api_key: Some(operator.api_key.clone()),
            certificate_extension: Some(operator.certificate_extension.to_owned()),
        },
        list: WhiteListSource { url: operator.list_url.clone(), signer: operator.list_signer.to_owned() },
        trust: Trust {
            // The authorities of the sandbox publish lists, as those of the space do.
            revocation: Some(RevocationRule::Require),
            ..Trust::of(operator.trust_pem.clone(), operator.crl_urls.clone())
        },
        proxy: Proxy::default(),
        signin: SignIn {
            password: Some(person.password.clone()),
            totp_seed: Some(person.totp_seed.clone()),
            ..SignIn::by(match person.signin {
                Signin::PasswordTotp => Method::PasswordTotp,
                Signin::Certificate => Method::Certificate,
            })
        },
        keys: keys.map(|(certificate, key)| Keys::of_pem(certificate, key)),
        storage: storage(&person.storage_seed),
        unknown_reader: UnknownReader::default(),
        readers: Vec::new(),
        outbox: Outbox::default(),
        timeouts: Timeouts::default(),
        fetch: Fetch::default(),
        retention: Retention::default(),
    }
}

/// The storage keys of a person: always the same, so that what was sealed in one run opens in the next.
fn storage(seed: &Secret<[u8; 32]>) -> Storage {
    let seed = SealingKey::new(seed.clone());
    Storage {
        key: Secret::new(seed.keyed_digest(b"storage.key")),
        trace_signing_key: Secret::new(seed.keyed_digest(b"storage.trace-signing-key")),
    }
}
