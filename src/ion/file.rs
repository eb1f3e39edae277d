//! A parsed ION API file.

mod endpoints;
mod keys;

use url::Url;

use super::json::{self, Member, Value};
use super::key::Key;
use super::violation::{InvalidIonApiFile, Problem, Violations};
use super::warnings::{self, Unkept};
use super::wrong_file::WrongFile;
use super::{address, encoding, scopes, text};
use crate::model::{Grant, IonApiFacts};
use crate::secret::Secret;

use endpoints::Endpoints;
use keys::Keys;

/// An ION API file: how to log in to one authorized app of one Infor tenant.
///
/// Invariant: every value has been checked as [`IonApiFile::parse`] says, so ids can go into
/// headers and URLs as they are. Where requests may be sent is still for
/// [`HostRules`](super::HostRules) to say. There is no `Debug` and no `Clone`: it holds secrets.
pub struct IonApiFile {
    infor_tenant: String,
    application_name: String,
    application_type: String,
    client_id: String,
    client_secret: Secret,
    account: Option<Account>,
    grant: Grant,
    scopes: Vec<String>,
    gateway: Option<Url>,
    endpoints: Endpoints,
    warnings: Vec<String>,
}

/// The service account within a file: user name and password of the password grant.
pub struct ServiceAccount<'a> {
    /// `saak`, the user name.
    pub access_key: &'a Secret,
    /// `sask`, the password.
    pub secret_key: &'a Secret,
}

struct Account {
    access_key: Secret,
    secret_key: Secret,
}

/// The largest file that is read. Infor's have about 1,000 bytes.
pub const FILE_BYTES_MAX: usize = 64 * 1024;

