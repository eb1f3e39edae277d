//! Exit codes.

use std::process::ExitCode;

/// How a command ended, for scripts. The numbers are part of the public contract.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Exit {
    /// What was asked for has been done.
    Done = 0,
    /// It has not, and none of the others says why.
    Failed = 1,
    /// The arguments make no sense; nothing was tried.
    Usage = 2,
    /// There is no such credential or version, or the caller may not know of it.
    NotFound = 3,
    /// The vault does not let this caller, or the two do not accept each other's certificate.
    Denied = 4,
    /// Infor said no for good.
    RefusedByInfor = 5,
    /// No answer, or "not now". The same command may work later.
    Unavailable = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
