//! The plaintext of a record: an ordered list of byte fields.
//!
//! Each field is its length in bytes (8 bytes, big endian), then the bytes. Nothing else, so two
//! lists never give the same bytes, and bytes that are a list are that list only.

use zeroize::Zeroizing;

use crate::secret::Secret;

/// What a record says, in the clear.
///
/// Lives in one buffer of its final size, which is wiped when dropped.
pub struct Payload(Zeroizing<Vec<u8>>);

/// The bytes are authentic, but not as many fields as the reader wants: they were written by a
/// version of ionvault that keeps something else in records of this kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the record holds other fields than this version of ionvault writes")]
pub struct InvalidPayload;

impl Payload {
    /// The list of these fields.
    #[must_use]
    pub fn new(fields: &[&[u8]]) -> Self {
        let bytes = fields.iter().map(|field| PREFIX_BYTES + field.len()).sum();
        let mut buffer = Zeroizing::new(Vec::with_capacity(bytes));
        for field in fields {
            push_field(&mut buffer, field);
        }
        Self(buffer)
    }

    /// Exactly `N` fields, each in a buffer of its own.
    ///
    /// # Errors
    ///
    /// [`InvalidPayload`] if there are more, fewer, or something else.
    ///
    /// ```
    /// use ionvault::sealing::Payload;
    ///
    /// let [name, secret] = Payload::new(&[b"name", b"secret"]).fields().unwrap();
    /// assert_eq!((name.expose(), secret.expose()), (&b"name"[..], &b"secret"[..]));
    /// ```
    pub fn fields<const N: usize>(self) -> Result<[Secret; N], InvalidPayload> {
        let mut rest = self.0.as_slice();
        let mut fields = Vec::with_capacity(N);
        while !rest.is_empty() && fields.len() < N {
            let (length, behind) =
                rest.split_first_chunk::<PREFIX_BYTES>().ok_or(InvalidPayload)?;
            let length = usize::try_from(u64::from_be_bytes(*length)).ok().ok_or(InvalidPayload)?;
            let (field, behind) = behind.split_at_checked(length).ok_or(InvalidPayload)?;
            fields.push(Secret::from(field.to_vec()));
            rest = behind;
        }
        if !rest.is_empty() {
            return Err(InvalidPayload);
        }
        fields.try_into().ok().ok_or(InvalidPayload)
    }

    pub(super) fn from_opened(plaintext: Zeroizing<Vec<u8>>) -> Self {
        Self(plaintext)
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// Appends `field` so that its end is known.
pub(super) fn push_field(buffer: &mut Vec<u8>, field: &[u8]) {
    buffer.extend_from_slice(&(field.len() as u64).to_be_bytes());
    buffer.extend_from_slice(field);
}

/// A length, as [`push_field`] writes it.
pub(super) const PREFIX_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fields_come_back(fields: [Vec<u8>; 3]) {
            let payload = Payload::new(&fields.each_ref().map(Vec::as_slice));
            prop_assert_eq!(payload.0.len(), payload.0.capacity());
            let back = payload.fields::<3>().unwrap();
            prop_assert_eq!(back.each_ref().map(|field| field.expose().to_vec()), fields);
        }

        #[test]
        fn whatever_decodes_encodes_to_the_same_bytes(bytes in bytes_like_a_payload()) {
            let payload = Payload::from_opened(Zeroizing::new(bytes.clone()));
            if let Ok(fields) = payload.fields::<2>() {
                let again = Payload::new(&fields.each_ref().map(Secret::expose));
                prop_assert_eq!(again.expose(), bytes);
            }
        }
    }

    #[test]
    fn another_number_of_fields_is_an_error() {
        let two = || Payload::new(&[b"one", b""]);
        assert_eq!(two().fields::<1>().err(), Some(InvalidPayload));
        assert_eq!(two().fields::<3>().err(), Some(InvalidPayload));
        assert!(two().fields::<2>().is_ok());
    }

    #[test]
    fn bytes_that_end_early_or_promise_too_much_are_an_error() {
        let whole = Payload::new(&[b"one", b"two"]).expose().to_vec();
        for end in 1..whole.len() {
            let cut = Payload::from_opened(Zeroizing::new(whole[..end].to_vec()));
            assert_eq!(cut.fields::<2>().err(), Some(InvalidPayload), "{end}");
        }
        let endless = Payload::from_opened(Zeroizing::new(vec![0xff; 24]));
        assert_eq!(endless.fields::<1>().err(), Some(InvalidPayload));
    }

    /// Lengths that are often right: the property is empty if nothing decodes.
    fn bytes_like_a_payload() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec((0_u64..4, prop::collection::vec(any::<u8>(), 0..4)), 0..4).prop_map(
            |parts| {
                parts
                    .into_iter()
                    .flat_map(|(length, bytes)| [length.to_be_bytes().to_vec(), bytes].concat())
                    .collect()
            },
        )
    }
}
