//! What stands in a policy text, and where.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use cedar_policy::{PolicyId, PolicySet};

use super::policy::Policy;

/// A policy text at a glance.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outline {
    /// Each policy, in the order of the text.
    pub policies: Vec<OutlinedPolicy>,
    /// The groups that any of them names.
    pub groups: BTreeSet<String>,
}

/// One policy of a text.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct OutlinedPolicy {
    /// Where it begins, counted from 1.
    pub line: usize,
    /// Its `@id`, or `policy` and its place in the text, counted from 0.
    pub name: String,
    /// What it is for.
    pub effect: Effect,
}

/// What a policy does where it applies.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Effect {
    /// Permits, unless another forbids.
    Permit,
    /// Forbids, whatever others permit.
    Forbid,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permit => "permit",
            Self::Forbid => "forbid",
        })
    }
}

impl Policy {
    pub(super) fn outline(&self) -> Outline {
        let mut policies: Vec<_> =
            self.policies.policies().map(|policy| self.outlined(policy)).collect();
        policies.sort();
        let named = self.policies.policies().flat_map(|policy| policy.entity_literals());
        let groups = named.filter(|entity| entity.type_name().basename() == "Group");
        let groups = groups.map(|group| group.id().unescaped().to_owned()).collect();
        Outline { policies, groups }
    }

    pub(super) fn outlined(&self, policy: &cedar_policy::Policy) -> OutlinedPolicy {
        OutlinedPolicy {
            line: self.lines.line(policy.id()),
            name: name_of(policy),
            effect: match policy.effect() {
                cedar_policy::Effect::Permit => Effect::Permit,
                cedar_policy::Effect::Forbid => Effect::Forbid,
            },
        }
    }
}

/// Its `@id`, or what Cedar calls it.
pub(super) fn name_of(policy: &cedar_policy::Policy) -> String {
    policy.annotation("id").map_or_else(|| policy.id().to_string(), str::to_owned)
}

/// Where each policy begins. Cedar does not say: it numbers policies as they stand in the text, and
/// returns the text of each, and between two of them there is nothing but blanks and comments.
pub(super) struct Lines(HashMap<PolicyId, usize>);

impl Lines {
    pub(super) fn of(text: &str, policies: &PolicySet) -> Self {
        let of_policies = policies.policies().map(|policy| (policy.id(), policy.to_cedar()));
        let of_templates =
            policies.templates().map(|template| (template.id(), Some(template.to_cedar())));
        let number = |id: &PolicyId| -> Option<usize> {
            id.to_string().strip_prefix("policy").and_then(|number| number.parse().ok())
        };
        let mut in_order: Vec<_> = of_policies.chain(of_templates).collect();
        in_order.sort_by_key(|(id, _)| number(id));
        let (mut lines, mut line, mut rest) = (HashMap::new(), 1, text);
        for (id, its_text) in in_order {
            let begin = without_comments(rest);
            line += line_breaks(rest, rest.len() - begin.len());
            lines.insert(id.clone(), line);
            let length = its_text.map_or(0, |text| text.len());
            line += line_breaks(begin, length);
            rest = begin.get(length..).unwrap_or_default();
        }
        Self(lines)
    }

    /// The line of one of its policies.
    pub(super) fn line(&self, id: &PolicyId) -> usize {
        self.0.get(id).copied().unwrap_or(1)
    }
}

/// The line of a place, counted from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    1 + line_breaks(text, offset)
}

fn line_breaks(text: &str, length: usize) -> usize {
    text.bytes().take(length).filter(|byte| *byte == b'\n').count()
}

/// The text from the first thing on that is neither blank nor comment.
fn without_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        let Some(comment) = text.strip_prefix("//") else { return text };
        text = comment.find('\n').and_then(|end| comment.get(end..)).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::sample::{access, groups};
    use crate::access::{Access, SHIPPED_POLICY};

    #[test]
    fn each_policy_has_its_line() {
        let access = access(
            "// permit (principal, action, resource);\r\n\n@id(\"a\") permit (principal, action, \
             resource); forbid\n(principal, action, // comment ;\nresource);\n\
             // permit (principal, action, resource);\n  @id(\"ä;\")\n@note(\"// no comment\")\n\
             permit (principal, action, resource);",
        );
        let outlined =
            |line, name: &str, effect| OutlinedPolicy { line, name: name.into(), effect };
        assert_eq!(
            access.outline().policies,
            [
                outlined(3, "a", Effect::Permit),
                outlined(3, "policy1", Effect::Forbid),
                outlined(7, "ä;", Effect::Permit),
            ]
        );
    }

    #[test]
    fn the_lines_of_the_shipped_policy_are_right() {
        let outline = Access::new(SHIPPED_POLICY, &groups(&[])).unwrap().outline();
        assert_eq!(outline.groups, super::super::ROLES.map(str::to_owned).into());
        for policy in &outline.policies {
            let line = SHIPPED_POLICY.lines().nth(policy.line - 1);
            assert_eq!(line, Some(format!("@id({:?})", policy.name).as_str()));
        }
        assert_eq!(outline.policies.len(), 4);
    }
}
