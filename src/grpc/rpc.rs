//! The RPCs that the audit knows by name.

use crate::quotas::Effect;

/// An RPC, as the path of a request names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Rpc {
    /// As in the proto files; never a caller's text.
    pub(super) name: &'static str,
    /// What it does, to the disk and to Infor.
    pub(super) effect: Effect,
}

impl Rpc {
    /// What the path names; `None` if it is no affair of the audit: health is asked every second by
    /// who must know nothing, and reflection tells what is public.
    pub(super) fn of(path: &str) -> Option<Self> {
        if let Some(rpc) = RPCS.iter().find(|(known, _)| *known == path) {
            return Some(rpc.1);
        }
        let unaudited = UNAUDITED.iter().any(|service| path.starts_with(service));
        (!unaudited).then_some(UNKNOWN)
    }
}

const UNKNOWN: Rpc = reads("unknown");

const UNAUDITED: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

const fn reads(name: &'static str) -> Rpc {
    Rpc { name, effect: Effect::Reads }
}

const fn changes(name: &'static str) -> Rpc {
    Rpc { name, effect: Effect::Changes }
}

/// The first are asked for most.
const RPCS: [(&str, Rpc); 17] = [
    ("/ionvault.v1.TokenService/IssueToken", reads("IssueToken")),
    ("/ionvault.v1.TokenService/WatchToken", reads("WatchToken")),
    ("/ionvault.v1.CredentialService/GetCredential", reads("GetCredential")),
    ("/ionvault.v1.CredentialService/ListCredentials", reads("ListCredentials")),
    ("/ionvault.v1.CredentialService/ListCredentialVersions", reads("ListCredentialVersions")),
    ("/ionvault.v1.CredentialService/UploadCredential", changes("UploadCredential")),
    ("/ionvault.v1.CredentialService/UpdateCredential", changes("UpdateCredential")),
    (
        "/ionvault.v1.CredentialService/ActivateCredentialVersion",
        changes("ActivateCredentialVersion"),
    ),
    ("/ionvault.v1.CredentialService/DeleteCredential", changes("DeleteCredential")),
    ("/ionvault.v1.CredentialService/UndeleteCredential", changes("UndeleteCredential")),
    ("/ionvault.v1.CredentialService/TestCredential", changes("TestCredential")),
    ("/ionvault.v1.TokenService/RevokeTokens", changes("RevokeTokens")),
    ("/ionvault.v1.AuthorizationService/StartAuthorization", changes("StartAuthorization")),
    ("/ionvault.v1.AuthorizationService/CompleteAuthorization", changes("CompleteAuthorization")),
    ("/ionvault.v1.AuditService/ListAuditEvents", reads("ListAuditEvents")),
    ("/ionvault.v1.AuditService/GetAuditCheckpoint", reads("GetAuditCheckpoint")),
    ("/ionvault.v1.AuditService/ProveAuditEvent", reads("ProveAuditEvent")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;

    use super::*;
    use crate::pb::FILE_DESCRIPTOR_SET;

    #[test]
    fn every_rpc_of_the_protos_is_audited_by_its_name() {
        let files = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
        let mut of_the_protos = BTreeSet::new();
        for file in files.iter().filter(|file| file.package() == "ionvault.v1") {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/ionvault.v1.{}/{}", service.name(), method.name());
                    assert_eq!(Rpc::of(&path).unwrap().name, method.name(), "{path}");
                    of_the_protos.insert(path);
                }
            }
        }
        let known: BTreeSet<_> = RPCS.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(known, of_the_protos);
    }

    #[test]
    fn health_and_reflection_are_no_affair_of_the_audit_and_everything_else_is() {
        for path in [
            "/grpc.health.v1.Health/Check",
            "/grpc.health.v1.Health/Watch",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            assert_eq!(Rpc::of(path), None, "{path}");
        }
        for path in [
            "",
            "/",
            "/ionvault.v1.TokenService/issueToken",
            "/ionvault.v1.TokenService/IssueToken/",
            "//ionvault.v1.TokenService/IssueToken",
            "/ionvault.v2.TokenService/IssueToken",
            "/grpc.health.v1.Healthy/Check",
            "/x/grpc.health.v1.Health/Check",
        ] {
            assert_eq!(Rpc::of(path), Some(UNKNOWN), "{path}");
        }
    }
}
