//! A parsed ION API file.

use url::Url;

use super::json::{self, Member, Value};
use super::key::Key;
use super::violation::{InvalidIonApiFile, Problem, Violations};
use super::warnings::{self, Unkept};
use super::wrong_file::WrongFile;
use super::{address, encoding, scopes, text};
use crate::model::{Grant, IonApiFacts};
use crate::secret::Secret;

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
    authorization_server: Url,
    token_endpoint: Url,
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
        let server = keys.required(Key::Pu, address::base);
        let authorization_path = keys.optional(Key::Oa, address::path);
        let token_path = keys.required(Key::Ot, address::path);
        keys.optional(Key::Or, address::path);
        keys.optional(Key::Ev, text::name);
        let format = keys.optional(Key::V, text::name);
        let scopes = scopes::read(keys.value(Key::Sc));
        let redirect = keys.optional(Key::Ru, text::address);
        let account = keys.account();
        let scopes = scopes.unwrap_or_else(|problem| {
            keys.violations.add(Key::Sc, problem);
            Vec::new()
        });
        let grant = match (&account, redirect) {
            (Some(_), _) => Grant::Password,
            (None, Some(_)) => Grant::AuthorizationCode,
            (None, None) => Grant::ClientCredentials,
        };
        if grant == Grant::AuthorizationCode && authorization_path.is_none() {
            keys.violations.add(Key::Oa, Problem::MissingForRedirect);
        }
        let token_endpoint = match (&server, &token_path) {
            (Some(server), Some(path)) => keys.checked(Key::Ot, address::join(server, path)),
            _ => None,
        };
        let unkept = Unkept {
            format,
            redirect: redirect.is_some(),
            unknown_keys: members.iter().filter(|member| Key::named(&member.key).is_none()).count(),
        };
        let violations = keys.violations;
        let (
            Some(client_id),
            Some(client_secret),
            Some(authorization_server),
            Some(token_endpoint),
            None,
        ) = (client_id, client_secret, server, token_endpoint, violations.refusal())
        else {
            // Whatever is absent here has left a violation, so there is no second case.
            return Err(violations.refusal().unwrap_or_else(|| Problem::Missing.into()));
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
            authorization_server,
            token_endpoint,
            warnings: Vec::new(),
        };
        file.warnings = warnings::of(&file, &unkept);
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
            authorization_server: self.authorization_server.to_string(),
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
        &self.token_endpoint
    }

    /// `pu`, normalised: lower-case host, no default port, exactly one slash at the end.
    pub(super) fn authorization_server(&self) -> &Url {
        &self.authorization_server
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

/// The members of a file, and what was found wrong with them so far.
struct Keys<'m, 'a> {
    members: &'m [Member<'a>],
    violations: Violations,
}

impl<'m> Keys<'m, '_> {
    fn value(&self, key: Key) -> Option<&'m Value<'m>> {
        let member = self.members.iter().find(|member| &*member.key == key.name())?;
        Some(&member.value)
    }

    fn text(&mut self, key: Key) -> Option<&'m str> {
        match self.value(key)? {
            Value::Text(text) => Some(text),
            other @ (Value::Number
            | Value::Boolean
            | Value::Null
            | Value::Array(_)
            | Value::Object(_)) => {
                self.violations.add(key, Problem::NotText(other.kind()));
                None
            }
        }
    }

    /// An empty text is as good as none.
    fn optional<T>(
        &mut self,
        key: Key,
        check: impl FnOnce(&'m str) -> Result<T, Problem>,
    ) -> Option<T> {
        let text = self.text(key).filter(|text| !text.is_empty())?;
        self.checked(key, check(text))
    }

    fn required<T>(
        &mut self,
        key: Key,
        check: impl FnOnce(&'m str) -> Result<T, Problem>,
    ) -> Option<T> {
        if self.value(key).is_none() {
            self.violations.add(key, Problem::Missing);
        }
        match self.text(key)? {
            "" => self.checked(key, Err(Problem::Empty)),
            text => self.checked(key, check(text)),
        }
    }

    fn account(&mut self) -> Option<Account> {
        match (self.value(Key::Saak), self.value(Key::Sask)) {
            (None, None) => return None,
            (Some(_), None) => {
                self.violations.add(Key::Sask, Problem::OtherHalfMissing(Key::Saak.name()));
            }
            (None, Some(_)) => {
                self.violations.add(Key::Saak, Problem::OtherHalfMissing(Key::Sask.name()));
            }
            (Some(_), Some(_)) => {}
        }
        let access_key = self.required(Key::Saak, text::account).map(secret);
        let secret_key = self.required(Key::Sask, text::account).map(secret);
        Some(Account { access_key: access_key?, secret_key: secret_key? })
    }

    fn checked<T>(&mut self, key: Key, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.violations.add(key, problem)).ok()
    }
}

/// One copy, of its final size.
fn secret(text: &str) -> Secret {
    Secret::from(text.as_bytes().to_vec())
}
