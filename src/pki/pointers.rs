//! Where a certificate says that its revocation list, its responder and its issuer's certificate are (RFC 5280, sections
//! 4.2.1.13 and 4.2.2.1).

use der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, CrlDistributionPoints};

use super::Certificate;
use super::validate::issued;

/// id-ad-caIssuers.
const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");

/// id-ad-ocsp.
const RESPONDER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");

/// Addresses taken from one certificate; they are alternatives to each other.
const MOST_URLS: usize = 4;
/// The longest address taken.
const LONGEST_URL: usize = 1024;

impl Certificate {
    /// Whether it says where its revocation list is, in whatever way. An extension that cannot be read says so too.
    pub fn names_revocation_list(&self) -> bool {
        !matches!(self.parsed().tbs_certificate().get_extension::<CrlDistributionPoints>(), Ok(None))
    }

    /// Where its revocation list can be had over HTTP: one of them is enough.
    ///
    /// A point that is limited to some reasons or that names another issuer leads to a list that cannot tell alone, and
    /// is left out; LDAP addresses are too.
    pub fn revocation_list_urls(&self) -> Vec<String> {
        let points = match self.parsed().tbs_certificate().get_extension::<CrlDistributionPoints>() {
            Ok(Some((_, points))) => points.0,
            _ => return Vec::new(),
        };
        let whole = points.into_iter().filter(|point| point.reasons.is_none() && point.crl_issuer.is_none());
        let names = whole.filter_map(|point| match point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(names),
            _ => None,
        });
        names.flatten().filter_map(|name| http_url(&name)).take(MOST_URLS).collect()
    }

    /// Whether it says that a list or a responder tells whether it was revoked.
    pub fn names_revocation_source(&self) -> bool {
        self.names_revocation_list() || !self.responder_urls().is_empty()
    }

    /// Whether it is, by its name and key identifier, the issuer of another; its signature is a matter of judging the path.
    pub fn is_named_as_issuer_of(&self, subject: &Certificate) -> bool {
        issued(self, subject)
    }

    /// Where the certificate of its issuer can be had over HTTP.
    pub fn issuer_urls(&self) -> Vec<String> {
        self.access_urls(CA_ISSUERS)
    }

    /// Where a responder tells over HTTP whether it was revoked (RFC 6960): one of them is enough.
    pub fn responder_urls(&self) -> Vec<String> {
        self.access_urls(RESPONDER)
    }

    fn access_urls(&self, method: ObjectIdentifier) -> Vec<String> {
        let access = match self.parsed().tbs_certificate().get_extension::<AuthorityInfoAccessSyntax>() {
            Ok(Some((_, access))) => access.0,
            _ => return Vec::new(),
        };
        let meant = access.into_iter().filter(|one| one.access_method == method);
        meant.filter_map(|one| http_url(&one.access_location)).take(MOST_URLS).collect()
    }
}

/// HTTP only, as section 8 of RFC 5280 wants it: HTTPS would need the very judgement that waits for the answer.
fn http_url(name: &GeneralName) -> Option<String> {
    let GeneralName::UniformResourceIdentifier(uri) = name else { return None };
    let text = uri.as_str();
    let clear = text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    let plain = text.len() <= LONGEST_URL && text.bytes().all(|octet| octet.is_ascii_graphic());
    (clear && plain).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::specimen::{Authority, Leaf};
    use super::*;

    #[test]
    fn what_a_certificate_does_not_say_is_not_made_up() {
        let certificate = Authority::root("TEST AC").certify(&Leaf::new("a@b.fr"));
        assert!(!certificate.names_revocation_list());
        assert!(certificate.revocation_list_urls().is_empty() && certificate.issuer_urls().is_empty());
    }

    #[test]
    fn only_http_addresses_are_taken_and_only_so_many() {
        let long = format!("http://crl.test/{}", "x".repeat(LONGEST_URL));
        let points = ["ldap://ldap.test/cn=AC", "https://crl.test/1", &long, "http://crl.test/2", "HTTP://crl.test/3"];
        let many: Vec<String> = (0..20).map(|i| format!("http://crl.test/{i}")).collect();
        let mut leaf = Leaf::new("a@b.fr");
        leaf.lists = points.map(str::to_owned).to_vec();
        leaf.issuers = many;
        let certificate = Authority::root("TEST AC").certify(&leaf);
        assert!(certificate.names_revocation_list());
        assert_eq!(certificate.revocation_list_urls(), ["http://crl.test/2", "HTTP://crl.test/3"]);
        assert_eq!(certificate.issuer_urls().len(), MOST_URLS);
    }
}
