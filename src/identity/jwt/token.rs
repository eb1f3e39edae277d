//! A token as it comes in (a JWS in compact form: RFC 7515, section 7.1).

use super::claims::Claims;
use super::fields::decode;
use super::header::Header;
use super::{InvalidToken, KeySet};

/// A token, read and not believed.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) header: Header,
    pub(super) claims: Claims,
    /// Header and claims as they were signed.
    message: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, InvalidToken> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(InvalidToken::TooLong);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(InvalidToken::NotCompact)?;
        let (header, claims) = message.split_once('.').ok_or(InvalidToken::NotCompact)?;
        // A dot more is not base64url.
        let decoded = |part| decode(part).ok_or(InvalidToken::NotCompact);
        let (header, claims) = (decoded(header)?, decoded(claims)?);
        decoded(signature)?;
        let header = Header::parse(&header)?;
        Ok(Self { header, claims: Claims::parse(&claims)?, message, signature })
    }

    /// Whether one of `keys` signed it, with an algorithm that the caller of this has allowed.
    pub(super) fn check_signature(
        &self,
        keys: &KeySet,
        algorithm: super::Algorithm,
    ) -> Result<(), InvalidToken> {
        let key = keys.find(self.header.key_id.as_deref())?;
        key.check(algorithm, self.message, self.signature)
    }
}

/// Those of Kubernetes have some 1.2 KiB, those of clouds up to 4; all headers of a call together
/// may have 8 (see `listen`).
pub const TOKEN_BYTES_MAX: usize = 6 * 1024;
