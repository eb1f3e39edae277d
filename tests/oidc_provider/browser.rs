//! A person's browser, as far as an authorization server needs one: it keeps cookies and follows
//! redirects, until it is sent somewhere else.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use url::Url;

/// Opens `url`. `Ok` is where the server of that page sent the browser in the end, `Err` the status
/// of a page that it showed instead.
pub(crate) async fn open(url: &Url, ca_pem: &str) -> Result<Url, u16> {
    let client = client(ca_pem);
    let mut cookies = BTreeMap::new();
    let mut page = url.clone();
    for _ in 0..REDIRECTS_MAX {
        let pairs: Vec<String> =
            cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = client.get(page.clone()).header("cookie", pairs.join("; "));
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        let Some(location) = answer.headers().get("location") else {
            return Err(answer.status().as_u16());
        };
        page = page.join(location.to_str().unwrap()).unwrap();
        if page.origin() != url.origin() {
            return Ok(page);
        }
    }
    panic!("too many redirects, the last to {}", page.path());
}

/// A client that trusts this authority only, and follows no redirect.
pub(crate) fn client(ca_pem: &str) -> reqwest::Client {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// oidc-provider takes three.
const REDIRECTS_MAX: usize = 8;
