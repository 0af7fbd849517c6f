//! Licence keys: offline, bound to one installation, and impossible to make without the vendor's key.
//!
//! A key is one line of text: `toru1.<algorithm>.<key id>.<payload>.<signature>`.
//!
//! | Part | What |
//! |---|---|
//! | `toru1` | the version of this format |
//! | algorithm | `ed25519` ([RFC 8032](https://www.rfc-editor.org/rfc/rfc8032)) or `hs256` (HMAC-SHA256, [RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)) |
//! | key id | which of the vendor's keys: 1 to 32 of `a-z`, `0-9` and `-` |
//! | payload | JSON in the canonical form of [RFC 8785](https://www.rfc-editor.org/rfc/rfc8785), in unpadded base64url ([RFC 4648](https://www.rfc-editor.org/rfc/rfc4648), section 5) |
//! | signature | over everything before its own dot, in unpadded base64url |
//!
//! The payload's members, all of them texts but for the list of features:
//!
//! | Member | What |
//! |---|---|
//! | `expires` | last day on which it is valid, by UTC: `2027-12-31`, not before `issued`; absent when it never ends |
//! | `features` | what it unlocks: 1 to 64 names of 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`, sorted, each once; absent without any |
//! | `instance` | the installation: its UUID in lower case with hyphens, not all zeros |
//! | `issued` | the day on which it was issued, by UTC |
//! | `licensee` | whose it is: 1 to 128 characters, none of which is a control character; may be absent |
//! | `plugin` | id of the plugin: 1 to 64 of `a-z`, `0-9` and `-`, with no `-` at either end |
//!
//! A licence has exactly one spelling: nobody but the vendor can write another text that is accepted in its place. The whole text
//! has at most 4096 bytes. White space around what somebody pastes is removed by the host.
//!
//! What is wrong is found in this order: length, parts, version, algorithm, spelling of payload and signature, key id, signature,
//! payload, plugin, installation, time. It is valid from a day before `issued`, since clocks differ, to the last second of `expires`.
//! 205 test vectors for
//! other languages are in this package's `include/license-vectors.json`: what a verifier is asked, and what it answers. `key` is
//! what it carries, in hexadecimal, `now` the time in seconds since 1970.
//!
#![doc = include_str!("license/vendors.md")]

mod algorithm;
mod claims;
mod date;
mod error;
#[cfg(any(test, fuzzing))]
pub mod promises;

use std::fmt;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use self::algorithm::{Algorithm, Ed25519, Hs256};
pub use self::claims::{License, LicenseBuilder};
pub use self::date::Date;
use self::error::malformed;
pub use self::error::{KeyError, LicenseError};

/// Most bytes of a key's text.
pub const TEXT_MAX: usize = 4096;
/// Version of the format.
const VERSION: &str = "toru1";

/// Verifies licences of one plugin that were signed by one algorithm.
///
/// It has one key or more, told apart by their ids, so that a vendor can change over to a new one: releases of the plugin carry
/// both for a while.
pub struct LicenseVerifier<A: Algorithm> {
    plugin: Box<str>,
    keys: Vec<(Box<str>, A::Key)>,
}

impl<A: Algorithm> LicenseVerifier<A> {
    /// A verifier of licences for that plugin, which knows no key yet.
    #[must_use]
    pub fn new(plugin: &str) -> Self {
        Self {
            plugin: plugin.into(),
            keys: Vec::new(),
        }
    }

    /// Adds a key: for [`Ed25519`] the 32 bytes of a public key, for [`Hs256`] a secret of 32 bytes or more.
    ///
    /// # Errors
    ///
    /// When it is no key of this algorithm, or its id breaks its rule or is there already.
    pub fn key(mut self, id: &str, key: &[u8]) -> Result<Self, KeyError> {
        if !is_key_id(id) {
            return Err(KeyError::Id);
        }
        if self.keys.iter().any(|(known, _)| **known == *id) {
            return Err(KeyError::Repeated);
        }
        self.keys.push((id.into(), A::read(key)?));
        Ok(self)
    }

