//! Headers that claim to name the caller, on every listener: believed where the configuration names
//! them, and nowhere else.

use ionvault::model::Caller;
use rustix::process::geteuid;
use tonic::transport::Channel;

use crate::authority::INVOICES;
use crate::clients::{check_with, local, plain};
use crate::house::{House, NAMING, Open};
use crate::issuer::TokenIssuer;

const VICTIM: &str = "spiffe://prod.example/victim";
const VICTIM_OF_LINKERD: &str = "victim.prod.example";

/// What each header says, each in the way that some listener would believe.
fn forged(header: &str) -> String {
    match header {
        "x-forwarded-client-cert" => format!("URI={VICTIM}"),
        "l5d-client-id" => VICTIM_OF_LINKERD.to_owned(),
        _ => format!("Bearer {VICTIM}"),
    }
}

fn is_victim(caller: &Caller) -> bool {
    [VICTIM, "dns:victim.prod.example"].contains(&caller.to_string().as_str())
}

/// The listeners, and who their client is whatever its headers say.
async fn listeners(open: &Open) -> Vec<(&'static str, Option<Caller>, Channel)> {
    let uid = Caller::LocalUser(geteuid().as_raw());
    vec![
        ("mtls", Some(Caller::Spiffe(INVOICES.to_owned())), open.channel(&open.good()).await),
        ("mesh", None, plain(open.mesh.unwrap()).await),
        ("jwt", None, open.without_certificate().await),
        ("admin", Some(uid), local(&open.dir.path().join("admin.sock")).await.unwrap()),
    ]
}

#[tokio::test]
async fn a_forged_header_is_believed_only_where_it_is_configured() {
    let mut table = Vec::new();
    for believed in ["x-forwarded-client-cert", "l5d-client-id"] {
        let mut house = House::new();
        house.identity_header = believed;
        house.tokens = Some(TokenIssuer::new());
        let open = house.open().await;
        for (listener, client, channel) in listeners(&open).await {
            for header in NAMING {
                let value = forged(header);
                // Also beside all the others: none of them helps another.
                let all = NAMING.map(|name| (name, forged(name)));
                let all: Vec<_> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
                check_with(channel.clone(), &[(header, &value)]).await.unwrap();
                let alone = open.last_peer().caller;
                check_with(channel.clone(), &all).await.unwrap();
                let among_others = open.last_peer().caller;
                let expected = listener == "mesh" && header == believed;
                let is = alone.as_ref().is_ok_and(is_victim);
                assert_eq!(is, expected, "{listener} {header}: {alone:?}");
                match client.clone() {
                    Some(client) => {
                        assert_eq!((&alone, &among_others), (&Ok(client.clone()), &Ok(client)))
                    }
                    None if listener == "mesh" => {
                        assert!(among_others.is_ok_and(|caller| is_victim(&caller)));
                    }
                    // What names nobody as a token is as good as none.
                    None => assert!(alone.is_err() && among_others.is_err(), "{listener}"),
                }
                let configured = format!("{listener}, mesh believes {believed}");
                table.push(format!(
                    "{configured:<45} {header:<25} {}",
                    if is { "believed" } else { "no" }
                ));
            }
        }
    }
    println!("{:<45} {:<25} believed", "listener", "forged header");
    println!("{}", table.join("\n"));
    assert_eq!(table.iter().filter(|line| line.ends_with("believed")).count(), 2);
}

/// Beside a good token, beside a forged one, and beside none.
#[tokio::test]
async fn on_the_listener_for_tokens_only_a_token_names_the_caller() {
    let mut house = House::new();
    house.tokens = Some(TokenIssuer::new());
    let open = house.open().await;
    let channel = open.without_certificate().await;
    let good = open.tokens.as_ref().unwrap().bearer();
    let forged_token = TokenIssuer::new().bearer();
    let headers = ["x-forwarded-client-cert", "l5d-client-id"];
    for token in [Some(&good), Some(&forged_token), None] {
        let token: Vec<_> = token.iter().map(|token| ("authorization", token.as_str())).collect();
        check_with(channel.clone(), &token).await.unwrap();
        let without = open.last_peer();
        let known = token.first() == Some(&("authorization", good.as_str()));
        assert_eq!(without.caller.clone().ok(), known.then(TokenIssuer::caller));
        for header in headers {
            let value = forged(header);
            for position in [0, token.len()] {
                let mut sent = token.clone();
                sent.insert(position, (header, &value));
                check_with(channel.clone(), &sent).await.unwrap();
                assert_eq!(open.last_peer().caller, without.caller, "{sent:?}");
            }
        }
    }
}
