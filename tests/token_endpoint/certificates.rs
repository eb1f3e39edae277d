//! Certificates that must not be accepted.

use ionvault::simulator::certificates::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use zeroize::Zeroizing;

/// A leaf for `name`, valid in these years, and the PEM of the authority that signed it.
pub(crate) fn leaf(name: &str, from_year: i32, to_year: i32) -> (Identity, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(from_year, 1, 1);
    params.not_after = date_time_ymd(to_year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate_pem = params.signed_by(&key, &authority).unwrap().pem();
    let key_pem = Zeroizing::new(key.serialize_pem());
    (Identity { certificate_pem, key_pem }, authority.pem())
}