    /// Verifies a key for this installation, today.
    ///
    /// # Errors
    ///
    /// Why it is not accepted. Nothing of its content is looked at before its signature was verified.
    pub fn verify(&self, text: impl AsRef<[u8]>, instance: &str) -> Result<License, LicenseError> {
        self.verify_at(text, instance, SystemTime::now())
    }

    /// Verifies a key as if it were that moment.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_at(
        &self,
        text: impl AsRef<[u8]>,
        instance: &str,
        now: SystemTime,
    ) -> Result<License, LicenseError> {
        let license = self.read(text.as_ref())?;
        if license.plugin() != &*self.plugin {
            return Err(LicenseError::WrongPlugin);
        }
        if license.instance() != instance {
            return Err(LicenseError::WrongInstance);
        }
        license.check_time(now)?;
        Ok(license)
    }

    /// The licence in a text whose signature is right.
    fn read(&self, text: &[u8]) -> Result<License, LicenseError> {
        if text.len() > TEXT_MAX {
            return Err(malformed("it is longer than 4096 bytes"));
        }
        let text = std::str::from_utf8(text).map_err(|_| malformed("it is no text"))?;
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(malformed("it has fewer than five parts"));
        let (version, algorithm, key_id) = (part()?, part()?, part()?);
        let (payload, signature) = (part()?, part()?);
        if parts.next().is_some() {
            return Err(malformed("it has more than five parts"));
        }
        check_word(version, VERSION, "its version")?;
        check_word(algorithm, A::NAME, "its algorithm")?;
        if !is_key_id(key_id) {
            return Err(malformed("its key id breaks the rule"));
        }
        let (payload, given) = (decode(payload)?, decode(signature)?);
        let signed = &text[..text.len() - signature.len() - 1];
        let known = self.keys.iter().find(|(known, _)| **known == *key_id);
        let (_, key) = known.ok_or(LicenseError::Unsupported {
            what: "the vendor's key that it was signed with",
        })?;
        if !A::verify(key, signed.as_bytes(), &given) {
            return Err(LicenseError::InvalidSignature);
        }
        License::parse(&payload)
    }
}

impl<A: Algorithm> fmt::Debug for LicenseVerifier<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the keys: some of them are secrets.
        let ids: Vec<_> = self.keys.iter().map(|(id, _)| id).collect();
        f.debug_struct("LicenseVerifier")
            .field("plugin", &self.plugin)
            .field("algorithm", &A::NAME)
            .field("keys", &ids)
            .finish()
    }
}

/// What an issuer signs for a licence: the text up to the dot before the signature.
///
/// # Errors
///
/// When the key id breaks its rule.
pub fn signing_input<A: Algorithm>(license: &License, key_id: &str) -> Result<String, KeyError> {
    if !is_key_id(key_id) {
        return Err(KeyError::Id);
    }
    let payload = URL_SAFE_NO_PAD.encode(license.payload());
    Ok(format!("{VERSION}.{}.{key_id}.{payload}", A::NAME))
}

/// A licence's text: what was signed, and its signature.
#[must_use]
pub fn with_signature(signed: &str, signature: &[u8]) -> String {
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Whether a word is the one that is known; what could be one of another version is not malformed.
fn check_word(word: &str, known: &str, what: &'static str) -> Result<(), LicenseError> {
    if word == known {
        return Ok(());
    }
    let is_word = (1..=16).contains(&word.len())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    Err(if is_word {
        LicenseError::Unsupported { what }
    } else {
        malformed("its first parts are no words of lower-case letters and digits")
    })
}

fn is_key_id(id: &str) -> bool {
    (1..=32).contains(&id.len())
        && id
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// Decodes a part that has one spelling.
fn decode(part: &str) -> Result<Vec<u8>, LicenseError> {
    let wrong = || malformed("a part is not unpadded base64url");
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| wrong())?;
    // The library refuses other spellings already; this is what the promise rests on.
    if URL_SAFE_NO_PAD.encode(&bytes) != part {
        return Err(wrong());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
