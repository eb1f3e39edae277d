//! The random texts of an authorization, and the proof that who began it also ends it.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// 256 random bits in base64url, 43 characters: a `state` that nobody guesses (RFC 6749, section
/// 10.10, asks for 128 bits), or a `code_verifier` as RFC 7636 (section 4.1) recommends it.
///
/// # Errors
///
/// If the operating system gives no random bytes.
pub(super) fn random_text() -> Result<Secret, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; RANDOM_BYTES]);
    getrandom::fill(bytes.as_mut_slice())?;
    Ok(Secret::from(BASE64URL_NOPAD.encode(bytes.as_slice())))
}

/// The `code_challenge` of the method `S256` (RFC 7636, section 4.2). The authorization server sees
/// it first, and the verifier behind it only together with the code.
pub(super) fn challenge(verifier: &Secret) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(verifier.expose()))
}

const RANDOM_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let verifier = Secret::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn random_texts_are_43_characters_and_never_the_same() {
        let [one, other] = [random_text().unwrap(), random_text().unwrap()];
        assert_eq!((one.len(), other.len()), (43, 43));
        assert_ne!(one.expose(), other.expose());
    }
}
