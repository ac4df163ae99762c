//! The white list of the trust space, signed as the national one is (enveloped XML-DSig, exclusive C14N, rsa-sha256).

/// The common name of the signer.
pub(super) const SIGNER: &str = "alb.mssante.sandbox";
/// The address in the signer's certificate.
pub(super) const SIGNER_ADDRESS: &str = "alb@mssante.sandbox";
