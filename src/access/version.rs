//! Which policy is in force.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::Groups;

/// A digest of a policy's text and its groups, so that operators can see whether two vaults judge
/// alike. It says nothing of what stands in them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PolicyVersion([u8; 32]);

impl PolicyVersion {
    /// The version of this text with these groups. Any change makes another one, also of a comment.
    #[must_use]
    pub fn of(policy: &str, groups: &Groups) -> Self {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            // Lengths, so that what ends one part cannot begin the next.
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        };
        part(policy);
        for (group, members) in groups.iter() {
            part(group);
            part(&members.len().to_string());
            members.iter().for_each(|member| part(&member.to_string()));
        }
        Self(hash.finalize().into())
    }

    /// The digits that `Display` shows, as a number for metrics, which hold no text.
    #[must_use]
    pub fn number(&self) -> u64 {
        let [a, b, c, d, e, f, ..] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

/// Twelve digits: as many as a metric, which is a float, can hold, and enough to tell apart what one
/// operator ever wrote.
impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, _, shown @ ..] = self.number().to_be_bytes();
        f.write_str(&HEXLOWER.encode(&shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::sample::groups;

    #[test]
    fn whatever_changes_makes_another_version() {
        let [nobody, one, two] =
            [&[][..], &["uid:1"], &["uid:1", "uid:2"]].map(|members| groups(&[("admin", members)]));
        let all = [
            PolicyVersion::of("a", &nobody),
            PolicyVersion::of("ab", &nobody),
            PolicyVersion::of("a", &one),
            PolicyVersion::of("a", &two),
            PolicyVersion::of("a", &groups(&[("issuer", &["uid:1"])])),
            PolicyVersion::of("a", &groups(&[("a", &[])])),
        ];
        for (at, version) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == version), Some(at));
        }
        assert_eq!(PolicyVersion::of("a", &groups(&[("admin", &["uid:1"])])), all[2]);
    }

    #[test]
    fn log_and_metric_show_the_same_digits() {
        let version = PolicyVersion([0xab; 32]);
        assert_eq!(version.to_string(), "abababababab");
        assert_eq!(format!("{:012x}", version.number()), version.to_string());
        // A metric loses none of them.
        assert_eq!(version.number() as f64 as u64, version.number());
    }
}
