//! What an authorization server says of a token that it gave.

use ionvault::simulator::{App, ServerKind};
use serde_json::Value;

/// Whether a token of this app works: the server is asked (RFC 7662). The simulator tells nobody.
pub(crate) async fn is_active(
    client: &reqwest::Client,
    base_url: &str,
    app: &App,
    token: &str,
) -> bool {
    let path = match app.server {
        ServerKind::PingFederate => format!("/{}/as/introspect.oauth2", app.tenant),
        ServerKind::InforSts => "/InforIntSTS/connect/introspect".to_owned(),
    };
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token)
        .append_pair("client_id", &app.client_id)
        .append_pair("client_secret", &app.client_secret)
        .finish();
    let request = client.post(format!("{base_url}{path}"));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    answer["active"].as_bool().unwrap()
}
