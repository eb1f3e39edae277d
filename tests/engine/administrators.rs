//! Those who upload files, and change what serves.

use std::sync::Arc;

use ionvault::model::Labels;
use ionvault::secret::Secret;
use ionvault::vault::{Activation, ChangeError, Upload, UploadError};

use super::life::Life;

/// Most different files of one log-in.
const COPIES: usize = 3;

/// Uploads the file that a credential starts with.
pub(crate) async fn upload_first(life: &Life, member: usize) -> bool {
    upload(life, member, life.fleet.credentials[member].logins[0], 0).await
}

/// Changes something about a credential.
pub(crate) async fn change(life: Arc<Life>, member: usize) {
    let name = life.fleet.credentials[member].name.clone();
    let Ok(Some(credential)) = life.vault.find(&name) else {
        upload_first(&life, member).await;
        return;
    };
    let (what, at) = life.world.draw(|rng| (rng.below(10), rng.below(64)));
    let version = credential.versions[at % credential.versions.len()].number;
    let failed = match what {
        0..=3 => {
            let logins = &life.fleet.credentials[member].logins;
            upload(&life, member, logins[at % logins.len()], at % COPIES).await;
            return;
        }
        4..=5 => {
            life.world.note(format_args!("credential {member}: version {version} is activated"));
            life.vault.activate(name, version, None, None).await.err().map(|e| is_outage(&e))
        }
        6 => {
            life.world.note(format_args!("credential {member} is deleted"));
            life.vault.delete(name, None, None).await.err().map(|e| is_outage(&e))
        }
        _ => {
            life.world.note(format_args!("credential {member} is undeleted"));
            life.vault.undelete(name, None, None).await.err().map(|e| is_outage(&e))
        }
    };
    if failed == Some(false) && !life.world.is_dead() {
        life.world.broken(format_args!("a change of credential {member} failed without a cause"));
    }
}

/// Whether a change did not happen because of the store, or because it is none.
fn is_outage<R: std::error::Error>(error: &ChangeError<R>) -> bool {
    matches!(error, ChangeError::Write(_) | ChangeError::Refused(_))
}

async fn upload(life: &Life, member: usize, login: usize, copy: usize) -> bool {
    let upload = Upload {
        name: life.fleet.credentials[member].name.clone(),
        ion_api_file: Secret::from(life.fleet.file(login, copy)),
        ca_certificates: Secret::from(Vec::new()),
        labels: Labels::default(),
        etag: None,
        caller: "dns:upload-page.example".parse().unwrap(),
        requested_by: String::new(),
        request: None,
        activation: Activation::AtOnce,
    };
    life.world.note(format_args!("credential {member}: copy {copy} of login {login} is uploaded"));
    let uploaded = match life.vault.check(upload) {
        Ok(checked) => life.vault.upload(checked).await,
        Err(refused) => Err(refused),
    };
    match uploaded {
        Ok(_) => true,
        Err(UploadError::Write(_) | UploadError::Deleted) => false,
        Err(error) => {
            life.world.broken(format_args!("an upload to credential {member} failed: {error}"));
            false
        }
    }
}
