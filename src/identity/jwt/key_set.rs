//! The public keys of an issuer, as it publishes them (a JWK Set: RFC 7517, section 5).

use std::collections::BTreeSet;

use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::fields::{decode, object, present};
use super::header::KEY_ID_BYTES_MAX;
use super::{Algorithm, InvalidToken};
use crate::ports::KEY_SET_BYTES_MAX;

/// The keys of a set that signatures can be checked with.
///
/// Invariant: at least one; no two with the same id.
#[derive(Debug)]
pub struct KeySet(Vec<Key>);

/// Why a key set is refused as a whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidKeySet {
    /// More than [`KEY_SET_BYTES_MAX`].
    #[error("the key set has more than {KEY_SET_BYTES_MAX} bytes")]
    TooLong,
    /// No object with an array `keys`, or a field of a key has the wrong type.
    #[error("this is not a JSON Web Key Set (RFC 7517): expected an object with an array `keys`")]
    Malformed,
    /// More than [`KEYS_MAX`].
    #[error("the key set has more than {KEYS_MAX} keys")]
    TooManyKeys,
    /// Whoever can read the set can sign.
    #[error("the key set holds a private key: publish public keys only, and replace this one")]
    PrivateKey,
    /// Which of them is meant?
    #[error("two keys of the set have the same id (`kid`)")]
    SameId,
    /// Nothing could ever be checked.
    #[error(
        "the key set has no key that can check a signature: RSA of 2048 to 8192 bits, P-256, \
         P-384 or Ed25519, not for encryption"
    )]
    NoUsableKey,
}

/// An issuer that replaces its keys every day has two or three, a large cloud some twenty.
pub const KEYS_MAX: usize = 64;

/// One public key, and what it is for.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    kind: Kind,
    /// The only algorithm that it is for, if the set says so.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl KeySet {
    /// Reads a set. Keys that no signature can or may be checked with (for encryption, too weak, of
    /// other kinds) are left out.
    ///
    /// # Errors
    ///
    /// [`InvalidKeySet`], by the first thing that is wrong with the whole.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidKeySet> {
        if json.len() > KEY_SET_BYTES_MAX {
            return Err(InvalidKeySet::TooLong);
        }
        let Set { keys } = object(json).ok_or(InvalidKeySet::Malformed)?;
        if keys.len() > KEYS_MAX {
            return Err(InvalidKeySet::TooManyKeys);
        }
        if keys.iter().any(|key| key.d.is_some()) {
            return Err(InvalidKeySet::PrivateKey);
        }
        let keys: Vec<_> = keys.into_iter().filter_map(Fields::usable).collect();
        let mut ids = BTreeSet::new();
        if !keys.iter().filter_map(|key| key.id.as_ref()).all(|id| ids.insert(id)) {
            return Err(InvalidKeySet::SameId);
        }
        if keys.is_empty() { Err(InvalidKeySet::NoUsableKey) } else { Ok(Self(keys)) }
    }

    /// The key that a token means. An id is compared as a whole and is nothing else: no path, no
    /// query, no pattern.
    pub(super) fn find(&self, id: Option<&str>) -> Result<&Key, InvalidToken> {
        match (id, self.0.as_slice()) {
            (Some(id), keys) => {
                let found = keys.iter().find(|key| key.id.as_deref() == Some(id));
                found.ok_or(InvalidToken::UnknownKey)
            }
            (None, [only]) => Ok(only),
            (None, _) => Err(InvalidToken::NoKeyId),
        }
    }
}

impl Key {
    /// Whether `signature` (base64url) is this key's for `message`.
    pub(super) fn check(
        &self,
        algorithm: Algorithm,
        message: &str,
        signature: &str,
    ) -> Result<(), InvalidToken> {
        if self.algorithm.is_some_and(|only| only != algorithm) || self.kind != kind_of(algorithm) {
            return Err(InvalidToken::Misfit);
        }
        let algorithm = algorithm.signature();
        match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(InvalidToken::Signature),
        }
    }
}

