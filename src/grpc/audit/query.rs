//! What `ListAuditEvents` asks for.

use std::time::SystemTime;

use tonic::Status;

use crate::audit::{About, Filter, Order};
use crate::model::{CredentialName, Parent, VersionName};
use crate::pb::v1::{AuditOrder, ListAuditEventsRequest};

use super::super::call::Call;
use super::super::fields::{self, Violations};

/// A request, parsed.
pub(super) struct Query {
    /// Everything that makes the list what it is. The page token is bound to it.
    pub(super) scope: Vec<Vec<u8>>,
    pub(super) page_token: String,
    pub(super) filter: Filter,
    pub(super) order: Order,
    pub(super) records_max: usize,
}

impl Query {
    pub(super) fn parse(
        call: Call<'_>,
        parent: &Parent,
        message: ListAuditEventsRequest,
    ) -> Result<Self, Status> {
        let ListAuditEventsRequest {
            parent: parent_text,
            page_size,
            page_token,
            order: order_number,
            caller,
            method,
            resource,
            outcome,
            reason,
            token_id,
            start_time,
            end_time,
        } = message;
        let mut violations = Violations::default();
        let size = violations.check("page_size", fields::page_size(page_size));
        let order = violations.check("order", order(order_number));
        let about = violations.check("resource", about(parent, &resource));
        let start = violations.check("start_time", start_time.map(time).transpose());
        let end = violations.check("end_time", end_time.map(time).transpose());
        let values = size.zip(order).zip(about).zip(start.zip(end));
        let (((records_max, order), about), (not_before, before)) = violations.finish(values)?;

        let times = [not_before, before].map(|time| format!("{time:?}"));
        let mut scope = vec![
            b"ListAuditEvents".to_vec(),
            call.caller.to_string().into_bytes(),
            parent_text.into_bytes(),
            order_number.to_be_bytes().to_vec(),
        ];
        let texts = [&caller, &method, &resource, &outcome, &reason, &token_id];
        scope.extend(texts.into_iter().chain(&times).map(|text| text.as_bytes().to_vec()));
        let given = |text: String| (!text.is_empty()).then_some(text);
        let filter = Filter {
            caller: given(caller),
            method: given(method),
            resource: about,
            outcome: given(outcome),
            reason: given(reason),
            token_id: given(token_id),
            not_before,
            before,
        };
        Ok(Self { scope, page_token, filter, order, records_max })
    }
}

fn order(asked: i32) -> Result<Order, &'static str> {
    match AuditOrder::try_from(asked) {
        Ok(AuditOrder::Unspecified | AuditOrder::OldestFirst) => Ok(Order::OldestFirst),
        Ok(AuditOrder::NewestFirst) => Ok(Order::NewestFirst),
        Err(_) => Err("is none of those that there are"),
    }
}

/// The parent and all that is in it, or one thing in it.
fn about(parent: &Parent, resource: &str) -> Result<Option<About>, &'static str> {
    if resource.is_empty() {
        return Ok(match parent {
            Parent::AllTenants => None,
            Parent::Tenant(tenant) => Some(About::Within(format!("tenants/{tenant}"))),
        });
    }
    let credential = resource.parse::<CredentialName>().ok();
    let version = || resource.parse::<VersionName>().ok().map(|version| version.credential);
    let name = credential.or_else(version).ok_or("must name a credential or a version of one")?;
    match parent {
        Parent::Tenant(tenant) if *tenant != name.tenant => Err("must be in `parent`"),
        Parent::Tenant(_) | Parent::AllTenants => Ok(Some(About::Exactly(resource.to_owned()))),
    }
}

/// Reads how many records a tree has.
pub(super) fn tree_size(field: &str, asked: i64) -> Result<u64, Status> {
    let mut violations = Violations::default();
    let size = u64::try_from(asked).map_err(|_negative| "must be 0 or more");
    let size = violations.check(field, size);
    violations.finish(size)
}

fn time(time: prost_types::Timestamp) -> Result<SystemTime, &'static str> {
    time.try_into().map_err(|_out_of_range| "must be a time between the years 1 and 9999")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_must_be_about_something_in_the_parent() {
        let acme = "tenants/acme/credentials/infor";
        let of = |parent: &str, resource: &str| about(&parent.parse().unwrap(), resource);
        assert_eq!(of("tenants/-", ""), Ok(None));
        assert_eq!(of("tenants/acme", ""), Ok(Some(About::Within("tenants/acme".to_owned()))));
        for (parent, resource) in [
            ("tenants/-", acme.to_owned()),
            ("tenants/acme", acme.to_owned()),
            ("tenants/acme", format!("{acme}/versions/3")),
        ] {
            assert_eq!(of(parent, &resource), Ok(Some(About::Exactly(resource.clone()))));
        }
        for resource in ["tenants/other/", "tenants/acme/", "x", "tenants/other/credentials/infor"]
        {
            assert!(of("tenants/acme", resource).is_err(), "{resource}");
        }
    }
}
