//! `UploadCredential`.

use tonic::Request;

use crate::access::Action;
use crate::model::{CredentialName, InvalidLabels, Labels};
use crate::pb::v1::{UploadCredentialRequest, UploadCredentialResponse};
use crate::secret::Secret;
use crate::vault::{Activation, Upload};

use super::super::fields::{self, Violations};
use super::super::guard::Guard;
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
        let caller = Guard::caller(&extensions)?;
        let name: CredentialName = fields::name("name", &message.name)?;
        self.guard.maybe_credential(caller, Action::UploadCredential, &name)?;

        let mut violations = Violations::default();
        let labels = match fields::labels(message.labels) {
            Err(error @ InvalidLabels::TooMany) => {
                return Err(fields::labels_refused(&error).into());
            }
            labels => violations.check("labels", labels),
        };
        let requested_by =
            violations.check("requested_by", fields::requested_by(message.requested_by));
        let content = content(&name, labels.as_ref(), &message.etag, requested_by.as_deref());
        let content: Vec<&str> = content.iter().map(String::as_str).collect();
        let request =
            fields::request_stamp(caller, "UploadCredential", &message.request_id, &content);
        let request = violations.check("request_id", request);
        let values = labels.zip(requested_by).zip(request);
        let ((labels, requested_by), request) = violations.finish(values)?;

        let validate_only = message.validate_only;
        let upload = Upload {
            name,
            ion_api_file,
            ca_certificates,
            labels,
            etag: fields::etag(message.etag),
            caller: caller.clone(),
            requested_by,
            request,
            activation: Activation::AtOnce,
        };
        let upload = self.vault.check(upload)?;
        let uploaded = match validate_only {
            true => self.vault.foresee(&upload).await?,
            false => self.vault.upload(upload).await?,
        };
        let credential = Some(messages::credential(&uploaded.credential));
        let (version, added) = (uploaded.version.get(), uploaded.added());
        Ok(UploadCredentialResponse { credential, version, added })
    }
}

/// What makes the request what it is, besides the file: the vault adds that itself.
fn content(
    name: &CredentialName,
    labels: Option<&Labels>,
    etag: &str,
    requested_by: Option<&str>,
) -> Vec<String> {
    let fixed = [name.to_string(), etag.to_owned(), requested_by.unwrap_or_default().to_owned()];
    let labels = labels.into_iter().flat_map(Labels::iter);
    fixed.into_iter().chain(labels.map(|(key, value)| format!("{key}={value}"))).collect()
}
