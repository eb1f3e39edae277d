//! What is unusual about a file that is otherwise in order. Infor's habits are no rules: a file is
//! never refused for breaking one, but a person should hear of it before the first failure.

use super::file::IonApiFile;
use super::hosts::InforCloud;
use crate::model::Grant;
use crate::secret::Secret;

/// What the parser saw and the file does not keep.
pub(super) struct Unkept<'a> {
    /// `v`.
    pub(super) format: Option<&'a str>,
    /// How many keys nobody knows.
    pub(super) unknown_keys: usize,
}

/// Sentences for the person who uploaded the file, the weightiest first. They hold no secret, and
/// of the file's values only tenants.
pub(super) fn of(file: &IonApiFile, unkept: &Unkept<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    about_grant(file, &mut warnings);
    about_tenant(file, &mut warnings);
    about_addresses(file, &mut warnings);
    if InforCloud::of(file.authorization_server()).is_some() {
        about_lengths(file, &mut warnings);
    }
    if unkept.format.is_some_and(|format| !FORMATS.contains(&format)) {
        warnings.push(
            "The file says a version of its format (`v`) that is not known: check that tokens \
             can be asked for with it."
                .to_owned(),
        );
    }
    match unkept.unknown_keys {
        0 => {}
        1 => warnings.push("One key of the file is not known and is ignored.".to_owned()),
        many => warnings.push(format!("{many} keys of the file are not known and are ignored.")),
    }
    warnings
}

/// The versions of the format that were seen.
const FORMATS: [&str; 2] = ["1.0", "1.1"];

fn about_grant(file: &IonApiFile, warnings: &mut Vec<String>) {
    match file.grant() {
        Grant::ClientCredentials => warnings.push(
            "The file has no service account. That is right for an app with the grant type Client \
             Credentials. If token requests fail, download the file again with \"Create Service \
             Account\" on."
                .to_owned(),
        ),
        Grant::AuthorizationCode => warnings.push(
            "The file belongs to a Web or mobile app: a person must authorize each log-in. For \
             work without a person, create an app of the type Backend Service in Infor and upload \
             its file."
                .to_owned(),
        ),
        Grant::Password if file.redirect_uri().is_some() => warnings.push(
            "The file has a redirect address (`ru`) and a service account; tokens are asked for \
             with the service account."
                .to_owned(),
        ),
        Grant::Password => {}
    }
}

fn about_tenant(file: &IonApiFile, warnings: &mut Vec<String>) {
    let tenant = file.infor_tenant();
    if tenant.is_empty() {
        warnings.push(
            "The file names no Infor tenant (`ti`), so the address of its APIs is not known."
                .to_owned(),
        );
        return;
    }
    let cloud = InforCloud::of(file.authorization_server());
    if let (Some(_), Some(other)) = (&cloud, first_segment(file.authorization_server()))
        && other != tenant
    {
        warnings.push(format!(
            "The file says tenant {tenant} (`ti`), but its authorization server (`pu`) is that of \
             {other}: check that the file is of the right environment."
        ));
    }
    if let Some(gateway) = file.gateway()
        && InforCloud::of(gateway).is_some()
        && let Some(other) = first_segment(gateway)
        && other != tenant
    {
        warnings.push(format!(
            "The file says tenant {tenant} (`ti`), but its API gateway (`iu`) names {other}: check \
             that the file is of the right environment."
        ));
    }
    if let Some((prefix, _)) = file.client_id().split_once('~')
        && is_sister(prefix, tenant)
    {
        warnings.push(format!(
            "The file says tenant {tenant} (`ti`), but its client id (`ci`) begins with another \
             environment of the same customer: check that the file is of the right environment."
        ));
    }
    if let (Some(_), Some(account)) = (cloud, file.service_account()) {
        let begins = account.access_key.expose().strip_prefix(tenant.as_bytes());
        if !begins.is_some_and(|rest| rest.starts_with(b"#")) {
            warnings.push(format!(
                "The access key of the service account (`saak`) does not begin with {tenant}#, as \
                 is usual: check that it belongs to this tenant."
            ));
        }
    }
}

fn about_addresses(file: &IonApiFile, warnings: &mut Vec<String>) {
    let Some(gateway) = file.gateway() else {
        warnings.push(
            "The file has no address of an API gateway (`iu`), so callers are not told where to \
             use their tokens."
                .to_owned(),
        );
        return;
    };
    let server = InforCloud::of(file.authorization_server());
    let gateway = InforCloud::of(gateway);
    if server.is_some() && gateway.is_some() && server != gateway {
        warnings.push(
            "The authorization server (`pu`) and the API gateway (`iu`) are in different regions of \
             Infor's cloud: check that the file was not put together from two."
                .to_owned(),
        );
    }
    if server.is_some() != gateway.is_some() {
        warnings.push(
            "Only one of the authorization server (`pu`) and the API gateway (`iu`) is in Infor's \
             cloud: check that the file was not put together from two."
                .to_owned(),
        );
    }
}

fn about_lengths(file: &IonApiFile, warnings: &mut Vec<String>) {
    let code = file.client_id().rsplit_once('~').map(|(_, code)| code.as_bytes());
    let mut unusual = Vec::new();
    if !code.is_some_and(|code| is_code(code, CLIENT_CODE_BYTES)) {
        unusual.push("client id (`ci`)");
    }
    if !is_secret_code(file.client_secret()) {
        unusual.push("client secret (`cs`)");
    }
    if let Some(account) = file.service_account() {
        let access_key = account.access_key.expose();
        let after_mark = access_key.rsplit(|byte| *byte == b'#').next().unwrap_or(access_key);
        if !is_code(after_mark, SECRET_CODE_BYTES) {
            unusual.push("access key of the service account (`saak`)");
        }
        if !is_secret_code(account.secret_key) {
            unusual.push("secret key of the service account (`sask`)");
        }
    }
    warnings.extend(unusual.into_iter().map(|what| {
        format!(
            "The {what} does not have the usual form: if token requests fail, it may have been \
             cut off or changed on the way."
        )
    }));
}

/// base64url of 32 bytes: what follows the `~` of a client id.
const CLIENT_CODE_BYTES: usize = 43;

/// base64url of 64 bytes: secrets, and what follows the `#` of an access key.
const SECRET_CODE_BYTES: usize = 86;

fn is_secret_code(secret: &Secret) -> bool {
    is_code(secret.expose(), SECRET_CODE_BYTES)
}

fn is_code(bytes: &[u8], length: usize) -> bool {
    let base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    bytes.len() == length && bytes.iter().all(base64url)
}

fn first_segment(url: &url::Url) -> Option<&str> {
    url.path_segments()?.next().filter(|segment| !segment.is_empty())
}

/// Whether both name environments of one customer, and not the same: `ACME_TST` and `ACME_PRD`.
fn is_sister(prefix: &str, tenant: &str) -> bool {
    match (prefix.rsplit_once('_'), tenant.rsplit_once('_')) {
        (Some((customer, _)), Some((same, _))) => customer == same && prefix != tenant,
        _ => false,
    }
}
