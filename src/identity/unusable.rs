//! Why a valid channel says nothing of use about its caller.

use super::InvalidToken;

/// Why nobody is named by the certificate of a caller, or by the header of a request. The texts are
/// told to the caller and quote nothing of either.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum UnusableIdentity {
    /// It is not X.509 as RFC 5280 has it, or has an extension twice.
    #[error("the certificate is malformed")]
    Malformed,
    /// It may sign other certificates (X509-SVID, sections 4.1 and 4.3).
    #[error("the certificate is one of an authority, not of a workload")]
    Authority,
    /// It came with one whose key usage leaves out the signing of certificates.
    #[error("the certificate came with one that may not sign certificates")]
    IssuerMayNotSign,
    /// Its extended key usage leaves out client authentication.
    #[error("the certificate is not meant for clients")]
    NotForClients,
    /// It has no URI, and DNS names are not taken.
    #[error("the certificate has no SPIFFE id")]
    NoSpiffeId,
    /// X509-SVID, section 2: a certificate with more than one URI is refused.
    #[error("the certificate has more than one URI")]
    SeveralUris,
    /// Its URI is not a SPIFFE id with a path.
    #[error("the URI of the certificate is not the SPIFFE id of a workload")]
    InvalidSpiffeId,
    /// Another trust domain than the configured one.
    #[error("the SPIFFE id is of another trust domain")]
    ForeignTrustDomain,
    /// It has neither a URI nor a DNS name.
    #[error("the certificate has neither a SPIFFE id nor a DNS name")]
    NoName,
    /// Which of them would be the caller?
    #[error("the certificate has more than one DNS name")]
    SeveralDnsNames,
    /// A wildcard, or not a DNS name.
    #[error("the DNS name of the certificate does not name one host")]
    InvalidDnsName,
    /// No proxy said who calls.
    #[error("the request has no header that names its caller")]
    NoHeader,
    /// Which of them did the proxy write?
    #[error("the request has more than one header that names its caller")]
    SeveralHeaders,
    /// Longer than any proxy writes it.
    #[error("the header that names the caller is too long")]
    HeaderTooLong,
    /// It does not keep to the format that its proxy documents.
    #[error("the header that names the caller is malformed")]
    MalformedHeader,
    /// What says who calls was not read before the call had to be answered.
    #[error("the caller was not known in time")]
    NotInTime,
    /// The token names nobody; the source says why, for the log.
    #[error("{}", .0.told())]
    Token(#[source] InvalidToken),
}