impl IonApiFile {
    /// Parses a file as downloaded from Infor, in UTF-8 or UTF-16, and at most
    /// [`FILE_BYTES_MAX`] bytes.
    ///
    /// `ci`, `cs`, `pu` and `ot` must be there, `saak` and `sask` both or neither, `oa` if there is
    /// `ru` and no service account. Values are texts, save `sc`. Nothing is ever stripped from a
    /// secret or an id. URLs are `https`, without user info, query, fragment and dot segments;
    /// paths are relative. Unknown keys are ignored; what is merely unusual becomes a warning in
    /// [`IonApiFile::facts`].
    ///
    /// # Errors
    ///
    /// [`InvalidIonApiFile`] names every key that is wrong, or the kind of file this is.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidIonApiFile> {
        if let Some(kind) = WrongFile::of_bytes(bytes) {
            return Err(kind.into());
        }
        if bytes.len() > FILE_BYTES_MAX {
            return Err(Problem::TooLarge.into());
        }
        let text = encoding::decode(bytes).map_err(Problem::from)?;
        let value = json::read(&text).map_err(|invalid| match WrongFile::of_text(&text) {
            Some(kind) => InvalidIonApiFile::from(kind),
            None => InvalidIonApiFile::from(Problem::from(invalid)),
        })?;
        if let Some(kind) = WrongFile::of_value(&value) {
            return Err(kind.into());
        }
        match &value {
            Value::Object(members) => Self::from_members(members),
            other @ (Value::Text(_)
            | Value::Number
            | Value::Boolean
            | Value::Null
            | Value::Array(_)) => Err(Problem::NotObject(other.kind()).into()),
        }
    }

    fn from_members(members: &[Member<'_>]) -> Result<Self, InvalidIonApiFile> {
        let mut keys = Keys { members, violations: Violations::default() };
        let infor_tenant = keys.optional(Key::Ti, text::tenant);
        let application_name = keys.optional(Key::Cn, text::name);
        let application_type = keys.optional(Key::Dt, text::name);
        let client_id = keys.required(Key::Ci, text::client_id);
        let client_secret = keys.required(Key::Cs, text::client_secret);
        let gateway = keys.optional(Key::Iu, address::base);
        let account = keys.account();
        let endpoints = Endpoints::read(&mut keys, account.is_some());
        keys.optional(Key::Ev, text::name);
        let format = keys.optional(Key::V, text::name);
        let scopes = scopes::read(keys.value(Key::Sc)).unwrap_or_else(|problem| {
            keys.violations.add(Key::Sc, problem);
            Vec::new()
        });
        let unknown_keys =
            members.iter().filter(|member| Key::named(&member.key).is_none()).count();
        let violations = keys.violations;
        let (Some(client_id), Some(client_secret), Some(endpoints), None) =
            (client_id, client_secret, endpoints, violations.refusal())
        else {
            // Whatever is absent here has left a violation, so there is no second case.
            return Err(violations.refusal().unwrap_or_else(|| Problem::Missing.into()));
        };
        let grant = match (&account, &endpoints.redirect_uri) {
            (Some(_), _) => Grant::Password,
            (None, Some(_)) => Grant::AuthorizationCode,
            (None, None) => Grant::ClientCredentials,
        };
        let mut file = Self {
            infor_tenant: infor_tenant.unwrap_or_default().to_owned(),
            application_name: application_name.unwrap_or_default().to_owned(),
            application_type: application_type.unwrap_or_default().to_owned(),
            client_id: client_id.to_owned(),
            client_secret: secret(client_secret),
            account,
            grant,
            scopes,
            gateway,
            endpoints,
            warnings: Vec::new(),
        };
        file.warnings = warnings::of(&file, &Unkept { format, unknown_keys });
        Ok(file)
    }

    /// What the file says, without its secrets.
    #[must_use]
    pub fn facts(&self) -> IonApiFacts {
        IonApiFacts {
            infor_tenant: self.infor_tenant.clone(),
            application_name: self.application_name.clone(),
            application_type: self.application_type.clone(),
            client_id: self.client_id.clone(),
            api_base_url: self.api_base_url(),
            authorization_server: self.authorization_server().to_string(),
            scopes: self.scopes.clone(),
            has_service_account: self.account.is_some(),
            grant: self.grant,
            warnings: self.warnings.clone(),
        }
    }

    /// `ti`, Infor's tenant; empty if absent.
    pub(super) fn infor_tenant(&self) -> &str {
        &self.infor_tenant
    }

    /// `ci`; visible ASCII.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// `cs`; visible ASCII.
    #[must_use]
    pub fn client_secret(&self) -> &Secret {
        &self.client_secret
    }

    /// `saak` and `sask`, if they are there; UTF-8 without white space and control characters.
    #[must_use]
    pub fn service_account(&self) -> Option<ServiceAccount<'_>> {
        let Account { access_key, secret_key } = self.account.as_ref()?;
        Some(ServiceAccount { access_key, secret_key })
    }

    /// How tokens are asked for.
    #[must_use]
    pub fn grant(&self) -> Grant {
        self.grant
    }

    /// `sc`; each is a scope token of RFC 6749 (section 3.3), none is there twice.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// `{pu}{ot}` with exactly one slash between them, normalised: lower-case host, no default
    /// port. Files that differ only in spelling give the same URL.
    #[must_use]
    pub fn token_endpoint(&self) -> &Url {
        &self.endpoints.token
    }

    /// `{pu}{oa}`, joined and normalised as [`IonApiFile::token_endpoint`]: where a person's
    /// browser is sent to authorize the app. Always there if the grant is the authorization code.
    #[must_use]
    pub fn authorization_endpoint(&self) -> Option<&Url> {
        self.endpoints.authorization.as_ref()
    }

    /// `{pu}{or}`, joined and normalised as [`IonApiFile::token_endpoint`]: where tokens are given
    /// back.
    #[must_use]
    pub fn revocation_endpoint(&self) -> Option<&Url> {
        self.endpoints.revocation.as_ref()
    }

    /// `ru`, to the letter; visible ASCII. Always there if the grant is the authorization code.
    #[must_use]
    pub fn redirect_uri(&self) -> Option<&str> {
        self.endpoints.redirect_uri.as_deref()
    }

    /// Whether a refresh token comes only to those who ask for `offline_access`: Infor STS,
    /// on-premises. Nobody gives one for client credentials.
    #[must_use]
    pub fn wants_offline_access(&self) -> bool {
        self.grant != Grant::ClientCredentials && self.endpoints.are_of_infor_sts()
    }

    /// The `scope` of requests: the file's scopes, and `offline_access` where it is wanted.
    /// `None`: the parameter is left out.
    #[must_use]
    pub fn request_scope(&self) -> Option<String> {
        let offline_access =
            self.wants_offline_access() && self.scopes.iter().all(|scope| scope != OFFLINE_ACCESS);
        let scopes = self.scopes.iter().map(String::as_str);
        let scopes: Vec<&str> = scopes.chain(offline_access.then_some(OFFLINE_ACCESS)).collect();
        (!scopes.is_empty()).then(|| scopes.join(" "))
    }

    /// `pu`, normalised: lower-case host, no default port, exactly one slash at the end.
    pub(super) fn authorization_server(&self) -> &Url {
        &self.endpoints.server
    }

    /// `iu`, normalised as `pu`.
    pub(super) fn gateway(&self) -> Option<&Url> {
        self.gateway.as_ref()
    }

    fn api_base_url(&self) -> String {
        match &self.gateway {
            Some(gateway) if !self.infor_tenant.is_empty() => {
                address::api_base(gateway, &self.infor_tenant)
            }
            _ => String::new(),
        }
    }
}

/// Asks for a refresh token (OpenID Connect Core 1.0, section 11).
const OFFLINE_ACCESS: &str = "offline_access";

/// One copy, of its final size.
fn secret(text: &str) -> Secret {
    Secret::from(text.as_bytes().to_vec())
}
