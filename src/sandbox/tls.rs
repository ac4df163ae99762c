//! What the TLS servers of the operator show and ask for: a certificate made at each start, and clients' certificates.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};

use super::SandboxError;
use super::authority::{
    Authority, Branch, DAY, Leaf, OPERATOR_DEPARTMENT, OPERATOR_IDNST, OPERATOR_NAME, OPERATOR_ORGANISATION, Validity,
    certificate_der, ia5, organisation,
};
use super::faults::{Action, Fault, ServerCertificate};
use crate::clock::Clock;

/// The TLS settings of the servers, one for each certificate they may have to show.
pub(super) struct ServerConfigs {
    good: Arc<ServerConfig>,
    others: Vec<(ServerCertificate, Arc<ServerConfig>)>,
}

impl ServerConfigs {
    /// Makes the good one, and those that the faults ask for.
    pub fn new(authority: &Authority, faults: &[Fault], list: &str) -> Result<ServerConfigs, SandboxError> {
        let mut others = Vec::new();
        for fault in faults {
            if let Action::Certificate(which) = fault.action {
                others.push((which, server_config(authority, which, list)?));
            }
        }
        Ok(ServerConfigs { good: server_config(authority, ServerCertificate::Good, list)?, others })
    }

    /// The settings that show a certificate; the good one stands in for one that no fault announced.
    pub fn get(&self, which: ServerCertificate) -> Arc<ServerConfig> {
        let other = self.others.iter().find(|(name, _)| *name == which);
        Arc::clone(other.map_or(&self.good, |(_, config)| config))
    }
}

/// A TLS server with a key and certificate made for this run. It asks for a client certificate and accepts a session
/// without one; one it is shown must come from the authority and be in force. Its own says where the list is that tells of it.
pub(super) fn server_config(
    authority: &Authority,
    which: ServerCertificate,
    list: &str,
) -> Result<Arc<ServerConfig>, SandboxError> {
    let key = KeyPair::generate()?;
    let now = authority.clock().now();
    let mut leaf = server_leaf(now);
    match which {
        ServerCertificate::Good | ServerCertificate::Foreign | ServerCertificate::Revoked => {}
        ServerCertificate::Expired => leaf.validity = Validity { from: now - 365 * DAY, until: now - DAY },
        ServerCertificate::WrongName => leaf.names = vec![SanType::DnsName(ia5("autre.sandbox"))],
    }
    let (leaf, issuing) = match which {
        ServerCertificate::Foreign => {
            let foreign = KeyPair::generate()?;
            let params = Branch::Organisations.params();
            let issuing = params.self_signed(&foreign)?.pem();
            (leaf.params().signed_by(&key, &Issuer::new(params, foreign))?.pem(), issuing)
        }
        _ => {
            let issuing = authority.certificate(Branch::Organisations).to_owned();
            (authority.issue_server(leaf, &key, list, which == ServerCertificate::Revoked)?, issuing)
        }
    };
    let chain = vec![certificate_der(&leaf)?, certificate_der(&issuing)?];
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for branch in [Branch::Root, Branch::Organisations, Branch::Persons] {
        roots.add(certificate_der(authority.certificate(branch))?)?;
    }
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()
        .map_err(SandboxError::authority)?;
    let config = ServerConfig::builder_with_details(provider, Arc::new(OwnTime(authority.clock())))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, private)?;
    Ok(Arc::new(config))
}

fn server_leaf(now: Timestamp) -> Leaf {
    Leaf {
        subject: organisation(OPERATOR_DEPARTMENT, OPERATOR_ORGANISATION, OPERATOR_IDNST, OPERATOR_NAME),
        names: vec![
            SanType::DnsName(ia5(OPERATOR_NAME)),
            SanType::DnsName(ia5("localhost")),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ],
        key_usages: vec![KeyUsagePurpose::DigitalSignature],
        extended_key_usages: vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        validity: Validity { from: now - DAY, until: now + 365 * DAY },
    }
}

/// The time of the sandbox, for checking client certificates.
#[derive(Debug)]
struct OwnTime(Clock);

impl TimeProvider for OwnTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.unix_seconds())))
    }
}
