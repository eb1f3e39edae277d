//! Why a file is refused.

use std::fmt;

use super::encoding::InvalidEncoding;
use super::file::FILE_BYTES_MAX;
use super::json::InvalidJson;
use super::key::Key;
use super::wrong_file::WrongFile;

/// Why a file is no usable ION API file. Names keys, positions and kinds, never a value: the
/// whole of it may be shown and logged.
///
/// Invariant: there is at least one violation, and at most one for each of Infor's keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidIonApiFile {
    wrong_file: Option<WrongFile>,
    violations: Vec<Violation>,
}

/// One thing that is wrong with a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Violation {
    /// The key it is about, as Infor writes it; empty if it is about the file as a whole.
    pub key: &'static str,
    /// What is wrong; reads on after the key.
    pub problem: Problem,
}

/// What is wrong with a file or with the value of one of its keys. As text it goes on after the
/// subject: "is missing".
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Problem {
    /// Something else was uploaded.
    #[error("{0}")]
    WrongFile(WrongFile),
    /// Larger than [`FILE_BYTES_MAX`].
    #[error("is larger than {FILE_BYTES_MAX} bytes (an ION API file has about 1,000)")]
    TooLarge,
    /// The bytes are no text.
    #[error("{0}")]
    Encoding(#[from] InvalidEncoding),
    /// The text is no JSON.
    #[error("{0}")]
    Json(#[from] InvalidJson),
    /// The JSON is no object.
    #[error("is JSON, but {0} where an object in {{ }} should be")]
    NotObject(&'static str),
    /// The key is not there.
    #[error("is missing")]
    Missing,
    /// `saak` without `sask`, or the other way round.
    #[error(
        "is missing, but `{0}` is there (download the file again with \"Create Service Account\" on)"
    )]
    OtherHalfMissing(&'static str),
    /// A Web or mobile app needs this key.
    #[error("is missing, but `ru` is there (apps that a person authorizes need both)")]
    MissingForRedirect,
    /// There is nothing between the quotes.
    #[error("is empty")]
    Empty,
    /// Not a string.
    #[error("must be a text in quotes, but is {0}")]
    NotText(&'static str),
    /// Scopes in a shape that means nothing.
    #[error("must be a list of texts in quotes, but is {0}")]
    NotScopes(&'static str),
    /// More scopes than the vault keeps.
    #[error("has more than {0} scopes")]
    TooManyScopes(usize),
    /// Longer than the vault keeps.
    #[error("is longer than {0} bytes")]
    TooLong(usize),
    /// A character that cannot belong there. Line wraps of mail programs and PDF come as these.
    #[error(
        "has {what} at character {at}, where none may be (download the file again, do not mend it)"
    )]
    Character {
        /// What kind of character.
        what: &'static str,
        /// Where, in characters of the value; the first is 1.
        at: usize,
    },
    /// No URL.
    #[error("is not a URL such as https://host/path/")]
    NotUrl,
    /// `http:` or something else.
    #[error("must be a URL that begins with https://")]
    NotHttps,
    /// `https://user@host/`.
    #[error("has a user name or password before the host")]
    UserInfo,
    /// `?` or `#` in an address.
    #[error("has a query or a fragment (? or #)")]
    QueryOrFragment,
    /// `\` in an address.
    #[error("has a backslash")]
    Backslash,
    /// `.` or `..` in a path.
    #[error("has . or .. as a segment of its path")]
    DotSegment,
    /// `//` in a path.
    #[error("has two slashes in a row in its path")]
    EmptySegment,
    /// `%` in a path.
    #[error("has a percent sign in its path")]
    PercentSign,
    /// `https://other.host/token` or `//other.host/token`.
    #[error("must be a path that is relative to `pu`, but names a host or a scheme")]
    AbsolutePath,
}

impl InvalidIonApiFile {
    /// What is wrong, in the order of Infor's keys; never empty.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Which of the usual wrong files it is, if it is one.
    #[must_use]
    pub fn wrong_file(&self) -> Option<WrongFile> {
        self.wrong_file
    }
}

impl From<WrongFile> for InvalidIonApiFile {
    fn from(kind: WrongFile) -> Self {
        Self { wrong_file: Some(kind), ..Self::from(Problem::WrongFile(kind)) }
    }
}

impl From<Problem> for InvalidIonApiFile {
    /// A problem of the file as a whole.
    fn from(problem: Problem) -> Self {
        Self { wrong_file: None, violations: vec![Violation { key: "", problem }] }
    }
}

/// Collects what is wrong with the keys of a file.
#[derive(Default)]
pub(super) struct Violations {
    half_account: bool,
    found: Vec<(Key, Problem)>,
}

impl Violations {
    /// Adds one; the first about each key counts.
    pub(super) fn add(&mut self, key: Key, problem: Problem) {
        if matches!(problem, Problem::OtherHalfMissing(_)) {
            self.half_account = true;
        }
        if !self.found.iter().any(|(other, _)| *other == key) {
            self.found.push((key, problem));
        }
    }

    /// The refusal, if there is reason for one.
    pub(super) fn refusal(&self) -> Option<InvalidIonApiFile> {
        let mut found = self.found.clone();
        found.sort_by_key(|(key, _)| *key);
        let violations: Vec<_> = found
            .into_iter()
            .map(|(key, problem)| Violation { key: key.name(), problem })
            .collect();
        let wrong_file = self.half_account.then_some(WrongFile::HalfServiceAccount);
        (!violations.is_empty()).then_some(InvalidIonApiFile { wrong_file, violations })
    }
}

impl fmt::Display for InvalidIonApiFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a usable ION API file: ")?;
        for (index, Violation { key, problem }) in self.violations.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            match *key {
                "" => write!(f, "{separator}it {problem}")?,
                key => write!(f, "{separator}`{key}` {problem}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for InvalidIonApiFile {}
