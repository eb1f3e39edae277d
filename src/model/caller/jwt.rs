//! A caller that a JSON Web Token names.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::InvalidCaller;

/// The issuer and the subject of a token, and the workload that Kubernetes says it belongs to.
///
/// Invariant: issuer and subject are visible ASCII of 1 to [`ISSUER_BYTES_MAX`] and 1 to
/// [`SUBJECT_BYTES_MAX`] bytes, and the issuer has no `#`. So the first `#` of the text form
/// divides them, whatever the subject is.
///
/// Two are the same caller if issuer and subject are the same: a pod that is replaced goes on as
/// the caller that its predecessor was. Who decides by the workload compares it itself.
#[derive(Clone, Debug)]
pub struct JwtCaller {
    issuer: String,
    subject: String,
    workload: Option<Box<Workload>>,
}

/// What Kubernetes says about the holder of a service-account token.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Workload {
    /// The namespace of the service account.
    pub namespace: String,
    /// The name of the service account.
    pub service_account: String,
    /// The pod that the token is bound to, if it is bound to one.
    pub pod: Option<String>,
}

/// An issuer is a URL; those of clouds have up to some 100 bytes.
pub const ISSUER_BYTES_MAX: usize = 256;

/// OpenID Connect Core 1.0, section 2, says 255; a subject of Kubernetes has up to 338
/// (`system:serviceaccount:`, 63 bytes of namespace, 253 of name).
pub const SUBJECT_BYTES_MAX: usize = 384;

impl JwtCaller {
    /// A caller without a workload.
    ///
    /// # Errors
    ///
    /// [`InvalidCaller`] if issuer or subject break the invariant.
    pub fn new(issuer: &str, subject: &str) -> Result<Self, InvalidCaller> {
        let visible = |text: &str, bytes_max| {
            (1..=bytes_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        };
        let valid = visible(issuer, ISSUER_BYTES_MAX) && !issuer.contains('#');
        if !valid || !visible(subject, SUBJECT_BYTES_MAX) {
            return Err(InvalidCaller);
        }
        Ok(Self { issuer: issuer.to_owned(), subject: subject.to_owned(), workload: None })
    }

    /// The same caller, as this workload.
    #[must_use]
    pub fn with_workload(self, workload: Workload) -> Self {
        Self { workload: Some(Box::new(workload)), ..self }
    }

    /// Who signed the token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom it is about.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The workload, if the token tells one.
    #[must_use]
    pub fn workload(&self) -> Option<&Workload> {
        self.workload.as_deref()
    }

    fn identity(&self) -> (&str, &str) {
        (&self.issuer, &self.subject)
    }
}

impl fmt::Display for JwtCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.issuer, self.subject)
    }
}

impl PartialEq for JwtCaller {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for JwtCaller {}

impl Hash for JwtCaller {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl PartialOrd for JwtCaller {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for JwtCaller {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    fn of(pod: &str) -> JwtCaller {
        let workload = Workload {
            namespace: "docbits".into(),
            service_account: "export".into(),
            pod: Some(pod.into()),
        };
        let subject = "system:serviceaccount:docbits:export";
        JwtCaller::new("https://issuer.example", subject).unwrap().with_workload(workload)
    }

    #[test]
    fn the_pods_of_one_service_account_are_one_caller() {
        let (one, two) = (of("export-1"), of("export-2"));
        assert_ne!(one.workload(), two.workload());
        assert_eq!(one, two);
        assert_eq!(HashSet::from([one.clone(), two.clone()]).len(), 1);
        assert_eq!(BTreeSet::from([one, two]).len(), 1);
    }

    #[test]
    fn neither_issuer_nor_subject_alone_make_a_caller() {
        let caller = |issuer, subject| JwtCaller::new(issuer, subject).unwrap();
        assert_ne!(caller("https://a.example", "x"), caller("https://b.example", "x"));
        assert_ne!(caller("https://a.example", "x"), caller("https://a.example", "y"));
    }

    #[test]
    fn lengths_and_characters_are_bounded() {
        let long = |bytes: usize| "x".repeat(bytes);
        assert!(JwtCaller::new(&long(ISSUER_BYTES_MAX), &long(SUBJECT_BYTES_MAX)).is_ok());
        for (issuer, subject) in [
            (long(ISSUER_BYTES_MAX + 1), long(1)),
            (long(1), long(SUBJECT_BYTES_MAX + 1)),
            (String::new(), long(1)),
            (long(1), String::new()),
            ("https://a.example#b".into(), long(1)),
            ("https://a.example ".into(), long(1)),
            (long(1), "a b".into()),
            (long(1), "a\nb".into()),
            (long(1), "a\0b".into()),
            (long(1), "é".into()),
        ] {
            assert_eq!(JwtCaller::new(&issuer, &subject), Err(InvalidCaller), "{issuer} {subject}");
        }
    }
}
