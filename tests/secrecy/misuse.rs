//! Secrets in fields that are not for secrets: a person pastes what is in the clipboard.

use ionvault::pb::v1::*;

use super::calls::{Caller, full};

impl Caller<'_> {
    /// `stored` is a credential that is there; `file` is a good file.
    pub(crate) async fn misuse(&mut self, stored: &str, file: &[u8]) {
        self.misuse_uploads(stored, file).await;
        let planted = self.planted;
        let secret = |name: &str| planted.any(name);
        let (filter, page_token) = (secret("filter"), secret("page token"));
        let (parent, mask) = (secret("parent"), secret("update mask"));
        let (etag, request_id) = (secret("etag of a deletion"), secret("request id of a deletion"));
        let (name, token_name) = (secret("name"), secret("name for a token"));
        let bearer = planted.token("Authorization header");

        for (what, request) in [
            ("filter", ListCredentialsRequest { filter, ..all() }),
            ("page token", ListCredentialsRequest { page_token, ..all() }),
            ("parent", ListCredentialsRequest { parent: format!("tenants/{parent}"), ..all() }),
        ] {
            let result = self.credentials.list_credentials(request).await;
            let expected = if what == "parent" { "INVALID_RESOURCE_NAME" } else { INVALID };
            assert_eq!(self.heard(what, result), expected, "{what}");
        }
        let request = UpdateCredentialRequest {
            credential: Some(Credential { name: full(stored), ..Default::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec![format!("labels.{mask}")] }),
        };
        let result = self.credentials.update_credential(request).await;
        assert_eq!(self.heard("update mask", result), INVALID);
        for (what, etag, request_id, expected) in [
            ("etag", etag, String::new(), "ETAG_MISMATCH"),
            ("request id", String::new(), request_id, INVALID),
        ] {
            let request = DeleteCredentialRequest { name: full(stored), etag, request_id };
            let result = self.credentials.delete_credential(request).await;
            assert_eq!(self.heard(what, result), expected, "{what}");
        }
        let result = self.credentials.get_credential(GetCredentialRequest { name: full(&name) });
        let result = result.await;
        assert_eq!(self.heard("name", result), "INVALID_RESOURCE_NAME");
        self.issue(&token_name, "INVALID_RESOURCE_NAME").await;

        // A client that takes the vault for Infor's gateway, and one that is generous with headers.
        let mut headers = vec![("authorization", format!("Bearer {bearer}"))];
        headers.push(("traceparent", secret("traceparent")));
        headers.push(("traceparent", format!("00-{}-00f067aa0ba902b7-01", secret("trace id"))));
        for name in HEADERS {
            headers.push((name, secret(&format!("header {name}"))));
        }
        for (what, value) in headers {
            let mut request = tonic::Request::new(GetCredentialRequest { name: full(stored) });
            request.metadata_mut().insert(what, value.parse().unwrap());
            let result = self.credentials.get_credential(request).await;
            assert_eq!(self.heard(what, result), "OK", "{what}");
        }
    }

    async fn misuse_uploads(&mut self, stored: &str, file: &[u8]) {
        let upload = || UploadCredentialRequest {
            name: full(stored),
            ion_api_file: file.to_vec(),
            ..Default::default()
        };
        let planted = self.planted;
        let secret = |name: &str| planted.any(name);
        let key = planted.token("private key in place of a certificate");
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
        let labels = [(secret("label's key"), secret("label's value"))].into();
        let value = [("environment".to_owned(), secret("value of a good label"))].into();
        let person = format!("{}\n", secret("person"));
        let requests = [
            (
                "CA certificates",
                UploadCredentialRequest { ca_certificates: pem.into(), ..upload() },
            ),
            ("labels", UploadCredentialRequest { labels, ..upload() }),
            ("label", UploadCredentialRequest { labels: value, ..upload() }),
            ("requested by", UploadCredentialRequest { requested_by: person, ..upload() }),
            (
                "requested by a key",
                UploadCredentialRequest { requested_by: planted.infor("cs as person"), ..upload() },
            ),
            (
                "request id",
                UploadCredentialRequest { request_id: secret("request id"), ..upload() },
            ),
            ("etag", UploadCredentialRequest { etag: secret("etag"), ..upload() }),
        ];
        for (what, request) in requests {
            let expected = if what == "etag" { "ETAG_MISMATCH" } else { INVALID };
            self.uploads(what, request, expected).await;
        }
        let long = planted.any("file beyond all limits").repeat(4096);
        let request = UploadCredentialRequest { ion_api_file: long.into_bytes(), ..upload() };
        self.uploads("too much", request, "MESSAGE_TOO_LARGE").await;
        let long = planted.any("file beyond 64 KiB").repeat(1500);
        self.upload(stored, long.as_bytes(), "INVALID_ION_API_FILE").await;
    }
}

fn all() -> ListCredentialsRequest {
    ListCredentialsRequest { parent: "tenants/-".to_owned(), ..Default::default() }
}

/// Where clients and proxies put what they were given.
const HEADERS: [&str; 9] = [
    "baggage",
    "cookie",
    "l5d-client-id",
    "tracestate",
    "x-api-key",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-infor-key",
    "x-request-id",
];

const INVALID: &str = "INVALID_ARGUMENT";
