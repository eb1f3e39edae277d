//! `TestCredential`.

use tonic::Request;

use crate::access::Action;
use crate::pb::v1::{TestCredentialRequest, TestCredentialResponse};

use super::super::call::Call;
use super::super::{Refusal, into_parts, messages};
use super::Credentials;

impl Credentials {
    pub(super) async fn test(
        &self,
        request: Request<TestCredentialRequest>,
    ) -> Result<TestCredentialResponse, Refusal> {
        let (extensions, TestCredentialRequest { name }) = into_parts(request);
        let call = Call::from_extensions(&extensions)?;
        let (name, version) = call.credential_or_version("name", &name)?;
        let credential = self.guard.credential(call, Action::TestCredential, &name)?;
        let tested = self.issuer.test(&credential, version).await?;
        let diagnosis = messages::diagnosis(&name, tested.version.number, &tested.diagnosis);
        Ok(TestCredentialResponse { diagnosis: Some(diagnosis) })
    }
}
