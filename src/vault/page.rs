//! Lists, a page at a time.

use std::str::FromStr;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;

use crate::model::{
    Caller, Credential, CredentialName, Health, Parent, Uid, Version, VersionNumber,
};
use crate::sealing::{HashPurpose, Payload, Place, RecordKind, SealError, SealedRecord, StoreKey};

use super::filter::Filter;
use super::{Inner, Vault};

/// What a list ranges over. All of it is bound into the page token, so that one answers only the
/// query that it came from, for the caller that it was given to.
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// Who asks.
    pub caller: Caller,
    /// Which tenants.
    pub parent: Parent,
    /// The filter as it was written.
    pub filter_text: String,
    /// The same, parsed.
    pub filter: Filter,
    /// Whether deleted credentials are listed too.
    pub show_deleted: bool,
}

/// One page.
#[derive(Debug)]
pub struct Page<T> {
    /// In the order of the list.
    pub items: Vec<Arc<T>>,
    /// Where the next page begins; empty on the last one.
    pub next_page_token: String,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The text is no page token of this query.
    #[error(transparent)]
    PageToken(#[from] InvalidPageToken),
    /// The next token could not be made.
    #[error("the next page token could not be sealed")]
    Seal(#[from] SealError),
}

/// The text is no page token of this query: it was changed, or is another query's or caller's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be the `next_page_token` of the same query")]
pub struct InvalidPageToken;

/// Bounds what one page looks at, and so how long it keeps a core: at the price of a policy
/// decision (some 20 µs when it is not cached) a tenth of a second.
const LOOKED_AT_MAX: usize = 5_000;

/// Longest page token: a sealed name in base64, with room.
const TOKEN_BYTES_MAX: usize = 1_024;

impl Vault {
    /// Up to `size` credentials in order of their names, of those that `visible` lets through.
    /// `health` tells how one stands with Infor, for filters that want to know.
    ///
    /// # Errors
    ///
    /// As [`ListError`] says.
    pub fn list(
        &self,
        query: &PageQuery,
        page_token: &str,
        size: usize,
        health: impl Fn(&Credential) -> Health,
        visible: impl Fn(&Credential) -> bool,
    ) -> Result<Page<Credential>, ListError> {
        let inner = &*self.0;
        let scope = inner.list_scope(query);
        let after = inner.open_page_token::<CredentialName>(&scope, page_token)?;
        let (items, next) = inner.walk(query, after.as_ref(), size, health, visible);
        let next_page_token = inner.seal_page_token(&scope, next.as_ref())?;
        Ok(Page { items, next_page_token })
    }

    /// Up to `size` versions of a credential, newest first.
    ///
    /// # Errors
    ///
    /// As [`ListError`] says.
    pub fn list_versions(
        &self,
        caller: &Caller,
        credential: &Credential,
        page_token: &str,
        size: usize,
    ) -> Result<Page<Version>, ListError> {
        let inner = &*self.0;
        let caller = caller.to_string();
        let scope = inner.page_scope(&[caller.as_bytes(), credential.uid.as_bytes()]);
        let before = inner.open_page_token::<VersionNumber>(&scope, page_token)?;
        let mut left = credential
            .versions
            .iter()
            .rev()
            .filter(|version| before.is_none_or(|before| version.number < before))
            .peekable();
        let items: Vec<_> = left.by_ref().take(size).map(Arc::clone).collect();
        let more = left.peek().and(items.last()).map(|version| version.number);
        let next_page_token = inner.seal_page_token(&scope, more.as_ref())?;
        Ok(Page { items, next_page_token })
    }
}

impl Vault {
    /// A page token for lists of others: it answers only the query that it was made for. Empty, if
    /// there is no further page.
    ///
    /// # Errors
    ///
    /// [`SealError`]
    pub fn page_token(&self, query: &[&[u8]], position: Option<&u64>) -> Result<String, ListError> {
        let inner = &*self.0;
        Ok(inner.seal_page_token(&inner.page_scope(query), position)?)
    }

    /// The position that a page token of [`Vault::page_token`] stands for; `None` for the first page.
    ///
    /// # Errors
    ///
    /// [`InvalidPageToken`], if it was made for another query.
    pub fn page_position(&self, query: &[&[u8]], token: &str) -> Result<Option<u64>, ListError> {
        let inner = &*self.0;
        Ok(inner.open_page_token(&inner.page_scope(query), token)?)
    }
}

impl Inner {
    /// The page, and the name that the next one begins behind, if there is more.
    fn walk(
        &self,
        query: &PageQuery,
        after: Option<&CredentialName>,
        size: usize,
        health: impl Fn(&Credential) -> Health,
        visible: impl Fn(&Credential) -> bool,
    ) -> (Vec<Arc<Credential>>, Option<CredentialName>) {
        let mut found = Vec::new();
        let mut looked_at = 0;
        let mut last = None;
        for tenant in self.directory.tenants_from(&query.parent, after.map(|name| &name.tenant)) {
            for entry in tenant.snapshot().values() {
                let credential = &entry.credential;
                if after.is_some_and(|after| credential.name <= *after) {
                    continue;
                }
                if found.len() == size || looked_at == LOOKED_AT_MAX {
                    return (found, last);
                }
                looked_at += 1;
                last = Some(credential.name.clone());
                let alive = credential.state == crate::model::State::Active;
                if (alive || query.show_deleted)
                    && visible(credential)
                    && query.filter.matches(credential, &health)
                {
                    found.push(Arc::clone(credential));
                }
            }
        }
        (found, None)
    }

    fn list_scope(&self, query: &PageQuery) -> StoreKey {
        let parent = match &query.parent {
            Parent::AllTenants => "-",
            Parent::Tenant(id) => id.as_str(),
        };
        self.page_scope(&[
            query.caller.to_string().as_bytes(),
            parent.as_bytes(),
            query.filter_text.as_bytes(),
            &[u8::from(query.show_deleted)],
        ])
    }

    fn page_scope(&self, query: &[&[u8]]) -> StoreKey {
        let hash = self.keyring.keyed_hash(HashPurpose::PageToken, query);
        self.keyring.blind(RecordKind::PageToken, &[&hash])
    }

    /// The position is sealed, for it may be a name that the caller must not know.
    fn seal_page_token(
        &self,
        scope: &StoreKey,
        position: Option<&impl ToString>,
    ) -> Result<String, SealError> {
        let Some(position) = position else {
            return Ok(String::new());
        };
        let payload = Payload::new(&[position.to_string().as_bytes()]);
        let place = self.page_place(scope);
        let sealed = SealedRecord::seal(self.keyring.store_key(), &place, &payload)?;
        Ok(BASE64URL_NOPAD.encode(sealed.as_bytes()))
    }

    /// The position that the token stands for; `None` for the first page.
    fn open_page_token<T: FromStr>(
        &self,
        scope: &StoreKey,
        token: &str,
    ) -> Result<Option<T>, InvalidPageToken> {
        if token.is_empty() {
            return Ok(None);
        }
        let open = || {
            let token = (token.len() <= TOKEN_BYTES_MAX).then_some(token)?;
            let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
            let sealed = SealedRecord::from_stored(bytes).ok()?;
            let key = self.keyring.store_key_version(sealed.key_version())?;
            let payload = sealed.open(key, &self.page_place(scope)).ok()?;
            let [position] = payload.fields().ok()?;
            std::str::from_utf8(position.expose()).ok()?.parse().ok()
        };
        open().map(Some).ok_or(InvalidPageToken)
    }

    fn page_place<'a>(&self, scope: &'a StoreKey) -> Place<'a> {
        Place {
            store_id: self.keyring.store_id(),
            tenant_uid: Uid::from_bytes([0; 16]),
            kind: RecordKind::PageToken,
            id: scope,
            version: 0,
        }
    }
}
