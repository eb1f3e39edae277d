//! `UploadCredential`.

use tonic::Request;

use crate::access::Action;
use crate::model::{CredentialName, InvalidLabels, Labels};
use crate::pb::v1::upload_credential_request as v1;
use crate::pb::v1::{UploadCredentialRequest, UploadCredentialResponse};
use crate::secret::Secret;
use crate::tokens::{Verification, VerifiedUpload};
use crate::vault::{Activation, Upload};

use super::super::call::Call;
use super::super::fields::{self, Violations};
use super::super::{Refusal, into_parts, messages};
use super::Credentials;

impl Credentials {
    pub(super) async fn upload(
        &self,
        request: Request<UploadCredentialRequest>,
    ) -> Result<UploadCredentialResponse, Refusal> {
        let (extensions, message) = into_parts(request);
        // From here on the file is wiped whatever happens.
        let ion_api_file = Secret::from(message.ion_api_file);
        let ca_certificates = Secret::from(message.ca_certificates);
        let call = Call::from_extensions(&extensions)?;
        let name: CredentialName = call.resource("name", &message.name)?;
        self.guard.maybe_credential(call, Action::UploadCredential, &name)?;

        let mut violations = Violations::default();
        let labels = match fields::labels(message.labels) {
            Err(error @ InvalidLabels::TooMany) => {
                return Err(fields::labels_refused(&error).into());
            }
            labels => violations.check("labels", labels),
        };
        let requested_by =
            violations.check("requested_by", fields::requested_by(message.requested_by));
        if let Some(person) = &requested_by {
            call.entry.is_requested_by(person);
        }
        let verification = violations.check("verification", verification(message.verification));
        let content = content(
            &name,
            labels.as_ref(),
            [&message.etag, requested_by.as_deref().unwrap_or_default()],
            verification,
        );
        let content: Vec<&str> = content.iter().map(String::as_str).collect();
        let request =
            fields::request_stamp(call, "UploadCredential", &message.request_id, &content);
        let request = violations.check("request_id", request);
        let values = labels.zip(requested_by).zip(request.zip(verification));
        let ((labels, requested_by), (request, verification)) = violations.finish(values)?;

        let validate_only = message.validate_only;
        let upload = Upload {
            name,
            ion_api_file,
            ca_certificates,
            labels,
            etag: fields::etag(message.etag),
            caller: call.caller.clone(),
            requested_by,
            request,
            activation: Activation::AtOnce,
        };
        let VerifiedUpload { uploaded, diagnosis } =
            self.issuer.upload(upload, verification, validate_only).await?;
        let (credential, version) = (&uploaded.credential, uploaded.version);
        let told = diagnosis.map(|told| messages::diagnosis(&credential.name, version, &told));
        Ok(UploadCredentialResponse {
            credential: Some(self.descriptions.whole(credential).await),
            version: version.get(),
            added: uploaded.added(),
            diagnosis: told,
            activated: credential.active_version == version,
        })
    }
}

fn verification(asked: i32) -> Result<Verification, &'static str> {
    match v1::Verification::try_from(asked) {
        Ok(v1::Verification::Unspecified | v1::Verification::BestEffort) => {
            Ok(Verification::BestEffort)
        }
        Ok(v1::Verification::Required) => Ok(Verification::Required),
        Ok(v1::Verification::Skip) => Ok(Verification::Skip),
        Err(_) => Err("is none of those that there are"),
    }
}

/// What makes the request what it is, besides the file: the vault adds that itself.
fn content(
    name: &CredentialName,
    labels: Option<&Labels>,
    texts: [&str; 2],
    verification: Option<Verification>,
) -> Vec<String> {
    let fixed = [name.to_string(), format!("{verification:?}")];
    let texts = texts.map(str::to_owned);
    let labels = labels.into_iter().flat_map(Labels::iter);
    let labels = labels.map(|(key, value)| format!("{key}={value}"));
    fixed.into_iter().chain(texts).chain(labels).collect()
}
