//! Groups: who is what.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Caller, InvalidCaller};

/// The members of each group, from the configuration.
///
/// Invariant: at most [`GROUPS_MAX`] groups, whose names match `[a-z]([a-z0-9-]{0,61}[a-z0-9])?`;
/// at most [`MEMBERS_MAX`] members in each; the four roles of the shipped policy are always there,
/// empty unless configured.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Groups(BTreeMap<String, BTreeSet<Caller>>);

/// Why groups are refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidGroups {
    /// More than [`GROUPS_MAX`].
    #[error("at most {GROUPS_MAX} groups")]
    TooMany,
    /// The name of a group breaks the rule.
    #[error("the group name `{0}` must match [a-z]([a-z0-9-]{{0,61}}[a-z0-9])?")]
    Name(String),
    /// More than [`MEMBERS_MAX`].
    #[error("group `{0}` has more than {MEMBERS_MAX} members")]
    TooManyMembers(String),
    /// A member is not a caller.
    #[error("the member `{member}` of group `{group}` is not a caller")]
    Member {
        /// The group.
        group: String,
        /// The text that stands there.
        member: String,
        /// What is expected of it.
        source: InvalidCaller,
    },
}

/// The groups that the shipped policy speaks of.
pub const ROLES: [&str; 4] = ["admin", "uploader", "issuer", "auditor"];

/// A policy that needs more groups has mistaken them for callers.
pub const GROUPS_MAX: usize = 256;

/// Some hundred services in some ten clusters.
pub const MEMBERS_MAX: usize = 4096;

impl Groups {
    /// Whether there is such a group.
    #[must_use]
    pub fn contains(&self, group: &str) -> bool {
        self.0.contains_key(group)
    }

    /// The groups by name, with their members.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &BTreeSet<Caller>)> {
        self.0.iter().map(|(group, members)| (group.as_str(), members))
    }

    /// The groups of each caller that is in one.
    pub(super) fn by_member(&self) -> BTreeMap<Caller, Vec<String>> {
        let mut by_member = BTreeMap::<_, Vec<_>>::new();
        for (group, members) in &self.0 {
            for member in members {
                by_member.entry(member.clone()).or_default().push(group.clone());
            }
        }
        by_member
    }
}

/// The four roles without members.
impl Default for Groups {
    fn default() -> Self {
        Self(ROLES.into_iter().map(|role| (role.to_owned(), BTreeSet::new())).collect())
    }
}

impl TryFrom<BTreeMap<String, Vec<String>>> for Groups {
    type Error = InvalidGroups;

    fn try_from(groups: BTreeMap<String, Vec<String>>) -> Result<Self, InvalidGroups> {
        if groups.len() > GROUPS_MAX {
            return Err(InvalidGroups::TooMany);
        }
        let mut all = Self::default();
        for (group, members) in groups {
            if !is_group_name(&group) {
                return Err(InvalidGroups::Name(group));
            }
            if members.len() > MEMBERS_MAX {
                return Err(InvalidGroups::TooManyMembers(group));
            }
            let callers = members
                .into_iter()
                .map(|member| match member.parse::<Caller>() {
                    Ok(caller) => Ok(caller),
                    Err(source) => {
                        Err(InvalidGroups::Member { group: group.clone(), member, source })
                    }
                })
                .collect::<Result<_, _>>()?;
            all.0.insert(group, callers);
        }
        Ok(all)
    }
}

/// As resource ids (AIP-122), so that no quoting is ever needed in a policy.
fn is_group_name(text: &str) -> bool {
    text.parse::<crate::model::TenantId>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(of: &[(&str, &[&str])]) -> Result<Groups, InvalidGroups> {
        let owned = |(group, members): &(&str, &[&str])| {
            ((*group).to_owned(), members.iter().map(|member| (*member).to_owned()).collect())
        };
        Groups::try_from(of.iter().map(owned).collect::<BTreeMap<_, _>>())
    }

    #[test]
    fn a_caller_may_be_in_several_groups() {
        let all = groups(&[("admin", &["uid:0"]), ("issuer", &["uid:0", "dns:a.example"])]);
        let by_member = all.unwrap().by_member();
        assert_eq!(by_member[&Caller::LocalUser(0)], ["admin", "issuer"]);
        assert_eq!(by_member[&Caller::Dns("a.example".into())], ["issuer"]);
    }

    #[test]
    fn the_roles_are_there_without_being_configured() {
        for role in ROLES {
            assert!(groups(&[("other", &[])]).unwrap().contains(role), "{role}");
        }
        assert!(!Groups::default().contains("other"));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(groups(&[("Admin", &[])]), Err(InvalidGroups::Name("Admin".into())));
        let error = groups(&[("admin", &["root"])]).unwrap_err();
        assert_eq!(error.to_string(), "the member `root` of group `admin` is not a caller");
        let many = vec!["uid:1".to_owned(); MEMBERS_MAX + 1];
        let full = BTreeMap::from([("admin".to_owned(), many)]);
        assert_eq!(Groups::try_from(full), Err(InvalidGroups::TooManyMembers("admin".into())));
        let many: BTreeMap<_, _> = (0..=GROUPS_MAX).map(|n| (format!("g{n}"), vec![])).collect();
        assert_eq!(Groups::try_from(many), Err(InvalidGroups::TooMany));
    }
}
