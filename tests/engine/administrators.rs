//! Those who upload files, and change what serves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ionvault::model::{Credential, Labels};
use ionvault::secret::Secret;
use ionvault::vault::{Activation, ChangeError, Upload, UploadError};

use super::callers::{self, Call};
use super::fleet::Fleet;
use super::life::Life;

/// A request to Infor is as good as over after this.
const PAUSE_MAX: Duration = Duration::from_millis(600);

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
    let (what, at) = life.world.draw(|rng| (rng.below(12), rng.below(64)));
    let version = credential.versions[at % credential.versions.len()].number;
    let failed = match what {
        0..=3 => {
            let logins = &life.fleet.credentials[member].logins;
            upload(&life, member, logins[at % logins.len()], at % COPIES).await;
            return;
        }
        4 => return test(&life, &credential, member).await,
        5 => {
            if life.world.draw(|rng| rng.chance(700)) {
                // Somebody has just reported its token, and another one is on its way.
                let pause = life.world.draw(|rng| rng.between(Duration::ZERO, PAUSE_MAX));
                let (life, call) = (life.clone(), Call::report(member));
                tokio::spawn(async move { call.make(&life).await });
                tokio::time::sleep(pause).await;
            }
            return revoke(&life, &credential, member).await;
        }
        6..=7 => {
            life.world.note(format_args!("credential {member}: version {version} is activated"));
            life.vault.activate(name, version, None, None).await.err().map(|e| is_outage(&e))
        }
        8 => {
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

/// Tries the file that serves.
async fn test(life: &Life, credential: &Arc<Credential>, member: usize) {
    let place = (life.fleet.credentials[member].tenant, callers::login_of(credential));
    life.world.note(format_args!("credential {member} is tested"));
    life.ledger.test_begins(place);
    let tested = life.issuer.test(credential, None).await;
    if !life.world.is_dead() {
        life.ledger.test_ends(place);
        life.world.note(format_args!("credential {member} was tested: {}", tested.is_ok()));
    }
}

/// Revokes the tokens of all versions.
async fn revoke(life: &Life, credential: &Arc<Credential>, member: usize) {
    let logins = credential.versions.iter().map(|v| Fleet::login_named(&v.facts.application_name));
    let logins: BTreeSet<_> = logins.collect();
    let places: Vec<_> =
        logins.iter().map(|login| (life.fleet.credentials[member].tenant, *login)).collect();
    let request = life.infor.requests();
    life.world
        .note(format_args!("credential {member}: tokens until request {request} are revoked"));
    places.iter().for_each(|place| life.ledger.revocation_begins(*place));
    let revoked = life.issuer.revoke(credential).await;
    if !life.world.is_dead() {
        let said = revoked.as_ref().map_err(ToString::to_string);
        life.world.note(format_args!("credential {member}: revocation: {said:?}"));
        places.iter().for_each(|at| life.ledger.revocation_ends(*at, revoked.is_ok(), request));
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
