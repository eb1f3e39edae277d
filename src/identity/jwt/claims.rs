//! The claims of a token (RFC 7519, section 4), each with its type.

use serde::Deserialize;

use super::InvalidToken;
use super::fields::{object, present};
use crate::model::{InvalidCaller, JwtCaller, Workload};

/// The claims that count; others are ignored.
///
/// Times are whole seconds since 1970. The standard allows fractions, and no issuer that this is
/// for sends them: a time has one spelling here, and a comparison no surprises.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    sub: String,
    aud: Audience,
    pub(super) exp: u64,
    pub(super) nbf: u64,
    #[serde(default, deserialize_with = "present")]
    pub(super) iat: Option<u64>,
    #[serde(rename = "kubernetes.io", default, deserialize_with = "present")]
    kubernetes: Option<Kubernetes>,
}

/// One, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// What a bound service-account token of Kubernetes says of its holder.
#[derive(Debug, Deserialize)]
struct Kubernetes {
    namespace: String,
    serviceaccount: Named,
    #[serde(default, deserialize_with = "present")]
    pod: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

impl Claims {
    pub(super) fn parse(json: &[u8]) -> Result<Self, InvalidToken> {
        let claims: Self = object(json).ok_or(InvalidToken::Claims)?;
        let Self { exp, nbf, iat, .. } = claims;
        if exp.max(nbf).max(iat.unwrap_or_default()) > SECONDS_MAX {
            return Err(InvalidToken::Claims);
        }
        Ok(claims)
    }

    pub(super) fn is_for(&self, audience: &str) -> bool {
        match &self.aud {
            Audience::One(one) => one == audience,
            Audience::Several(several) => several.iter().any(|one| one == audience),
        }
    }

    /// Whom the token names. Signed by the issuer, so what is checked here is what else could stand
    /// in our logs and policies, and that two claims about the same thing agree.
    pub(super) fn caller(&self) -> Result<JwtCaller, InvalidToken> {
        let unusable = |_: InvalidCaller| InvalidToken::Subject;
        let caller = JwtCaller::new(&self.iss, &self.sub).map_err(unusable)?;
        let Some(Kubernetes { namespace, serviceaccount, pod }) = &self.kubernetes else {
            return Ok(caller);
        };
        let pod = pod.as_ref().map(|pod| &pod.name);
        let names = [namespace, &serviceaccount.name];
        let subject = format!("system:serviceaccount:{namespace}:{}", serviceaccount.name);
        if !names.into_iter().chain(pod).all(|name| is_name(name)) || self.sub != subject {
            return Err(InvalidToken::Workload);
        }
        Ok(caller.with_workload(Workload {
            namespace: namespace.clone(),
            service_account: serviceaccount.name.clone(),
            pod: pod.cloned(),
        }))
    }
}

/// A name of Kubernetes: a DNS subdomain (RFC 1123), which has no `:` that a subject could be
/// divided at in two ways.
fn is_name(text: &str) -> bool {
    let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(inner)
}

/// As Kubernetes has it for names of objects.
const NAME_BYTES_MAX: usize = 253;

/// The end of the year 9999 (RFC 3339 has no later one). Below it nothing overflows.
const SECONDS_MAX: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What Kubernetes puts into a token that is bound to a pod, with one claim replaced.
    fn claims(name: &str, value: Value) -> Value {
        let mut claims = json!({
            "aud": ["ionvault"],
            "exp": 1_700_003_600,
            "iat": 1_700_000_000,
            "iss": "https://kubernetes.default.svc.cluster.local",
            "jti": "f2a0f8a4-0c1f-4d0b-8a0e-1d6a4b1c7e55",
            "kubernetes.io": {
                "namespace": "docbits",
                "node": { "name": "node-1", "uid": "b5d8" },
                "pod": { "name": "export-7d9f-x2x", "uid": "9c4e" },
                "serviceaccount": { "name": "export", "uid": "1f77" },
            },
            "nbf": 1_700_000_000,
            "sub": "system:serviceaccount:docbits:export",
        });
        if !name.is_empty() {
            claims[name] = value;
        }
        claims
    }

    fn parse(name: &str, value: Value) -> Result<Claims, InvalidToken> {
        Claims::parse(claims(name, value).to_string().as_bytes())
    }

    fn without(name: &str) -> Result<Claims, InvalidToken> {
        let mut claims = claims("", Value::Null);
        claims.as_object_mut().unwrap().remove(name).unwrap();
        Claims::parse(claims.to_string().as_bytes())
    }

