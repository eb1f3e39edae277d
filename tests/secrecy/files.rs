//! Files that are refused, with secrets in them.

use data_encoding::BASE64;
use serde_json::json;

use super::planted::Planted;
use super::providers::FileSecrets;

/// What is wrong with each file, and the file.
pub(crate) fn refused(planted: &Planted) -> Vec<(&'static str, Vec<u8>)> {
    let good = |of: &str| FileSecrets::plant(planted, of).file("https://localhost");
    let secret = |name: &str| planted.any(name);
    let changed = |of: &str, change: &dyn Fn(&mut serde_json::Value)| {
        let mut file: serde_json::Value = serde_json::from_slice(&good(of)).unwrap();
        change(&mut file);
        file.to_string().into_bytes()
    };
    let wrapped = |secret: String| format!("{}\n {}", &secret[..24], &secret[24..]);
    let mut files = vec![
        (
            "half of the pair",
            changed("of a half pair", &|file| {
                file.as_object_mut().unwrap().remove("sask");
            }),
        ),
        (
            "a line wrap in the secret key",
            changed("of a wrapped file", &|file| {
                file["sask"] = json!(wrapped(secret("wrapped sask")));
            }),
        ),
        (
            "a control character",
            changed("of a file with a bell", &|file| {
                file["cs"] = json!(format!("{}\u{7}", secret("cs with a bell")));
            }),
        ),
        (
            "a letter that no client secret has",
            changed("of a file with an umlaut", &|file| {
                file["cs"] = json!(format!("{}ü", secret("cs with an umlaut")));
            }),
        ),
        (
            "an unknown key, and `ci` missing",
            changed("of a file with a password", &|file| {
                file["password"] = json!(secret("password under an unknown key"));
                file[secret("secret as a key")] = json!(true);
                file.as_object_mut().unwrap().remove("ci");
            }),
        ),
        (
            "secrets in lists and objects",
            changed("of a file with lists", &|file| {
                file["cs"] = json!([secret("cs in a list")]);
                file["sask"] = json!({ "value": secret("sask in an object") });
            }),
        ),
        (
            "a password in the URL",
            changed("of a file with user info", &|file| {
                let password = planted.token("password in a URL").replace('/', "_");
                planted.add("the same as it is written there", password.as_bytes());
                file["pu"] = json!(format!("https://user:{password}@localhost/"));
            }),
        ),
        (
            "a secret in a query",
            changed("of a file with a query", &|file| {
                file["ot"] = json!(format!("token?client_secret={}", secret("secret in a query")));
            }),
        ),
        (
            "a secret as scheme and host",
            changed("of a file without URLs", &|file| {
                file["pu"] = json!(secret("secret in place of pu"));
                file["iu"] = json!(secret("secret in place of iu"));
                file["sc"] = json!(secret("secret in place of sc"));
                file["ti"] = json!(secret("secret in place of ti"));
            }),
        ),
        (
            "a secret that is too long",
            changed("of a file with a novel", &|file| {
                file["cs"] = json!(secret("very long cs").repeat(200));
            }),
        ),
        ("the right file in a list", {
            let file: serde_json::Value = serde_json::from_slice(&good("of a list")).unwrap();
            json!([file]).to_string().into_bytes()
        }),
        ("the text of the file as JSON", {
            json!(String::from_utf8(good("of a text")).unwrap()).to_string().into_bytes()
        }),
        ("base64 of the file", BASE64.encode(&good("of a base64 file")).into_bytes()),
        ("cut off", {
            let file = good("of a file cut off");
            file[..file.len() - 20].to_vec()
        }),
        ("a key twice", {
            let file = String::from_utf8(good("of a file with a key twice")).unwrap();
            let again = json!(secret("cs again")).to_string();
            file.replacen('{', &format!("{{\"cs\":{again},"), 1).into_bytes()
        }),
        ("no quotes", format!("{{\"cs\":{}}}", secret("cs without quotes")).into_bytes()),
        (
            "a bad escape",
            format!("{{\"cs\":\"\\q{}\"}}", planted.token("cs after \\q")).into_bytes(),
        ),
        ("no UTF-8", [good("of a file in Latin 1").as_slice(), b"\xE4"].concat()),
    ];
    files.extend(wrong(planted));
    files
}

/// Files of another kind.
fn wrong(planted: &Planted) -> Vec<(&'static str, Vec<u8>)> {
    let secret = |name: &str| planted.any(name);
    let value = |key: &str, of: &str| json!({ "key": key, "value": secret(of), "enabled": true });
    let token = planted.token("access token uploaded as a file");
    vec![
        ("the CSV of a service account", {
            let keys = [planted.token("saak in a CSV"), planted.token("sask in a CSV")];
            format!("Access Key,Secret Key\r\n{}\r\n", keys.join(",")).into_bytes()
        }),
        ("a Postman environment", {
            let values = [value("cs", "cs at Postman"), value("sask", "sask at Postman")];
            json!({ "name": "Infor", "values": values }).to_string().into_bytes()
        }),
        ("a token answer", {
            let answer = json!({ "access_token": token, "token_type": "Bearer" });
            answer.to_string().into_bytes()
        }),
        ("a private key", {
            let key = planted.token("body of a PEM key");
            format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n").into_bytes()
        }),
        ("a page", format!("<html>{}</html>", secret("secret in a page")).into_bytes()),
        ("plain text", secret("a secret alone").into_bytes()),
    ]
}
