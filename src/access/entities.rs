//! The nouns of the vault as Cedar entities; `schema.cedarschema` is the contract.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema,
};

use super::Action;
use super::view::View;
use crate::model::{Caller, Credential, CredentialName, Labels, TenantId, Workload};

/// What a call is about.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// A credential that there is, deleted or not.
    Credential(&'a Credential),
    /// A name under which there is none: it lies in its tenant and has no labels.
    AbsentCredential(&'a CredentialName),
    /// A tenant, whether it has credentials or not: what lists range over.
    Tenant(&'a TenantId),
    /// The record of all calls.
    AuditLog,
    /// A credential that somebody describes, to have a decision explained.
    Supposed(Supposed<'a>),
}

/// What policies can see of a credential.
#[derive(Clone, Copy, Debug)]
pub struct Supposed<'a> {
    /// Its name.
    pub name: &'a CredentialName,
    /// Its labels.
    pub labels: &'a Labels,
    /// `ti` of the file that serves; `None` if it names none.
    pub infor_tenant: Option<&'a str>,
}

/// The id of the one [`Resource::AuditLog`] that there is.
pub(super) const AUDIT_LOG: &str = "log";

/// Why a request cannot even be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unaskable {
    #[error("the entities do not fit the schema")]
    Entities(#[from] Box<cedar_policy::entities_errors::EntitiesError>),
    #[error("the attributes of an entity cannot be evaluated")]
    Attributes(#[from] Box<cedar_policy::EntityAttrEvaluationError>),
    #[error("the action does not apply to this kind of resource")]
    Request(#[from] Box<cedar_policy::RequestValidationError>),
}

/// The schema and the names of its entity types, parsed once.
pub(super) struct Vocabulary {
    pub(super) schema: Schema,
    action: EntityTypeName,
    audit_log: EntityTypeName,
    caller: EntityTypeName,
    credential: EntityTypeName,
    group: EntityTypeName,
    tenant: EntityTypeName,
}

impl Vocabulary {
    #[expect(clippy::expect_used, reason = "both parse constants of this crate; any test sees it")]
    pub(super) fn new() -> Self {
        let (schema, _warnings) =
            Schema::from_cedarschema_str(super::SCHEMA).expect("the schema is well-formed");
        let name = |name: &str| name.parse().expect("the name of an entity type is an identifier");
        Self {
            schema,
            action: name("Action"),
            audit_log: name("AuditLog"),
            caller: name("Caller"),
            credential: name("Credential"),
            group: name("Group"),
            tenant: name("Tenant"),
        }
    }

    /// Turns a question into Cedar's terms.
    pub(super) fn request(
        &self,
        view: &View,
        caller: &Caller,
        groups: &[String],
        action: Action,
        resource: Resource<'_>,
    ) -> Result<(cedar_policy::Request, Entities), Unaskable> {
        let principal = uid(&self.caller, &caller.to_string());
        let groups: HashSet<_> = groups.iter().map(|group| uid(&self.group, group)).collect();
        let group_entities: Vec<_> = groups.iter().cloned().map(Entity::with_uid).collect();

        let (target, resources) = match resource {
            Resource::Credential(credential) => {
                let facts = credential.active().map(|version| &version.facts);
                let infor_tenant = facts.map(|facts| facts.infor_tenant.as_str());
                let labels = credential.labels.iter();
                self.credential(view, &credential.name, infor_tenant, labels)?
            }
            Resource::AbsentCredential(name) => {
                self.credential(view, name, None, std::iter::empty())?
            }
            Resource::Supposed(Supposed { name, labels, infor_tenant }) => {
                self.credential(view, name, infor_tenant, labels.iter())?
            }
            Resource::Tenant(tenant) => {
                let tenant = uid(&self.tenant, tenant.as_str());
                (tenant.clone(), vec![Entity::with_uid(tenant)])
            }
            Resource::AuditLog => {
                let log = uid(&self.audit_log, AUDIT_LOG);
                (log.clone(), vec![Entity::with_uid(log)])
            }
        };

        let request = cedar_policy::Request::new(
            principal.clone(),
            uid(&self.action, action.as_str()),
            target,
            cedar_policy::Context::empty(),
            Some(&self.schema),
        )
        .map_err(Box::new)?;
        let caller = Entity::new(principal, attributes(caller), groups).map_err(Box::new)?;
        let all = group_entities.into_iter().chain(resources).chain([caller]);
        // With the schema, entities are checked against it and the groups of actions come along.
        let entities = Entities::from_entities(all, Some(&self.schema)).map_err(Box::new)?;
        Ok((request, entities))
    }

    /// A credential in its tenant, as far as it is in view. A stand-in beside it has what it lacks
    /// of that, so that the work says nothing of what it has.
    fn credential<'a>(
        &self,
        view: &View,
        name: &CredentialName,
        infor_tenant: Option<&str>,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(EntityUid, Vec<Entity>), Unaskable> {
        let tenant = uid(&self.tenant, name.tenant.as_str());
        let entity = |id: &str, infor_tenant: Option<&str>, tags: Vec<Attribute>| {
            let infor_tenant = infor_tenant.map(|name| ("infor_tenant".to_owned(), text(name)));
            let id = uid(&self.credential, id);
            Entity::new_with_tags(id, infor_tenant, [tenant.clone()], tags).map_err(Box::new)
        };
        let tags: Vec<_> = labels
            .filter(|(key, _)| view.shows_label(key))
            .map(|(key, value)| (key.to_owned(), text(value)))
            .collect();
        let lacking = view.labels_max().saturating_sub(tags.len());
        let lacking = (0..lacking).map(|number| (number.to_string(), text(""))).collect();
        let infor_tenant =
            infor_tenant.filter(|name| view.shows_infor_tenant() && !name.is_empty());
        let no_infor_tenant = (view.shows_infor_tenant() && infor_tenant.is_none()).then_some("");
        let credential = entity(&name.to_string(), infor_tenant, tags)?;
        let stand_in = entity(NOBODYS, no_infor_tenant, lacking)?;
        Ok((credential.uid(), vec![credential, stand_in, Entity::with_uid(tenant)]))
    }
}

type Attribute = (String, RestrictedExpression);

/// No credential has this name, and no policy may name it.
const NOBODYS: &str = "";

/// The attributes of a caller, which only a token gives.
fn attributes(caller: &Caller) -> HashMap<String, RestrictedExpression> {
    let Caller::Jwt(caller) = caller else { return HashMap::new() };
    let workload = caller.workload().into_iter().flat_map(|workload| {
        let Workload { namespace, service_account, pod } = workload;
        let always = [("namespace", namespace.as_str()), ("service_account", service_account)];
        always.into_iter().chain(pod.as_deref().map(|pod| ("pod", pod)))
    });
    let all = [("issuer", caller.issuer())].into_iter().chain(workload);
    all.map(|(key, value)| (key.to_owned(), text(value))).collect()
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

#[cfg(test)]
mod tests {
    use super::super::SHIPPED_POLICY;
    use super::super::sample::{caller, credential};
    use super::*;

    /// How many entities a question has, how many labels and how many attributes.
    fn work(policy: &str, resource: Resource<'_>) -> [usize; 3] {
        let (caller, view) = (caller("uid:1"), View::of(&policy.parse().unwrap()));
        let asked =
            Vocabulary::new().request(&view, &caller, &[], Action::IssueToken, resource).unwrap();
        let entities: Vec<_> = asked.1.iter().collect();
        let labels = entities.iter().map(|entity| entity.tags().count()).sum();
        let attributes = entities.iter().map(|entity| entity.attrs().count()).sum();
        [entities.len(), labels, attributes]
    }

    #[test]
    fn a_question_is_as_much_work_whatever_the_credential_has() {
        let full: Vec<_> =
            (0..crate::model::LABELS_MAX).map(|number| format!("label{number}")).collect();
        let full: Vec<_> = full.iter().map(|key| (key.as_str(), "value")).collect();
        let (bare, full) = (credential(ACME, &[]), credential(ACME, &full));
        let when =
            |condition| format!("permit (principal, action, resource) when {{ {condition} }};");
        for (policy, labels, attributes) in [
            (SHIPPED_POLICY.to_owned(), 0, 0),
            (when(r#"resource.hasTag("label0") && resource.hasTag("other")"#), 2, 0),
            (when("resource has infor_tenant"), 0, 1),
            (when("resource.hasTag(principal.pod)"), crate::model::LABELS_MAX, 0),
        ] {
            let absent = work(&policy, Resource::AbsentCredential(&bare.name));
            assert_eq!(absent[1..], [labels, attributes], "{policy}");
            for credential in [&bare, &full] {
                assert_eq!(work(&policy, Resource::Credential(credential)), absent, "{policy}");
            }
        }
    }

    const ACME: &str = "tenants/acme/credentials/infor";
}