    #[test]
    fn a_service_account_is_a_caller_with_its_workload() {
        let caller = parse("", Value::Null).unwrap().caller().unwrap();
        let expected = "https://kubernetes.default.svc.cluster.local#system:serviceaccount:docbits:\
                        export";
        assert_eq!(caller.to_string(), expected);
        let workload = Workload {
            namespace: "docbits".into(),
            service_account: "export".into(),
            pod: Some("export-7d9f-x2x".into()),
        };
        assert_eq!(caller.workload(), Some(&workload));
        let unbound = json!({ "namespace": "docbits", "serviceaccount": { "name": "export" } });
        let caller = parse("kubernetes.io", unbound).unwrap().caller().unwrap();
        assert_eq!(caller.workload(), Some(&Workload { pod: None, ..workload }));
        assert_eq!(without("kubernetes.io").unwrap().caller().unwrap().workload(), None);
    }

    #[test]
    fn claims_about_a_workload_must_be_names_and_fit_the_subject() {
        let refused = |claims: Claims| claims.caller().unwrap_err();
        let account = |namespace: &str, name: &str, pod: &str| {
            let pod = json!({ "name": pod });
            json!({ "namespace": namespace, "serviceaccount": { "name": name }, "pod": pod })
        };
        for (namespace, name, pod) in [
            ("other", "export", "a"),
            ("docbits", "other", "a"),
            ("docbits:export", "", "a"),
            ("docbits", "export", ""),
            ("docbits", "export", "a b"),
            ("docbits", "export", "A"),
            ("docbits", "export", &"a".repeat(NAME_BYTES_MAX + 1)),
        ] {
            let claims = parse("kubernetes.io", account(namespace, name, pod)).unwrap();
            assert_eq!(refused(claims), InvalidToken::Workload, "{namespace} {name} {pod}");
        }
        let claims = parse("sub", "repo:acme/docs".into()).unwrap();
        assert_eq!(refused(claims), InvalidToken::Workload);
        for sub in ["", "a b", "a\n", "a\0", "\u{e9}", &"a".repeat(385)] {
            let claims = parse("sub", sub.into()).unwrap();
            assert_eq!(refused(claims), InvalidToken::Subject, "{sub}");
        }
    }

    #[test]
    fn an_audience_is_one_or_several_and_compared_as_it_stands() {
        for (audience, expected) in [
            (json!("ionvault"), true),
            (json!(["ionvault"]), true),
            (json!(["other", "ionvault"]), true),
            (json!("Ionvault"), false),
            (json!("ionvault/"), false),
            (json!("ionvault "), false),
            (json!(""), false),
            (json!([]), false),
            (json!(["ionvault,other"]), false),
        ] {
            let claims = parse("aud", audience.clone()).unwrap();
            assert_eq!(claims.is_for("ionvault"), expected, "{audience}");
        }
    }

    #[test]
    fn a_claim_of_another_type_is_refused() {
        for (name, value) in [
            ("iss", json!(null)),
            ("iss", json!(["https://a.example"])),
            ("sub", json!(7)),
            ("sub", json!(null)),
            ("aud", json!(null)),
            ("aud", json!({ "ionvault": true })),
            ("aud", json!(["ionvault", 7])),
            ("exp", json!("1700003600")),
            ("exp", json!(1_700_003_600.0)),
            ("exp", json!(1_700_003_600.5)),
            ("exp", json!(1.7e300)),
            ("exp", json!(-1)),
            ("exp", json!(null)),
            ("exp", json!(true)),
            ("exp", json!(SECONDS_MAX + 1)),
            ("exp", json!(u64::MAX)),
            ("nbf", json!("0")),
            ("nbf", json!(-1)),
            ("nbf", json!(0.0)),
            ("iat", json!(null)),
            ("iat", json!("now")),
            ("kubernetes.io", json!(null)),
            ("kubernetes.io", json!("docbits")),
            ("kubernetes.io", json!({ "namespace": "docbits" })),
        ] {
            let refused = parse(name, value.clone()).map(|_| ()).unwrap_err();
            assert_eq!(refused, InvalidToken::Claims, "{name} {value}");
        }
        for name in ["iss", "sub", "aud", "exp", "nbf"] {
            assert_eq!(without(name).map(|_| ()).unwrap_err(), InvalidToken::Claims, "{name}");
        }
        assert!(without("iat").is_ok());
        let text = claims("", Value::Null).to_string();
        for more in [r#""exp":1,"#, r#""sub":"admin","#, r#""\u0073ub":"admin","#] {
            let twice = text.replacen('{', &format!("{{{more}"), 1);
            assert!(Claims::parse(twice.as_bytes()).is_err(), "{more}");
        }
    }
}
