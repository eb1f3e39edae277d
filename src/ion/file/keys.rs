//! The members of a file, read key by key.

use super::super::json::{Member, Value};
use super::super::key::Key;
use super::super::text;
use super::super::violation::{Problem, Violations};
use super::{Account, secret};

/// The members of a file, and what was found wrong with them so far.
pub(super) struct Keys<'m, 'a> {
    pub(super) members: &'m [Member<'a>],
    pub(super) violations: Violations,
}

impl<'m> Keys<'m, '_> {
    pub(super) fn value(&self, key: Key) -> Option<&'m Value<'m>> {
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
    pub(super) fn optional<T>(
        &mut self,
        key: Key,
        check: impl FnOnce(&'m str) -> Result<T, Problem>,
    ) -> Option<T> {
        let text = self.text(key).filter(|text| !text.is_empty())?;
        self.checked(key, check(text))
    }

    pub(super) fn required<T>(
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

    pub(super) fn account(&mut self) -> Option<Account> {
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

    pub(super) fn checked<T>(&mut self, key: Key, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.violations.add(key, problem)).ok()
    }
}
