//! What the policies look at of a credential.
//!
//! Only that becomes an entity; the rest cannot change a decision. So a policy without conditions
//! takes the same time for whatever credential there is, and for one that is absent.

use std::collections::BTreeSet;

use cedar_policy::PolicySet;
use serde_json::Value;

use crate::model::LABELS_MAX;

/// What at least one policy looks at.
pub(super) struct View {
    labels: LabelView,
    infor_tenant: bool,
}

enum LabelView {
    These(BTreeSet<String>),
    /// A policy computes which label it looks at.
    All,
}

impl View {
    pub(super) fn of(policies: &PolicySet) -> Self {
        let mut view = Self { labels: LabelView::These(BTreeSet::new()), infor_tenant: false };
        for policy in policies.policies() {
            match policy.to_json() {
                Ok(policy) => view.add(policy),
                Err(_) => return Self { labels: LabelView::All, infor_tenant: true },
            }
        }
        view
    }

    /// Walks through a policy, without calling itself: policies may be deep.
    fn add(&mut self, policy: Value) {
        let mut unread = vec![policy];
        while let Some(value) = unread.pop() {
            match value {
                Value::Object(fields) => {
                    for (key, value) in fields {
                        match key.as_str() {
                            "hasTag" | "getTag" => self.add_label(value.pointer("/right/Value")),
                            "attr" => self.infor_tenant |= value == "infor_tenant",
                            _ => {}
                        }
                        unread.push(value);
                    }
                }
                Value::Array(items) => unread.extend(items),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }

    fn add_label(&mut self, key: Option<&Value>) {
        match (key.and_then(Value::as_str), &mut self.labels) {
            (Some(key), LabelView::These(keys)) => {
                keys.insert(key.to_owned());
            }
            (Some(_), LabelView::All) => {}
            (None, labels) => *labels = LabelView::All,
        }
    }

    pub(super) fn shows_label(&self, key: &str) -> bool {
        match &self.labels {
            LabelView::These(keys) => keys.contains(key),
            LabelView::All => true,
        }
    }

    pub(super) fn shows_infor_tenant(&self) -> bool {
        self.infor_tenant
    }

    /// How many labels of one credential show at most.
    pub(super) fn labels_max(&self) -> usize {
        match &self.labels {
            LabelView::These(keys) => keys.len().min(LABELS_MAX),
            LabelView::All => LABELS_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(policy: &str) -> View {
        View::of(&policy.parse().unwrap())
    }

    #[test]
    fn the_shipped_policy_looks_at_names_only() {
        let view = view(super::super::SHIPPED_POLICY);
        assert_eq!((view.labels_max(), view.shows_infor_tenant()), (0, false));
    }

    #[test]
    fn labels_are_seen_where_a_policy_names_them() {
        let view = view(
            r#"permit (principal, action, resource)
               when { resource.hasTag("a") && !(resource.getTag("a") like "x*") }
               unless { [1, 2].contains(3) || { b: resource.hasTag("\u{62}") }.b };
               permit (principal, action, resource) when { resource.getTag("d") == "x" };
               permit (principal, action, resource) when { principal has issuer };"#,
        );
        assert_eq!(view.labels_max(), 3);
        for (key, shows) in [("a", true), ("b", true), ("c", false), ("d", true)] {
            assert_eq!(view.shows_label(key), shows, "{key}");
        }
        assert!(!view.shows_infor_tenant());
    }

    #[test]
    fn a_computed_label_may_be_any() {
        let view = view(
            r#"permit (principal, action, resource)
               when { resource.hasTag("a") && resource.hasTag(principal.namespace) };"#,
        );
        assert!(view.shows_label("z"));
        assert_eq!(view.labels_max(), LABELS_MAX);
    }

    #[test]
    fn the_infor_tenant_is_seen_in_every_spelling() {
        for condition in [
            "resource has infor_tenant",
            r#"resource has "infor_tenant""#,
            r#"resource.infor_tenant == "A_PRD""#,
            r#"resource["infor_tenant"] like "*_PRD""#,
            r#"if true then resource.infor_tenant == "" else false"#,
        ] {
            let view =
                view(&format!("forbid (principal, action, resource) unless {{ {condition} }};"));
            assert!(view.shows_infor_tenant(), "{condition}");
        }
    }
}
