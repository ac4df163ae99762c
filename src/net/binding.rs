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
    use super::*;
    use crate::net::scripted::identity;
    use crate::pki::KeyKind;

    #[test]
    fn the_digest_is_that_of_the_signature() {
        let certificate = identity(KeyKind::P384).certificate().der().to_vec();
        // The authority of the scripts signs with P-256 and SHA-256.
        assert_eq!(end_point(&certificate), Some(digest(&SHA256, &certificate).as_ref().to_vec()));
        assert_eq!(end_point(b"no certificate"), None);
    }
}
