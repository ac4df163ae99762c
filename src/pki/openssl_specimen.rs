//! Keys and certificates that OpenSSL made, on curves that nothing else here makes certificates for.

use super::{Identity, TrustAnchors};

/// A moment at which the certificates of this file are valid.
pub(crate) const LATER: &str = "2030-01-01T12:00:00Z";

/// The authority of this file, on brainpoolP384r1.
pub(crate) const ROOT: &str = "\
-----BEGIN CERTIFICATE-----
MIIBvDCCAUOgAwIBAgIUAs5EXVstogHgM/u8b1sbS896qa8wCgYIKoZIzj0EAwMw
HDEaMBgGA1UEAwwRVEVTVCBBQyBCUkFJTlBPT0wwHhcNMjYxMTI2MTEwNjA2WhcN
NDYxMTIxMTEwNjA2WjAcMRowGAYDVQQDDBFURVNUIEFDIEJSQUlOUE9PTDB6MBQG
ByqGSM49AgEGCSskAwMCCAEBCwNiAAQbAbe4hctoO1ZjncD6fphv4scRNwg4heCW
QEpo9z4NGAg5VBrnvh4oZmYm5xKW+8FskDcHcqXJd1eRL90M6gk7gzV14VFmpH+E
auJxiw2QygJ48k1GkWHoWcEbDR8Giu+jQjBAMA8GA1UdEwEB/wQFMAMBAf8wDgYD
VR0PAQH/BAQDAgEGMB0GA1UdDgQWBBSnIQyfMM/5p+98fgzN+KuGO15jKzAKBggq
hkjOPQQDAwNnADBkAjAC4UWDRQrjEONAO9IKlk1z14fzgN3krqBMRClfLX4E72g8
UhSHU3qr9Pa5VxOj90oCMFntzuMIW8fHWYW2Mt+n1cenxYkPWMd8sdDxZbS3eE0v
LcBX2IQCmByvU3QFmS7vKQ==
-----END CERTIFICATE-----
";

/// A mail certificate on brainpoolP256r1, for zoe@medecin.sandbox.
pub(crate) const BRAINPOOL: &str = "\
-----BEGIN CERTIFICATE-----
MIIB0TCCAVegAwIBAgIBAjAKBggqhkjOPQQDAzAcMRowGAYDVQQDDBFURVNUIEFD
IEJSQUlOUE9PTDAeFw0yNjExMjYxMTA2MDZaFw00NjA4MTMxMTA2MDZaMA4xDDAK
BgNVBAMMA1pvZTBaMBQGByqGSM49AgEGCSskAwMCCAEBBwNCAAR7AX97uqL+nYuV
IJ5mK7KNO3Fu4GK4JVGSpe+8FFHx1VQqCang4YciV1JA4OyxsmIhvnp1pgCwYUHK
993OJvROo4GWMIGTMAwGA1UdEwEB/wQCMAAwDgYDVR0PAQH/BAQDAgOIMBMGA1Ud
JQQMMAoGCCsGAQUFBwMEMB4GA1UdEQQXMBWBE3pvZUBtZWRlY2luLnNhbmRib3gw
HQYDVR0OBBYEFItsC7P/oWylUTkdMpf/Nyg50L2VMB8GA1UdIwQYMBaAFKchDJ8w
z/mn73x+DM34q4Y7XmMrMAoGCCqGSM49BAMDA2gAMGUCMQCIQCLDDGzjyPv7Zqxs
oOy4eq20ZYq/vv/pm2lbZQprYgY1gaoUGkj+f+SIFXM9QngCMF/voSwaEBMsHvIL
xzAyNxyWfaGzeih6C6nw9chf002OyZfbNKDdbGPoy9v3+EuzXA==
-----END CERTIFICATE-----
";

/// Its key.
pub(crate) const BRAINPOOL_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGIAgEAMBQGByqGSM49AgEGCSskAwMCCAEBBwRtMGsCAQEEIFajqi9iamofEUXk
klf8gcB+VXFN3MlXcBgHsNstI1e/oUQDQgAEewF/e7qi/p2LlSCeZiuyjTtxbuBi
uCVRkqXvvBRR8dVUKgmp4OGHIldSQODssbJiIb56daYAsGFByvfdzib0Tg==
-----END PRIVATE KEY-----
";

/// The same key in the older form.
pub(crate) const BRAINPOOL_SEC1: &str = "\
-----BEGIN EC PRIVATE KEY-----
MHgCAQEEIFajqi9iamofEUXkklf8gcB+VXFN3MlXcBgHsNstI1e/oAsGCSskAwMC
CAEBB6FEA0IABHsBf3u6ov6di5UgnmYrso07cW7gYrglUZKl77wUUfHVVCoJqeDh
hyJXUkDg7LGyYiG+enWmALBhQcr33c4m9E4=
-----END EC PRIVATE KEY-----
";

/// A mail certificate with an X25519 key, for the same address.
pub(crate) const X25519: &str = "\
-----BEGIN CERTIFICATE-----
MIIBoTCCASegAwIBAgIBAzAKBggqhkjOPQQDAzAcMRowGAYDVQQDDBFURVNUIEFD
IEJSQUlOUE9PTDAeFw0yNjExMjYxMTA2MDdaFw00NjA4MTMxMTA2MDdaMA4xDDAK
BgNVBAMMA1pvZTAqMAUGAytlbgMhAB8TlqmtgbvR+UuFQwjwy9wauAUilgnPvZLT
pF+/nMwfo4GWMIGTMAwGA1UdEwEB/wQCMAAwDgYDVR0PAQH/BAQDAgMIMBMGA1Ud
JQQMMAoGCCsGAQUFBwMEMB4GA1UdEQQXMBWBE3pvZUBtZWRlY2luLnNhbmRib3gw
HQYDVR0OBBYEFCV8BrevZMGEAT8EBSst4sWdhHTbMB8GA1UdIwQYMBaAFKchDJ8w
z/mn73x+DM34q4Y7XmMrMAoGCCqGSM49BAMDA2gAMGUCMQCJm1mz6NMxPvWyJWOG
jkz6pKcwcKqcpjfOBZWopUz+8LT1Nv5LzhQqAskVHdtZrnkCMG6aFhtr9Jdq6aq2
FeFC4PN/pTB2vCC0FGIZtgzdqFxpCX1EbnHHN4Qbme/9Ajd+GQ==
-----END CERTIFICATE-----
";

/// Its key.
pub(crate) const X25519_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VuBCIEIFD4gzDcqDs0qwFMoSOfDDchg5CTTjiyLm+v74vrdiFs
-----END PRIVATE KEY-----
";

/// The authority as the one anchor.
pub(crate) fn anchors() -> TrustAnchors {
    TrustAnchors::from_pem(ROOT.as_bytes()).unwrap()
}

/// Who holds the key on brainpoolP256r1.
pub(crate) fn brainpool() -> Identity {
    Identity::from_pem(BRAINPOOL.as_bytes(), BRAINPOOL_KEY.as_bytes()).unwrap()
}

/// Who holds the X25519 key.
pub(crate) fn x25519() -> Identity {
    Identity::from_pem(X25519.as_bytes(), X25519_KEY.as_bytes()).unwrap()
}
