//! The shipped policy, held to what its comments promise.

use super::sample::{caller, credential, groups};
use super::{Access, Action, ROLES, Resource, SHIPPED_POLICY};
use crate::model::{Caller, JwtCaller, Workload};

const MEMBERS: [&str; 5] = ["uid:1", "dns:page.example", "spiffe://a.example/b", "uid:4", "uid:9"];

fn shipped(more: &str) -> Access {
    let [admin, uploader, issuer, auditor, _stranger] = MEMBERS;
    let groups = groups(&[
        ("admin", &[admin]),
        ("uploader", &[uploader]),
        ("issuer", &[issuer]),
        ("auditor", &[auditor]),
        ("test-services", &["dns:test.example"]),
        ("production-services", &[]),
    ]);
    Access::new(&format!("{SHIPPED_POLICY}\n{more}"), &groups).unwrap()
}

/// Admin, uploader, issuer, auditor, stranger.
fn promised(action: Action) -> [bool; 5] {
    match action {
        Action::UploadCredential
        | Action::StartAuthorization
        | Action::CompleteAuthorization
        | Action::TestCredential => [true, true, false, false, false],
        Action::GetCredential => [true, true, true, true, false],
        Action::ListCredentials | Action::ListCredentialVersions => {
            [true, true, false, true, false]
        }
        Action::UpdateCredential
        | Action::ActivateCredentialVersion
        | Action::DeleteCredential
        | Action::UndeleteCredential
        | Action::RevokeTokens => [true, false, false, false, false],
        Action::IssueToken | Action::WatchToken => [true, false, true, false, false],
        Action::ListAuditEvents | Action::GetAuditCheckpoint | Action::ProveAuditEvent => {
            [true, false, false, true, false]
        }
    }
}

#[test]
fn each_role_may_do_what_is_promised_and_nothing_else_in_every_tenant() {
    let access = shipped("");
    for action in Action::ALL {
        for (member, expected) in MEMBERS.into_iter().zip(promised(action)) {
            for tenant in ["acme", "other"] {
                let credential = credential(&format!("tenants/{tenant}/credentials/infor"), &[]);
                let list = Resource::Tenant(&credential.name.tenant);
                let absent = Resource::AbsentCredential(&credential.name);
                let resources = if action == Action::ListCredentials {
                    vec![list]
                } else if action == Action::GetAuditCheckpoint {
                    vec![Resource::AuditLog]
                } else if [Action::ListAuditEvents, Action::ProveAuditEvent].contains(&action) {
                    vec![list, Resource::AuditLog]
                } else {
                    vec![Resource::Credential(&credential), absent]
                };
                for resource in resources {
                    let permitted = access.permits(&caller(member), action, resource);
                    assert_eq!(permitted, expected, "{member} {action:?} {tenant} {resource:?}");
                }
            }
        }
    }
}

#[test]
fn the_roles_are_those_of_the_policy() {
    for role in ROLES {
        assert!(SHIPPED_POLICY.contains(&format!("principal in Group::\"{role}\"")), "{role}");
    }
}

/// The policy with its examples uncommented.
fn with_examples() -> Access {
    let (_, examples) = SHIPPED_POLICY.split_once("--- Examples").unwrap();
    let code = |line: &&str| {
        ["// @id", "// permit", "// forbid", "// when", "// unless", "//   ", "// )", "// }"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let code: Vec<_> = examples.lines().filter(code).map(|line| &line[2..]).collect();
    assert_eq!(code.iter().filter(|line| line.contains("@id")).count(), 5, "{code:?}");
    shipped(&code.join("\n"))
}

#[test]
fn the_examples_do_what_they_say() {
    let access = with_examples();
    let issue = |who: &str, name: &str, labels: &[(&str, &str)], infor_tenant: &str| {
        let mut credential = credential(name, labels);
        let mut version = (*credential.versions[0]).clone();
        version.facts.infor_tenant = infor_tenant.to_owned();
        credential.versions[0] = version.into();
        access.permits(&caller(who), Action::IssueToken, Resource::Credential(&credential))
    };
    let (acme, other) = ("tenants/acme/credentials/infor", "tenants/other/credentials/infor");
    let invoices = "spiffe://cluster.example/ns/docbits/sa/invoices";
    assert!(issue(invoices, acme, &[], "ACME_TST"));
    assert!(!issue(invoices, other, &[], "ACME_TST"));
    assert!(!issue(invoices, acme, &[], "ACME_PRD"), "production is for its group");
    let cluster = "https://kubernetes.default.svc.cluster.local";
    let pod = |issuer: &str, namespace: &str| {
        let subject = format!("system:serviceaccount:{namespace}:export");
        let workload = Workload {
            namespace: namespace.to_owned(),
            service_account: "export".to_owned(),
            pod: None,
        };
        Caller::Jwt(JwtCaller::new(issuer, &subject).unwrap().with_workload(workload))
    };
    let credential_of_acme = credential(acme, &[]);
    for (issuer, namespace, expected) in [
        (cluster, "docbits", true),
        (cluster, "default", false),
        ("https://other.example", "docbits", false),
    ] {
        let resource = Resource::Credential(&credential_of_acme);
        let permitted = access.permits(&pod(issuer, namespace), Action::GetCredential, resource);
        assert_eq!(permitted, expected, "{issuer} {namespace}");
    }
    assert!(issue("dns:test.example", other, &[("environment", "test")], ""));
    assert!(!issue("dns:test.example", other, &[("environment", "live")], ""));
    assert!(!issue("dns:test.example", other, &[], ""));

    let frozen = credential(acme, &[("frozen", "")]);
    for (action, expected) in [(Action::DeleteCredential, false), (Action::GetCredential, true)] {
        let permitted = access.permits(&caller("uid:1"), action, Resource::Credential(&frozen));
        assert_eq!(permitted, expected, "{action:?}");
    }
}