fn kind_of(algorithm: Algorithm) -> Kind {
    match algorithm {
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => Kind::Rsa,
        Algorithm::Es256 => Kind::P256,
        Algorithm::Es384 => Kind::P384,
        Algorithm::EdDsa => Kind::Ed25519,
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Fields>,
}

/// A key as it stands in a set (RFC 7517, section 4; RFC 7518, section 6; RFC 8037, section 2).
/// Fields that are not listed, such as certificates, are ignored.
#[derive(Deserialize)]
struct Fields {
    kty: String,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(rename = "use", default, deserialize_with = "present")]
    purpose: Option<String>,
    #[serde(default, deserialize_with = "present")]
    key_ops: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    alg: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crv: Option<String>,
    #[serde(default, deserialize_with = "present")]
    x: Option<String>,
    #[serde(default, deserialize_with = "present")]
    y: Option<String>,
    #[serde(default, deserialize_with = "present")]
    n: Option<String>,
    #[serde(default, deserialize_with = "present")]
    e: Option<String>,
    /// The private part, whatever the kind.
    #[serde(default, deserialize_with = "present")]
    d: Option<IgnoredAny>,
}

impl Fields {
    /// `None`: a key that is not for signatures, or not a good one.
    fn usable(self) -> Option<Key> {
        let verifies = |operations: &Vec<String>| operations.iter().any(|one| one == "verify");
        if self.purpose.as_ref().is_some_and(|purpose| purpose != "sig")
            || self.key_ops.as_ref().is_some_and(|operations| !verifies(operations))
            || self.kid.as_ref().is_some_and(|id| !(1..=KEY_ID_BYTES_MAX).contains(&id.len()))
        {
            return None;
        }
        let algorithm = match &self.alg {
            Some(name) => Some(name.parse().ok()?),
            None => None,
        };
        let bytes = |field: &Option<String>| field.as_deref().and_then(decode);
        let curve = (self.kty.as_str(), self.crv.as_deref());
        let (kind, key) = match curve {
            ("RSA", None) => {
                let (n, e) = (bytes(&self.n)?, bytes(&self.e)?);
                is_strong(&n, &e).then_some(())?;
                (Kind::Rsa, DecodingKey::from_rsa_raw_components(&n, &e))
            }
            ("EC", Some("P-256")) => (Kind::P256, point(&bytes(&self.x)?, &bytes(&self.y)?, 32)?),
            ("EC", Some("P-384")) => (Kind::P384, point(&bytes(&self.x)?, &bytes(&self.y)?, 48)?),
            ("OKP", Some("Ed25519")) => {
                let x = bytes(&self.x).filter(|x| x.len() == 32)?;
                (Kind::Ed25519, DecodingKey::from_ed_der(&x))
            }
            _ => return None,
        };
        Some(Key { id: self.kid, kind, algorithm, key })
    }
}

/// RFC 7518, sections 3.3 and 6.3.1: at least 2048 bits, without leading zero octets. The exponent
/// as FIPS 186-5 (appendix A.1.1) has it: odd and above 2^16; everybody's is 65537.
fn is_strong(modulus: &[u8], exponent: &[u8]) -> bool {
    let bits = match modulus {
        [0, ..] | [] => 0,
        [first, ..] => modulus.len() * 8 - first.leading_zeros() as usize,
    };
    let exponent = match exponent {
        [0, ..] => 0,
        bytes if bytes.len() <= 4 => bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
        _ => 0,
    };
    (2048..=8192).contains(&bits) && exponent > 1 << 16 && exponent % 2 == 1
}

/// A point, uncompressed (SEC 1, section 2.3.3). Whether it lies on the curve is checked with each
/// signature.
fn point(x: &[u8], y: &[u8], length: usize) -> Option<DecodingKey> {
    let whole = x.len() == length && y.len() == length;
    whole.then(|| DecodingKey::from_ec_der(&[&[4], x, y].concat()))
}

#[cfg(test)]
mod tests;
