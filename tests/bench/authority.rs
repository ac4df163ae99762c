//! An authority of the test: servers' certificates, good and bad, revocation lists, and a web server that has them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, CustomExtension,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};

use mss::clock::Clock;

/// An authority and its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// PEM.
    pub certificate: String,
}

/// What a certificate says, beside who issued it.
#[derive(Clone)]
pub struct Says {
    pub name: SanType,
    pub serial: u64,
    /// From when until when, in days from now.
    pub days: (i64, i64),
    /// Where its list is.
    pub list: Option<String>,
    /// Where its responder is.
    pub responder: Option<String>,
    pub purpose: ExtendedKeyUsagePurpose,
}

impl Says {
    /// A server of this machine, with the usual values.
    pub fn server(serial: u64) -> Says {
        let name = SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let purpose = ExtendedKeyUsagePurpose::ServerAuth;
        Says { name, serial, days: (-30, 300), list: None, responder: None, purpose }
    }
}

impl Authority {
    /// A root.
    pub fn root(name: &str) -> Authority {
        let (key, params) = (new_key(), Authority::params(name, 1, None));
        let certificate = params.self_signed(&key).expect("a root signs itself").pem();
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    /// One below it, which says where the list is that tells of it.
    pub fn below(&self, name: &str, serial: u64, list: &str) -> Authority {
        let (key, params) = (new_key(), Authority::params(name, serial, Some(list)));
        let certificate = params.signed_by(&key, &self.issuer).expect("the root signs").pem();
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    fn params(name: &str, serial: u64, list: Option<&str>) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
        params.serial_number = Some(SerialNumber::from(serial));
        params.use_authority_key_identifier_extension = true;
        params.crl_distribution_points = list.iter().map(|url| point(url)).collect();
        params
    }

    /// A certificate and its key, PEM.
    pub fn certify(&self, says: &Says) -> (String, String) {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "server of the test");
        params.subject_alt_names = vec![says.name.clone()];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![says.purpose.clone()];
        (params.not_before, params.not_after) =
            (date_time_ymd(1970, 1, 1) + since_1970(says.days.0), date_time_ymd(1970, 1, 1) + since_1970(says.days.1));
        params.serial_number = Some(SerialNumber::from(says.serial));
        params.use_authority_key_identifier_extension = true;
        params.crl_distribution_points = says.list.iter().map(|url| point(url)).collect();
        params.custom_extensions = says.responder.iter().map(|url| responder(url)).collect();
        let key = new_key();
        (params.signed_by(&key, &self.issuer).expect("the authority signs").pem(), key.serialize_pem())
    }

    /// The list of who was revoked, good until so many days from now; DER.
    pub fn revoke(&self, serials: &[u64], until: i64) -> Vec<u8> {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(1970, 1, 1) + since_1970(-20),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(1970, 1, 1) + since_1970(-10),
            next_update: date_time_ymd(1970, 1, 1) + since_1970(until),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).expect("the authority signs").der().to_vec()
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}

fn point(url: &str) -> CrlDistributionPoint {
    CrlDistributionPoint { uris: vec![url.to_owned()] }
}

/// authorityInfoAccess with one responder (RFC 5280, section 4.2.2.1), which rcgen does not write.
fn responder(url: &str) -> CustomExtension {
    let tlv = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).ok().filter(|length| *length < 128).expect("the URL is short");
        [&[tag, length], content].concat()
    };
    let method = tlv(6, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1]);
    let description = tlv(0x30, &[method, tlv(0x86, url.as_bytes())].concat());
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], tlv(0x30, &description))
}

/// The seconds since 1970 at a moment so many days from now. The time of rcgen's dates is of a crate that is not named here: it
/// is reached from a date of rcgen's own.
fn since_1970(days_from_now: i64) -> Duration {
    let seconds = Clock::System.now().as_second() + days_from_now * 24 * 3600;
    Duration::from_secs(u64::try_from(seconds).expect("1970 is over"))
}

/// A web server on loopback with a few files, in clear.
pub struct Web {
    port: u16,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Web {
    /// Starts it; it serves as long as the process lasts.
    pub fn start() -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback interface has free ports");
        let port = listener.local_addr().expect("it listens").port();
        let files: Arc<Mutex<BTreeMap<String, Vec<u8>>>> = Arc::default();
        let held = Arc::clone(&files);
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let mut reader = BufReader::new(tcp);
                let mut lines = Vec::new();
                let mut line = String::new();
                while matches!(reader.read_line(&mut line), Ok(1..)) && line != "\r\n" {
                    lines.push(std::mem::take(&mut line));
                }
                let path = lines.first().and_then(|first| first.split(' ').nth(1)).unwrap_or_default().to_owned();
                let file = held.lock().expect("nobody panics here").get(&path).cloned();
                let status = if file.is_some() { "200 OK" } else { "404 Not Found" };
                let body = file.unwrap_or_default();
                let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = reader.get_mut().write_all(&[head.as_bytes(), &body].concat());
            }
        });
        Web { port, files }
    }

    /// The address of a file.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Puts a file there.
    pub fn put(&self, path: &str, content: Vec<u8>) {
        self.files.lock().expect("nobody panics here").insert(path.to_owned(), content);
    }
}
