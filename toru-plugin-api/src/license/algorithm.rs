//! How licences are signed.

use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::KeyError;

/// How licences are signed. The verifier's type says which algorithm it is; the text of a key never chooses.
pub trait Algorithm: sealed::Sealed {
    /// Its name in the text of a key.
    const NAME: &'static str;
}

pub(super) mod sealed {
    use super::KeyError;

    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {
        /// A key that verifies.
        type Key: Send + Sync;

        fn read(bytes: &[u8]) -> Result<Self::Key, KeyError>;

        fn verify(key: &Self::Key, signed: &[u8], signature: &[u8]) -> bool;
    }
}

/// Ed25519: the vendor signs, and plugins hold a public key. The one to use.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a name for a type, of which there are no values"
)]
pub enum Ed25519 {}

/// HMAC-SHA256: plugins hold the vendor's secret.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a name for a type, of which there are no values"
)]
pub enum Hs256 {}

/// Order of the group, the lowest byte first (RFC 8032, section 5.1): a signature's second half is less.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

impl Algorithm for Ed25519 {
    const NAME: &'static str = "ed25519";
}

impl sealed::Sealed for Ed25519 {
    type Key = VerifyingKey;

    fn read(bytes: &[u8]) -> Result<VerifyingKey, KeyError> {
        let bytes = bytes.try_into().map_err(|_| KeyError::Length)?;
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Unusable)?;
        if key.is_weak() {
            return Err(KeyError::Unusable);
        }
        Ok(key)
    }

    fn verify(key: &VerifyingKey, signed: &[u8], signature: &[u8]) -> bool {
        // The library refuses larger ones too, unless somebody else switches a feature of it on.
        let is_reduced = |s: &[u8]| s.iter().rev().lt(ORDER.iter().rev());
        if !signature.get(32..).is_some_and(is_reduced) {
            return false;
        }
        // The strict form: one signature has one spelling.
        Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(signed, &signature).is_ok())
    }
}

impl Algorithm for Hs256 {
    const NAME: &'static str = "hs256";
}

impl sealed::Sealed for Hs256 {
    type Key = Hmac<Sha256>;

    fn read(bytes: &[u8]) -> Result<Hmac<Sha256>, KeyError> {
        if bytes.len() < 32 {
            return Err(KeyError::Length);
        }
        // Nobody's randomness, but a place that was never filled.
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(KeyError::Unusable);
        }
        Hmac::new_from_slice(bytes).map_err(|_| KeyError::Length)
    }

    fn verify(key: &Hmac<Sha256>, signed: &[u8], signature: &[u8]) -> bool {
        let mut mac = key.clone();
        mac.update(signed);
        // All 32 bytes, compared in constant time.
        mac.verify_slice(signature).is_ok()
    }
}
