//! Invented callers and credentials for the tests of this module.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Access, Groups};
use crate::model::{
    AccountId, Caller, ContentId, Credential, Grant, IonApiFacts, Labels, State, Uid, Version,
};

/// A credential with this name, these labels, a uid of its own, and `ti` = `ACME_PRD`.
pub(super) fn credential(name: &str, labels: &[(&str, &str)]) -> Credential {
    let number = NonZeroU32::MIN;
    let version = Version {
        number,
        create_time: SystemTime::UNIX_EPOCH,
        created_by: "uid:0".into(),
        requested_by: String::new(),
        account: AccountId([1; 32]),
        content_id: ContentId([2; 32]),
        facts: IonApiFacts {
            infor_tenant: "ACME_PRD".into(),
            application_name: String::new(),
            application_type: "12".into(),
            client_id: "ACME_PRD~invented".into(),
            api_base_url: String::new(),
            authorization_server: String::new(),
            scopes: vec![],
            has_service_account: true,
            grant: Grant::Password,
            warnings: vec![],
        },
    };
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Credential {
        name: name.parse().unwrap(),
        uid: Uid::random().unwrap(),
        tenant_uid: Uid::from_bytes([4; 16]),
        revision: 1,
        state: State::Active,
        create_time: SystemTime::UNIX_EPOCH,
        update_time: SystemTime::UNIX_EPOCH,
        labels: Labels::try_from(labels.collect::<BTreeMap<_, _>>()).unwrap(),
        active_version: number,
        last_version: number,
        versions: vec![Arc::new(version)],
    }
}

pub(super) fn caller(text: &str) -> Caller {
    text.parse().unwrap()
}

/// These groups, and the four roles.
pub(super) fn groups(of: &[(&str, &[&str])]) -> Groups {
    let owned = |(group, members): &(&str, &[&str])| {
        ((*group).to_owned(), members.iter().map(|member| (*member).to_owned()).collect())
    };
    Groups::try_from(of.iter().map(owned).collect::<BTreeMap<_, _>>()).unwrap()
}

/// A policy without groups.
pub(super) fn access(policy: &str) -> Access {
    Access::new(policy, &Groups::default()).unwrap()
}
