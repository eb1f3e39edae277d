//! The nouns of the vault as Cedar entities; `schema.cedarschema` is the contract.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema,
};

use super::Action;
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
            caller: name("Caller"),
            credential: name("Credential"),
            group: name("Group"),
            tenant: name("Tenant"),
        }
    }

    /// Turns a question into Cedar's terms.
    pub(super) fn request(
        &self,
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
                self.credential(&credential.name, infor_tenant, labels)?
            }
            Resource::AbsentCredential(name) => self.credential(name, None, std::iter::empty())?,
            Resource::Supposed(Supposed { name, labels, infor_tenant }) => {
                self.credential(name, infor_tenant, labels.iter())?
            }
            Resource::Tenant(tenant) => {
                let tenant = uid(&self.tenant, tenant.as_str());
                (tenant.clone(), vec![Entity::with_uid(tenant)])
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

    fn credential<'a>(
        &self,
        name: &CredentialName,
        infor_tenant: Option<&str>,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(EntityUid, Vec<Entity>), Unaskable> {
        let credential = uid(&self.credential, &name.to_string());
        let tenant = uid(&self.tenant, name.tenant.as_str());
        let infor_tenant = infor_tenant
            .filter(|infor_tenant| !infor_tenant.is_empty())
            .map(|infor_tenant| ("infor_tenant".to_owned(), text(infor_tenant)));
        let tags = labels.map(|(key, value)| (key.to_owned(), text(value)));
        let entity =
            Entity::new_with_tags(credential.clone(), infor_tenant, [tenant.clone()], tags)
                .map_err(Box::new)?;
        Ok((credential, vec![entity, Entity::with_uid(tenant)]))
    }
}

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
