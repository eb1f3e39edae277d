//! Every RPC, for every role, in every tenant, about every state of a credential.

use ionvault::access::SHIPPED_POLICY;
use ionvault::identity::UnusableIdentity;
use ionvault::pb::v1::{
    DeleteCredentialRequest, ListCredentialsResponse, UndeleteCredentialRequest,
};
use prost::Message as _;
use tonic::Code;
use tonic::transport::Channel;

use crate::support::raw::{Answer, send};
use crate::support::{ADMIN, AUDITOR, ISSUER, STRANGER, UPLOADER, World, ionapi, reason};

use super::requests::{Form, request};
use super::rules::{ROWS, Role, Row, State, Tenant, Told};
use super::{Rpc, every_rpc};

const ROLES: [Role; 6] =
    [Role::Admin, Role::Uploader, Role::Issuer, Role::Auditor, Role::Stranger, Role::Unusable];
const TENANTS: [Tenant; 3] = [Tenant::Own, Tenant::Other, Tenant::Unknown];
const STATES: [State; 3] = [State::Live, State::Deleted, State::Absent];

/// The shipped policy, in one tenant.
fn policy() -> String {
    let elsewhere = r#"forbid (principal, action, resource) unless { resource in Tenant::"own" };"#;
    format!("{SHIPPED_POLICY}\n{elsewhere}")
}

fn name(tenant: Tenant, state: State) -> String {
    let tenant = match tenant {
        Tenant::Own => "own",
        Tenant::Other => "other",
        Tenant::Unknown => "unknown",
    };
    format!("tenants/{tenant}/credentials/{}", format!("{state:?}").to_lowercase())
}

/// Two tenants, each with a credential that is live and one that is deleted.
async fn world() -> World {
    let world = World::new().await;
    for tenant in [Tenant::Own, Tenant::Other] {
        for state in [State::Live, State::Deleted] {
            world.upload(&name(tenant, state), &ionapi("OWN_PRD", "app1")).await;
        }
        delete(&world, &name(tenant, State::Deleted)).await;
    }
    world
}

async fn delete(world: &World, name: &str) {
    let request = DeleteCredentialRequest { name: name.to_owned(), ..Default::default() };
    world.credentials(ADMIN).await.delete_credential(request).await.unwrap();
}

/// What a call changed is as it was before; what it created is for the next to find absent under
/// another name.
async fn restore(world: &World, rpc: &Rpc, name: &str) {
    match rpc.name.as_str() {
        "DeleteCredential" if name.ends_with("/live") => {
            let request = UndeleteCredentialRequest { name: name.to_owned(), ..Default::default() };
            world.credentials(ADMIN).await.undelete_credential(request).await.unwrap();
        }
        "UndeleteCredential" => delete(world, name).await,
        _ => {}
    }
}

async fn channel(world: &World, role: Role) -> Channel {
    let caller = match role {
        Role::Admin => ADMIN,
        Role::Uploader => UPLOADER,
        Role::Issuer => ISSUER,
        Role::Auditor => AUDITOR,
        Role::Stranger => STRANGER,
        Role::Unusable => return world.channel_of(Err(UnusableIdentity::SeveralUris)).await,
    };
    world.channel(caller).await
}

fn told(answer: &Answer) -> (Code, String) {
    match answer.result() {
        Ok(_) => (Code::Ok, String::new()),
        Err(status) => (status.code(), reason(&status)),
    }
}

/// A list has what there is, and of it what was asked for; the others have one credential.
fn check_content(row: &Row, answer: &Answer, name: &str, state: State) {
    if row.rpc == "ListCredentials" {
        let list = ListCredentialsResponse::decode(answer.result().unwrap()).unwrap();
        let shown = list.credentials.iter().any(|credential| credential.name == name);
        assert_eq!(shown, state != State::Absent, "{name}");
    }
}

#[tokio::test]
async fn every_rpc_answers_every_role_everywhere_as_promised() {
    let world = world().await.under(&policy());
    let rpcs = every_rpc();
    let (mut cells, mut equal) = (0, 0);
    let mut wrong = Vec::new();
    for role in ROLES {
        let channel = channel(&world, role).await;
        for rpc in &rpcs {
            let row = ROWS.iter().find(|row| row.rpc == rpc.name);
            let row = row.unwrap_or_else(|| panic!("{} has no row in rules.rs", rpc.name));
            for tenant in TENANTS {
                for state in STATES {
                    let mut name = name(tenant, state);
                    if state == State::Absent {
                        name = format!("{name}-{cells}");
                    }
                    let expected: Told = row.expected(role, tenant, state);
                    let answer = send(&channel, &rpc.path, &request(rpc, &name, Form::Good)).await;
                    let got = told(&answer);
                    cells += 1;
                    if (got.0, got.1.as_str()) == expected {
                        equal += 1;
                    } else {
                        wrong.push(format!(
                            "{role:?} {} {name}: {got:?}, not {expected:?}",
                            rpc.name
                        ));
                    }
                    if got.0 == Code::Ok {
                        check_content(row, &answer, &name, state);
                        restore(&world, rpc, &name).await;
                    }
                }
            }
        }
    }
    println!(
        "{} RPCs x {} roles x {} tenants x {} states: {cells} cells, {equal} as expected",
        rpcs.len(),
        ROLES.len(),
        TENANTS.len(),
        STATES.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cells, rpcs.len() * 6 * 3 * 3);
}

/// What is wrong with a request is told to who may make it. To the others it is the same as a good
/// one, to the byte.
#[tokio::test]
async fn whoever_may_not_is_told_the_same_of_a_good_request_and_of_a_bad_one() {
    let world = world().await.under(&policy());
    let mut pairs = 0;
    for role in ROLES {
        let channel = channel(&world, role).await;
        for rpc in &every_rpc() {
            let row = ROWS.iter().find(|row| row.rpc == rpc.name).unwrap();
            for tenant in TENANTS.into_iter().filter(|tenant| !row.permits(role, *tenant)) {
                for state in STATES {
                    let name = name(tenant, state);
                    let ask = async |form| {
                        let mut answer =
                            send(&channel, &rpc.path, &request(rpc, &name, form)).await;
                        answer.headers.remove("date");
                        answer
                    };
                    assert_eq!(
                        ask(Form::Good).await,
                        ask(Form::Malformed).await,
                        "{role:?} {} {name}",
                        rpc.name
                    );
                    pairs += 1;
                }
            }
        }
    }
    println!("{pairs} pairs of a good request and a bad one, all refused alike");
}

#[test]
fn every_row_is_of_an_rpc_that_there_is() {
    let rpcs = every_rpc();
    for row in ROWS {
        assert!(rpcs.iter().any(|rpc| rpc.name == row.rpc), "{}", row.rpc);
    }
    assert_eq!(ROWS.len(), rpcs.len());
}
