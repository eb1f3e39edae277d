//! ION API files: what Infor's "Download Credentials" gives an administrator, and what to tell him
//! when it is not right.
//!
//! The path of an upload: [`IonApiFile::parse`] decodes the bytes (`encoding`), reads the JSON
//! without leaving copies of its secrets behind (`json`), names the usual wrong files
//! (`wrong_file`), checks each key (`text`, `address`, `scopes`), and notes what is unusual
//! (`warnings`). [`HostRules`] then says whether requests may go where the file points.
//! [`advice`](advice()) puts a later refusal by Infor into words.
//!
//! Errors name keys and positions, never a value: a file's text may be a secret wherever it stands.

mod address;
mod advice;
mod ca_certificates;
mod encoding;
mod file;
mod hosts;
mod json;
mod key;
mod scopes;
mod text;
mod violation;
mod warnings;
mod wrong_file;

pub use advice::{
    AUTHORIZE_ADVICE, AuthorizationRefusal, NO_ENDPOINT_ADVICE, NO_REFRESH_TOKEN_ADVICE, advice,
    environment_mismatch,
};
pub use ca_certificates::{
    CA_CERTIFICATES_BYTES_MAX, CA_CERTIFICATES_MAX, InvalidCaCertificates, parse_ca_certificates,
};
pub use file::{FILE_BYTES_MAX, IonApiFile, ServiceAccount};
pub use hosts::{ApprovedHost, HostNotAllowed, HostRules};
pub use violation::{InvalidIonApiFile, Problem, Violation};
pub use wrong_file::WrongFile;
