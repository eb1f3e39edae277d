//! The code that `build.rs` generates from `proto/`.

use std::fmt;

/// `ionvault.v1`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code; the proto files are its manual"
)]
pub mod v1 {
    tonic::include_proto!("ionvault.v1");
}

/// All of it as a `google.protobuf.FileDescriptorSet`, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

// prost would derive a `Debug` that prints what is secret in these.

impl fmt::Debug for v1::IssueTokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssueTokenResponse")
            .field("token_id", &self.token_id)
            .field("expire_time", &self.expire_time)
            .field("credential_version", &self.credential_version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for v1::UploadCredentialRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadCredentialRequest")
            .field("name", &self.name)
            .field("validate_only", &self.validate_only)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for v1::StartAuthorizationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartAuthorizationResponse")
            .field("expire_time", &self.expire_time)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for v1::CompleteAuthorizationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompleteAuthorizationRequest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_hold_secrets_do_not_print_them() {
        let secret = "planted-secret";
        let response =
            v1::IssueTokenResponse { access_token: secret.to_owned(), ..Default::default() };
        let request = v1::UploadCredentialRequest {
            ion_api_file: secret.into(),
            ca_certificates: secret.into(),
            ..Default::default()
        };
        let started = v1::StartAuthorizationResponse {
            authorization_uri: secret.to_owned(),
            state: secret.to_owned(),
            ..Default::default()
        };
        let redirect = v1::CompleteAuthorizationRequest {
            redirect_uri: secret.to_owned(),
            ..Default::default()
        };
        let event = Some(v1::watch_token_response::Event::Token(response.clone()));
        let streamed = v1::WatchTokenResponse { event };
        for printed in [
            format!("{response:?}"),
            format!("{request:?}"),
            format!("{started:?}"),
            format!("{redirect:?}"),
            format!("{streamed:?}"),
        ] {
            assert!(!printed.contains(secret), "{printed}");
            // As derived, bytes would show as a list of numbers.
            assert!(!printed.contains("112, 108, 97"), "{printed}");
        }
    }
}
