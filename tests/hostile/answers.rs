//! Answers that are complete, and meant to do harm.

use crate::memory::Memory;
use crate::server::{HostileServer, Script};
use crate::{Asking, told};

/// Reads each of them; how many there were.
pub(crate) async fn read(asking: &Asking, memory: &mut Memory) -> usize {
    let answers: Vec<_> = shapes().into_iter().chain(fields()).chain(statuses()).collect();
    let mut surprises = Vec::new();
    for (what, answer, expected) in &answers {
        let server = HostileServer::start(&asking.identity, Script::say(answer.clone())).await;
        let outcome = memory.during(what, asking.exchange(&server.url())).await;
        assert_eq!(server.connections(), 1, "an exchange is one connection");
        let told = told(&outcome);
        if told != *expected {
            surprises.push(format!("{what}: {told}"));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    answers.len()
}

pub(crate) fn http(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

type Answer = (String, Vec<u8>, &'static str);

const NOT_JSON: &str = "misbehaved: its answer is not the JSON of a token answer";
const HALF_AN_HOUR: &str = "a token for 1800 s";

/// Bodies that are no JSON object, or one that is hard to read.
fn shapes() -> Vec<Answer> {
    let good = r#""access_token":"t","token_type":"Bearer""#;
    let deep = |open: &str, close: &str, depth: usize| {
        format!("{{{good},\"x\":{}0{}}}", open.repeat(depth), close.repeat(depth))
    };
    let many = |item: &str, count: usize| {
        let items = vec![item; count].join(",");
        format!("{{{good},\"scope\":[{items}],\"expires_in\":[{items}]}}")
    };
    let keys = |count: usize| {
        let keys: Vec<String> = (0..count).map(|key| format!("\"{key}\":0")).collect();
        format!("{{{good},{}}}", keys.join(","))
    };
    let long_key = format!("{{{good},\"{}\":1}}", "k".repeat(60_000));
    let words = format!("{{{good},\"scope\":\"{}\"}}", "a ".repeat(30_000));
    [
        ("nothing", String::new(), "misbehaved: its answer is empty"),
        ("white space", " ".repeat(60_000), NOT_JSON),
        ("a page", "<html>planted</html>".to_owned(), NOT_JSON),
        ("a text", "\"planted\"".to_owned(), NOT_JSON),
        ("a number", "1".to_owned(), NOT_JSON),
        ("null", "null".to_owned(), NOT_JSON),
        ("a list", "[\"planted\",\"Bearer\",1]".to_owned(), NOT_JSON),
        ("an object in a list", format!("[{{{good}}}]"), NOT_JSON),
        ("two objects", format!("{{{good}}}{{{good}}}"), NOT_JSON),
        ("something after it", format!("{{{good}}} planted"), NOT_JSON),
        ("half of it", format!("{{{good}"), NOT_JSON),
        ("a comma too many", format!("{{{good},}}"), NOT_JSON),
        ("quotes of another kind", "{'access_token':'planted'}".to_owned(), NOT_JSON),
        ("a comment", format!("{{/* planted */{good}}}"), NOT_JSON),
        ("a guard against scripts", format!(")]}}'\n{{{good}}}"), NOT_JSON),
        ("a form", "access_token=planted&token_type=Bearer".to_owned(), NOT_JSON),
        ("a byte order mark", format!("\u{feff}{{{good}}}"), NOT_JSON),
        ("lists in lists", deep("[", "]", 100), HALF_AN_HOUR),
        ("lists in lists, very deep", deep("[", "]", 30_000), HALF_AN_HOUR),
        ("objects in objects, very deep", deep("{\"x\":", "}", 9_000), HALF_AN_HOUR),
        ("lists without an end", format!("{{{good},\"x\":{}", "[".repeat(60_000)), NOT_JSON),
        ("a list of many lists", many("[]", 10_000), HALF_AN_HOUR),
        ("a list of many objects", many("{}", 10_000), HALF_AN_HOUR),
        ("a list of many numbers", many("0", 15_000), HALF_AN_HOUR),
        ("many keys", keys(7_000), HALF_AN_HOUR),
        ("a long key", long_key, HALF_AN_HOUR),
        ("many scopes", words, HALF_AN_HOUR),
        ("a token twice", format!("{{{good},\"access_token\":\"planted\"}}"), NOT_JSON),
        ("a type twice", format!("{{{good},\"token_type\":\"planted\"}}"), NOT_JSON),
        ("a life twice", format!("{{{good},\"expires_in\":1,\"expires_in\":2}}"), NOT_JSON),
        (
            "an error and a token",
            format!("{{{good},\"error\":\"invalid_grant\"}}"),
            "refused: invalid_grant",
        ),
        (
            "an error without a word",
            format!("{{{good},\"error\":\"\"}}"),
            "misbehaved: its error code is not one of RFC 6749",
        ),
        (
            "an error of many words",
            format!("{{\"error\":\"{}\"}}", "planted ".repeat(7_000)),
            "misbehaved: its error code is not one of RFC 6749",
        ),
        ("an error that is a list", "{\"error\":[\"planted\"]}".to_owned(), NOT_JSON),
        (
            "a key in capitals",
            "{\"ACCESS_TOKEN\":\"planted\"}".to_owned(),
            "misbehaved: its answer holds no access token",
        ),
    ]
    .into_iter()
    .map(|(what, body, expected)| (what.to_owned(), http("200 OK", body.as_bytes()), expected))
    .chain([
        ("UTF-16".to_owned(), http("200 OK", b"\xff\xfe{\0}\0"), NOT_JSON),
        (
            "no UTF-8 in a token".to_owned(),
            http("200 OK", b"{\"access_token\":\"\xff\xfe\",\"token_type\":\"Bearer\"}"),
            NOT_JSON,
        ),
        (
            "half a letter".to_owned(),
            http("200 OK", b"{\"access_token\":\"a\xc3\",\"token_type\":\"Bearer\"}"),
            NOT_JSON,
        ),
        ("zeros".to_owned(), http("200 OK", &[0; 60_000]), NOT_JSON),
        (
            "a raw zero in a token".to_owned(),
            http("200 OK", b"{\"access_token\":\"a\0b\",\"token_type\":\"Bearer\"}"),
            NOT_JSON,
        ),
    ])
    .collect()
}

/// Good answers with one bad field.
fn fields() -> Vec<Answer> {
    let characters = "misbehaved: its access token has characters no token has";
    let long = "misbehaved: its access token is too long";
    let kind = "misbehaved: its token is not a bearer token";
    let none = "misbehaved: its answer holds no access token";
    let refresh = "misbehaved: its refresh token has characters no token has";
    let sixty_kib = format!("\"{}\"", "a".repeat(60_000));
    let escapes = format!("\"{}\"", "\\u0061".repeat(10_000));
    let digits = format!("1{}", "0".repeat(300));
    let many_digits = "9".repeat(50_000);
    [
        ("access_token", "null", none),
        ("access_token", "\"\"", characters),
        ("access_token", "true", NOT_JSON),
        ("access_token", "7", NOT_JSON),
        ("access_token", "{\"planted\":1}", NOT_JSON),
        ("access_token", "\"===\"", characters),
        ("access_token", "\"a b\"", characters),
        ("access_token", "\"a\\u0000b\"", characters),
        ("access_token", "\"a\\r\\nx-planted: 1\"", characters),
        ("access_token", "\"a\\tb\"", characters),
        ("access_token", "\"a,b\"", characters),
        ("access_token", "\"\\u202e\"", characters),
        ("access_token", "\"\\ud800\"", NOT_JSON),
        ("access_token", "\"\u{7f}\"", characters),
        ("access_token", "\"t\u{f6}ken\"", characters),
        ("access_token", &sixty_kib, long),
        ("access_token", &escapes, HALF_AN_HOUR),
        ("token_type", "null", kind),
        ("token_type", "\"\"", kind),
        ("token_type", "\"mac\"", kind),
        ("token_type", "\"DPoP\"", kind),
        ("token_type", "\"Bearer \"", kind),
        ("token_type", "[\"Bearer\"]", NOT_JSON),
        ("refresh_token", "\"r\\u0000\"", refresh),
        ("refresh_token", "\"r\\n\"", refresh),
        ("refresh_token", "\"\u{fc}\"", refresh),
        ("refresh_token", &sixty_kib, "misbehaved: its refresh token is too long"),
        ("refresh_token", "7", NOT_JSON),
        ("expires_in", "0", "a token for 1 s"),
        ("expires_in", "-1", "a token for 1 s"),
        ("expires_in", "-9223372036854775809", "a token for 1 s"),
        ("expires_in", "18446744073709551616", "a token for 86400 s"),
        ("expires_in", "1e308", "a token for 86400 s"),
        ("expires_in", "1e999", NOT_JSON),
        ("expires_in", &digits, "a token for 86400 s"),
        ("expires_in", &many_digits, NOT_JSON),
        ("expires_in", "\"NaN\"", HALF_AN_HOUR),
        ("expires_in", "\"-inf\"", "a token for 1 s"),
        ("expires_in", "\"7200; planted\"", HALF_AN_HOUR),
        ("expires_in", &sixty_kib, HALF_AN_HOUR),
        ("expires_in", "{\"seconds\":7200}", HALF_AN_HOUR),
        ("scope", &sixty_kib, HALF_AN_HOUR),
        ("scope", "\"a\\u0000b\"", HALF_AN_HOUR),
        ("scope", "{\"planted\":[]}", HALF_AN_HOUR),
        ("id_token", &sixty_kib, HALF_AN_HOUR),
    ]
    .into_iter()
    .map(|(field, value, expected)| {
        let mut fields = vec![("access_token", "\"t\""), ("token_type", "\"Bearer\"")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let what = format!("{field} of {} bytes, {:.20}", value.len(), value);
        (what, http("200 OK", format!("{{{}}}", fields.join(",")).as_bytes()), expected)
    })
    .collect()
}

/// Good tokens under a head that says otherwise.
fn statuses() -> Vec<Answer> {
    let token = br#"{"access_token":"planted","token_type":"Bearer","expires_in":7200}"#;
    let failed = "unavailable: it answered that it has failed";
    [
        (
            "200 OK\r\ncontent-encoding: gzip",
            "misbehaved: it compressed an answer that must not be",
        ),
        ("200 OK\r\ncontent-type: text/html; charset=planted", "a token for 7200 s"),
        ("200 \x07planted", "misbehaved: its answer is not HTTP"),
        ("200 OK\r\nretry-after: planted", "a token for 7200 s"),
        ("201 Created\r\nlocation: https://10.0.0.7/", "a token for 7200 s"),
        ("302 Found\r\nlocation: https://10.0.0.7/", "misbehaved: it answered with a redirect"),
        ("400 Bad", "misbehaved: its refusal has no error code"),
        (
            "401 No\r\nwww-authenticate: Basic realm=\"planted\"",
            "misbehaved: its refusal has no error code",
        ),
        ("404 Not Found", "no endpoint"),
        ("407 Proxy\r\nproxy-authenticate: Basic", "misbehaved: its refusal has no error code"),
        ("429 Slow\r\nretry-after: 99999999999999999999", "throttled"),
        ("500 Failed\r\nretry-after: -1", failed),
        ("503 Busy\r\nretry-after: Sun, 99 Mar 2026 99:99:99 GMT", failed),
        ("599 Failed", failed),
        ("999 planted", "misbehaved: its refusal has no error code"),
    ]
    .into_iter()
    .map(|(head, expected)| (format!("{head:?}"), http(head, token), expected))
    .collect()
}
