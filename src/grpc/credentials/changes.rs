//! `UpdateCredential`, `ActivateCredentialVersion`, `DeleteCredential`, `UndeleteCredential`.

use std::collections::HashMap;

use tonic::Request;

use crate::access::Action;
use crate::model::{CredentialName, InvalidLabels, Labels, VersionName, is_key};
use crate::pb::v1::{
    ActivateCredentialVersionRequest, ActivateCredentialVersionResponse, DeleteCredentialRequest,
    DeleteCredentialResponse, UndeleteCredentialRequest, UndeleteCredentialResponse,
    UpdateCredentialRequest, UpdateCredentialResponse,
};

use super::super::call::Call;
use super::super::fields::{self, Violations};
use super::super::{Refusal, into_parts};
use super::Credentials;

impl Credentials {
    pub(super) async fn update(
        &self,
        request: Request<UpdateCredentialRequest>,
    ) -> Result<UpdateCredentialResponse, Refusal> {
        let (extensions, message) = into_parts(request);
        let UpdateCredentialRequest { credential, update_mask } = message;
        let credential = credential.unwrap_or_default();
        let call = Call::from_extensions(&extensions)?;
        let name: CredentialName = call.resource("credential.name", &credential.name)?;
        self.guard.credential(call, Action::UpdateCredential, &name)?;

        let mut violations = Violations::default();
        let labels = match fields::labels(credential.labels) {
            Err(error @ InvalidLabels::TooMany) => {
                return Err(fields::labels_refused(&error).into());
            }
            labels => violations.check("credential.labels", labels),
        };
        let paths = update_mask.map(|mask| mask.paths);
        let change = labels.and_then(|labels| {
            violations.check("update_mask", LabelChange::from_mask(labels, paths))
        });
        let change = violations.finish(change)?;

        let etag = fields::etag(credential.etag);
        let change = move |before: &Labels| change.apply(before);
        let credential = self.vault.update_labels(name, etag, change).await?;
        Ok(UpdateCredentialResponse {
            credential: Some(self.descriptions.whole(&credential).await),
        })
    }

    pub(super) async fn activate(
        &self,
        request: Request<ActivateCredentialVersionRequest>,
    ) -> Result<ActivateCredentialVersionResponse, Refusal> {
        let (extensions, message) = into_parts(request);
        let ActivateCredentialVersionRequest { name: text, etag, request_id } = message;
        let call = Call::from_extensions(&extensions)?;
        let VersionName { credential: name, version } = call.resource("name", &text)?;
        self.guard.credential(call, Action::ActivateCredentialVersion, &name)?;
        let mut violations = Violations::default();
        let rpc = "ActivateCredentialVersion";
        let stamp = fields::request_stamp(call, rpc, &request_id, &[&text, &etag]);
        let stamp = violations.check("request_id", stamp);
        let stamp = violations.finish(stamp)?;
        let credential = self.vault.activate(name, version, fields::etag(etag), stamp).await?;
        let credential = Some(self.descriptions.whole(&credential).await);
        Ok(ActivateCredentialVersionResponse { credential })
    }

    pub(super) async fn delete(
        &self,
        request: Request<DeleteCredentialRequest>,
    ) -> Result<DeleteCredentialResponse, Refusal> {
        let (extensions, message) = into_parts(request);
        let DeleteCredentialRequest { name: text, etag, request_id } = message;
        let call = Call::from_extensions(&extensions)?;
        let name: CredentialName = call.resource("name", &text)?;
        self.guard.credential(call, Action::DeleteCredential, &name)?;
        let mut violations = Violations::default();
        let stamp = fields::request_stamp(call, "DeleteCredential", &request_id, &[&text, &etag]);
        let stamp = violations.check("request_id", stamp);
        let stamp = violations.finish(stamp)?;
        let credential = self.vault.delete(name, fields::etag(etag), stamp).await?;
        Ok(DeleteCredentialResponse {
            credential: Some(self.descriptions.whole(&credential).await),
        })
    }

    pub(super) async fn undelete(
        &self,
        request: Request<UndeleteCredentialRequest>,
    ) -> Result<UndeleteCredentialResponse, Refusal> {
        let (extensions, message) = into_parts(request);
        let UndeleteCredentialRequest { name: text, etag, request_id } = message;
        let call = Call::from_extensions(&extensions)?;
        let name: CredentialName = call.resource("name", &text)?;
        self.guard.credential(call, Action::UndeleteCredential, &name)?;
        let mut violations = Violations::default();
        let stamp = fields::request_stamp(call, "UndeleteCredential", &request_id, &[&text, &etag]);
        let stamp = violations.check("request_id", stamp);
        let stamp = violations.finish(stamp)?;
        let credential = self.vault.undelete(name, fields::etag(etag), stamp).await?;
        Ok(UndeleteCredentialResponse {
            credential: Some(self.descriptions.whole(&credential).await),
        })
    }
}

/// What an update does to the labels.
enum LabelChange {
    Replace(Labels),
    /// Sets (`Some`) or removes (`None`) single ones.
    Each(HashMap<String, Option<String>>),
    Nothing,
}

impl LabelChange {
    /// Reads the update mask (AIP-161).
    fn from_mask(labels: Labels, paths: Option<Vec<String>>) -> Result<Self, &'static str> {
        let Some(paths) = paths.filter(|paths| !paths.is_empty()) else {
            return Ok(if labels.is_empty() { Self::Nothing } else { Self::Replace(labels) });
        };
        let mut each = HashMap::new();
        for path in paths {
            match (path.as_str(), path.strip_prefix("labels.")) {
                ("labels" | "*", _) => return Ok(Self::Replace(labels)),
                (_, Some(key)) if is_key(key) => {
                    each.insert(key.to_owned(), labels.get(key).map(str::to_owned));
                }
                _ => return Err("may have `labels`, `labels.KEY` or `*`"),
            }
        }
        Ok(Self::Each(each))
    }

    fn apply(&self, before: &Labels) -> Result<Labels, InvalidLabels> {
        match self {
            Self::Replace(labels) => Ok(labels.clone()),
            Self::Nothing => Ok(before.clone()),
            Self::Each(each) => before.with(each),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Labels::try_from(pairs.collect::<std::collections::BTreeMap<_, _>>()).unwrap()
    }

    fn changed(set: &[(&str, &str)], mask: Option<&[&str]>) -> Result<Labels, &'static str> {
        let paths = mask.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
        let change = LabelChange::from_mask(labels(set), paths)?;
        Ok(change.apply(&labels(&[("a", "1"), ("b.c", "2")])).unwrap())
    }

    #[test]
    fn a_mask_says_what_changes() {
        for (set, mask, expected) in [
            (&[("z", "9")][..], None, &[("z", "9")][..]),
            (&[], None, &[("a", "1"), ("b.c", "2")]),
            (&[], Some(&[][..]), &[("a", "1"), ("b.c", "2")]),
            (&[], Some(&["labels"]), &[]),
            (&[("z", "9")], Some(&["*"]), &[("z", "9")]),
            (&[("a", "5"), ("z", "9")], Some(&["labels.a"]), &[("a", "5"), ("b.c", "2")]),
            (&[], Some(&["labels.b.c"]), &[("a", "1")]),
        ] {
            assert_eq!(changed(set, mask), Ok(labels(expected)), "{set:?} {mask:?}");
        }
    }

    #[test]
    fn other_paths_are_refused() {
        for path in ["name", "labels.", "labels.A", "state", "", "Labels"] {
            assert!(changed(&[], Some(&[path])).is_err(), "{path}");
        }
    }
}
