//! An HTTPS client for tests that trusts one simulator.

use std::sync::Arc;

use ionvault::simulator::Simulator;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;

pub(crate) struct Browser {
    client: reqwest::Client,
    base_url: String,
}

impl Browser {
    pub(crate) fn new(simulator: &Simulator) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(simulator.ca_pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        // No kept connection outlives the simulator that it led to.
        let client = builder.pool_max_idle_per_host(0).build().unwrap();
        Self { client, base_url: simulator.base_url() }
    }

    /// Status and JSON of the answer to a form.
    pub(crate) async fn post(
        &self,
        path: &str,
        authorization: Option<&String>,
        form: &[(impl AsRef<str>, impl AsRef<str>)],
    ) -> (u16, Value) {
        let mut request = self.form(path, form);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// The answer to a form, or what became of the connection.
    pub(crate) async fn try_post(
        &self,
        path: &str,
        form: &[(impl AsRef<str>, impl AsRef<str>)],
    ) -> Result<reqwest::Response, reqwest::Error> {
        self.form(path, form).send().await
    }

    /// Status, and the text of the answer or where it sends the browser.
    pub(crate) async fn get(
        &self,
        path: &str,
        query: &[(impl AsRef<str>, impl AsRef<str>)],
    ) -> (u16, String) {
        let mut url: url::Url = format!("{}{path}", self.base_url).parse().unwrap();
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.client.get(url).send().await.unwrap();
        let status = answer.status().as_u16();
        let location = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (status, location.unwrap_or(answer.text().await.unwrap()))
    }

    fn form(
        &self,
        path: &str,
        form: &[(impl AsRef<str>, impl AsRef<str>)],
    ) -> reqwest::RequestBuilder {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form.iter().map(|(name, value)| (name.as_ref(), value.as_ref())))
            .finish();
        self.client
            .post(format!("{}{path}", self.base_url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
    }

    /// Status and text of the answer to anything.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: String,
    ) -> (u16, String) {
        let url = format!("{}{path}", self.base_url);
        let request = self.client.request(method.parse().unwrap(), url);
        let answer = request.header("content-type", kind).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}
