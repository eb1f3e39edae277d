//! The ways to be refused.

use http::StatusCode;
use ionvault::simulator::certificates::Authority;
use ionvault::simulator::{App, AppGrant, Fault, Moment, OtherAnswer, Plan, Simulator};
use serde_json::{Value, json};

/// One way to be refused.
pub(crate) struct Case {
    /// What is wrong, for an administrator of Infor.
    pub(crate) way: &'static str,
    /// What the app is like at Infor, beside the app that the file was made from.
    pub(crate) infor: fn(&Simulator, &mut App),
    /// What the file is like, beside the one that Infor would make for the app.
    pub(crate) file: fn(&mut Value),
    /// A CA for the file, other than the operator's.
    pub(crate) ca: fn() -> Option<String>,
    /// How many uploads with other secrets, which Infor refuses, come before.
    pub(crate) failures_before: usize,
}

/// The vault's own limits, so far above the few requests of each case that only the case that means
/// to reaches one: accounts that never had a token share a twentieth of a client's.
pub(crate) const VAULT_LIMITS: &str = "[tokens.limits]\ntokens_per_client_and_day = 200\n\
    logins_per_tenant_and_day = 5000\nlogins_per_tenant_and_minute = 1000\n";

/// What accounts that never had a token may ask for with one client.
const SMALL_SHARE: usize = 10;

fn case(way: &'static str, infor: fn(&Simulator, &mut App)) -> Case {
    Case { way, infor, file: |_| {}, ca: || None, failures_before: 0 }
}

/// A fault that each token request of this app meets.
fn always(simulator: &Simulator, app: &App, fault: Fault) {
    let plan = Plan { client_id: Some(app.client_id.clone()), ..Plan::default() };
    drop(simulator.plan(plan, fault).unwrap());
}

fn answers(simulator: &Simulator, app: &App, answer: OtherAnswer) {
    always(simulator, app, Fault::Answer(Moment::BeforeEffect, answer));
}

fn field(simulator: &Simulator, app: &App, name: &'static str, value: Option<Value>) {
    always(simulator, app, Fault::Field(name, value));
}

/// In the order of the document: what a person changes in Infor, what time heals, what an operator
/// changes.
pub(crate) fn all() -> Vec<Case> {
    [definite(), transient(), elsewhere()].into_iter().flatten().collect()
}

fn definite() -> Vec<Case> {
    vec![
        case("The client secret (`cs`) is wrong", |_, app| app.client_secret.push('x')),
        case("The app was deleted, or the client id (`ci`) is wrong", |_, app| {
            app.client_id.push('x');
        }),
        case("The app is disabled", |_, app| app.enabled = false),
        case("The service account's key (`saak`, `sask`) is wrong", |_, app| {
            if let AppGrant::Password { sask, .. } = &mut app.grant {
                sask.push('x');
            }
        }),
        case("The service account is disabled or was deleted", |_, app| {
            app.service_account_enabled = false;
        }),
        Case {
            file: |file| {
                let members = file.as_object_mut().unwrap();
                members.retain(|key, _| key != "saak" && key != "sask");
            },
            ..case("The file was downloaded with Create Service Account off", |_, _| {})
        },
        case(
            "The app is one of the grant type Client Credentials, the file has a service account",
            |_, app| {
                app.grant = AppGrant::ClientCredentials;
            },
        ),
        case("The server does not know the grant type", |simulator, app| {
            let answer = OtherAnswer::oauth(StatusCode::BAD_REQUEST, "unsupported_grant_type");
            answers(simulator, app, answer);
        }),
        Case {
            file: |file| file["sc"] = json!(["Infor-ION", "Infor-M3"]),
            ..case("A scope of the file is not assigned to the app", |_, app| {
                app.scopes = vec!["Infor-ION".to_owned()];
            })
        },
        case("The server calls the request malformed", |simulator, app| {
            let answer = OtherAnswer::oauth(StatusCode::BAD_REQUEST, "invalid_request");
            answers(simulator, app, answer);
        }),
        Case {
            file: |file| {
                let members = file.as_object_mut().unwrap();
                members.retain(|key, _| key != "saak" && key != "sask");
                members.insert("ru".to_owned(), json!("https://docbits.example/callback"));
            },
            ..case("Nobody has authorized the Web or mobile app", |_, app| {
                let redirect_uri = "https://docbits.example/callback".to_owned();
                app.grant = AppGrant::AuthorizationCode { redirect_uri };
            })
        },
    ]
}

fn transient() -> Vec<Case> {
    vec![
        Case {
            file: |file| {
                let server = file["pu"].as_str().unwrap().replace("/CASE_", "/GONE_");
                file["pu"] = json!(server);
            },
            ..case("The tenant in the path (`pu`) is not known", |_, _| {})
        },
        case("The server fails with an HTML page", |simulator, app| {
            answers(simulator, app, OtherAnswer::html(StatusCode::INTERNAL_SERVER_ERROR));
        }),
        case("The server fails without a word", |simulator, app| {
            answers(simulator, app, OtherAnswer::empty(StatusCode::INTERNAL_SERVER_ERROR));
        }),
        case("The server is down for maintenance", |simulator, app| {
            let answer = OtherAnswer::html(StatusCode::SERVICE_UNAVAILABLE).retry_after("120");
            answers(simulator, app, answer);
        }),
        case("The quota policy wants fewer requests", |simulator, app| {
            let answer = OtherAnswer::empty(StatusCode::TOO_MANY_REQUESTS).retry_after("60");
            answers(simulator, app, answer);
        }),
        case("The connection breaks before the answer", |simulator, app| {
            always(simulator, app, Fault::Reset(Moment::BeforeEffect));
        }),
        case("A page answers in the server's place", |simulator, app| {
            answers(simulator, app, OtherAnswer::html(StatusCode::OK));
        }),
        case("The token is not a bearer token", |simulator, app| {
            field(simulator, app, "token_type", Some(json!("mac")));
        }),
        case("The token has characters that no token has", |simulator, app| {
            field(simulator, app, "access_token", Some(json!("two words")));
        }),
        case("There is no token in the answer", |simulator, app| {
            field(simulator, app, "access_token", None);
        }),
    ]
}

fn elsewhere() -> Vec<Case> {
    vec![
        Case {
            ca: || Some(Authority::generate().unwrap().certificate_pem().to_owned()),
            ..case("The server's certificate is of another authority", |_, _| {})
        },
        Case { failures_before: SMALL_SHARE, ..case("Infor's limits would be passed", |_, _| {}) },
    ]
}
