//! What ties a sign-in to its TLS connection (RFC 5056): `tls-exporter` under TLS 1.3, `tls-server-end-point` under TLS 1.2.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};
use der::Decode;
use rustls::{ClientConnection, ProtocolVersion};
use x509_cert::Certificate;

/// A channel binding: both ends of one connection know it, somebody on the way has another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelBinding {
    /// Its registered name.
    pub name: &'static str,
    /// Its octets.
    pub data: Vec<u8>,
}

impl ChannelBinding {
    /// That of a finished handshake; none where the kind of certificate defines none.
    pub(super) fn of(connection: &ClientConnection) -> Option<ChannelBinding> {
        match connection.protocol_version()? {
            // RFC 9266, section 2: the exporter of TLS 1.3 is always tied to its handshake.
            ProtocolVersion::TLSv1_3 => {
                let data = connection.export_keying_material([0u8; 32], b"EXPORTER-Channel-Binding", Some(b""));
                Some(ChannelBinding { name: "tls-exporter", data: data.ok()?.to_vec() })
            }
            _ => {
                let der = connection.peer_certificates()?.first()?;
                Some(ChannelBinding { name: "tls-server-end-point", data: end_point(der)? })
            }
        }
    }
}

/// RFC 5929, section 4.1: the digest of the certificate by the hash of its signature, and by SHA-256 where that is weaker.
fn end_point(der: &[u8]) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(der).ok()?;
    let algorithm: &'static Algorithm = match certificate.signature_algorithm().oid.to_string().as_str() {
        // RSA with MD5, SHA-1, SHA-256; ECDSA with SHA-1, SHA-256.
        "1.2.840.113549.1.1.4" | "1.2.840.113549.1.1.5" | "1.2.840.113549.1.1.11" => &SHA256,
        "1.2.840.10045.4.1" | "1.2.840.10045.4.3.2" => &SHA256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => &SHA384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => &SHA512,
        // RSASSA-PSS has several hashes, Ed25519 none: undefined.
        _ => return None,
    };
    Some(digest(algorithm, der).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use rcgen::{CertificateParams, KeyPair};
    use rustls::crypto::aws_lc_rs::default_provider;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
    use rustls::version::{TLS12, TLS13};
    use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

    use super::*;

    /// A handshake in memory. Gives both ends and the certificate of the server.
    fn handshake(version: &'static SupportedProtocolVersion) -> (ClientConnection, ServerConnection, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["x.sandbox".to_owned()]).unwrap().self_signed(&key).unwrap();
        let der = certificate.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(der.clone()).unwrap();
        let provider = Arc::new(default_provider());
        let client = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[version]).unwrap();
        let client = client.with_root_certificates(roots).with_no_client_auth();
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let server = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let server = server.with_no_client_auth().with_single_cert(vec![der.clone()], private).unwrap();
        let name = ServerName::try_from("x.sandbox").unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut octets = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut octets).unwrap();
            }
            let mut sent = io::Cursor::new(octets);
            while server.read_tls(&mut sent).unwrap() > 0 {
                server.process_new_packets().unwrap();
            }
            let mut octets = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut octets).unwrap();
            }
            let mut sent = io::Cursor::new(octets);
            while client.read_tls(&mut sent).unwrap() > 0 {
                client.process_new_packets().unwrap();
            }
        }
        (client, server, der.to_vec())
    }

    #[test]
    fn both_ends_of_a_connection_know_the_same_and_another_connection_does_not() {
        let (client, server, _) = handshake(&TLS13);
        let ours = ChannelBinding::of(&client).unwrap();
        let theirs = server.export_keying_material([0u8; 32], b"EXPORTER-Channel-Binding", Some(b"")).unwrap();
        assert_eq!(ours, ChannelBinding { name: "tls-exporter", data: theirs.to_vec() });
        assert_ne!(ChannelBinding::of(&handshake(&TLS13).0), Some(ours));
    }

    #[test]
    fn under_tls_1_2_it_is_the_digest_of_the_certificate() {
        let (client, _, certificate) = handshake(&TLS12);
        // Signed with P-256 and SHA-256.
        let data = digest(&SHA256, &certificate).as_ref().to_vec();
        assert_eq!(ChannelBinding::of(&client), Some(ChannelBinding { name: "tls-server-end-point", data }));
        assert_eq!(end_point(b"no certificate"), None);
    }
}
