//! The licence key as the host hands it out, and what a plugin may have against it.

use std::fmt;

use crate::abi::license::{
    TORU_LICENSE_EXPIRED, TORU_LICENSE_INVALID_SIGNATURE, TORU_LICENSE_MALFORMED, TORU_LICENSE_MISSING,
    TORU_LICENSE_NOT_YET_VALID, TORU_LICENSE_REFUSED, TORU_LICENSE_UNSUPPORTED, TORU_LICENSE_WRONG_INSTANCE,
    TORU_LICENSE_WRONG_PLUGIN, license_code,
};
use crate::bytes::Bytes;

/// The licence key that the administrator gave this plugin. Verified by nobody yet.
///
/// The host does not know what a good key is. The feature `license` has a verifier; a vendor's own does as well.
#[derive(Clone)]
pub struct LicenseKey(Bytes);

impl LicenseKey {
    pub(crate) const fn new(text: Bytes) -> Self {
        Self(text)
    }

    /// The key's text, without white space around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl AsRef<[u8]> for LicenseKey {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for LicenseKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LicenseKey(<{} bytes withheld>)", self.0.len())
    }
}

/// What a plugin has against a licence. Administrators see its code as that of the plugin's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LicenseFault {
    /// The licence has ended.
    Expired,
    /// The key was not issued by the vendor, or was changed.
    InvalidSignature,
    /// The text is no key.
    Malformed,
    /// There is no key, and the plugin needs one.
    Missing,
    /// By this machine's clock the licence has not been issued yet.
    NotYetValid,
    /// Anything else, told by the words alone.
    Refused,
    /// The plugin does not know keys of this kind.
    Unsupported,
    /// The licence is for another installation.
    WrongInstance,
    /// The licence is for another plugin.
    WrongPlugin,
}

impl LicenseFault {
    /// The stable code, such as `license_expired`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match license_code(self.to_status()) {
            Some(code) => code,
            None => "license_refused",
        }
    }

    pub(crate) const fn to_status(self) -> u32 {
        match self {
            Self::Expired => TORU_LICENSE_EXPIRED,
            Self::InvalidSignature => TORU_LICENSE_INVALID_SIGNATURE,
            Self::Malformed => TORU_LICENSE_MALFORMED,
            Self::Missing => TORU_LICENSE_MISSING,
            Self::NotYetValid => TORU_LICENSE_NOT_YET_VALID,
            Self::Refused => TORU_LICENSE_REFUSED,
            Self::Unsupported => TORU_LICENSE_UNSUPPORTED,
            Self::WrongInstance => TORU_LICENSE_WRONG_INSTANCE,
            Self::WrongPlugin => TORU_LICENSE_WRONG_PLUGIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_reaches_a_log() {
        let key = LicenseKey::new(Bytes::from_static(b"TOPSECRET"));
        assert_eq!(format!("{key:?}"), "LicenseKey(<9 bytes withheld>)");
        assert_eq!(key.as_str(), "TOPSECRET");
    }

    #[test]
    fn every_fault_has_a_code_of_its_own() {
        let all = (TORU_LICENSE_MISSING..=TORU_LICENSE_REFUSED).map(license_code);
        let mut codes: Vec<_> = all.map(Option::unwrap).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 9);
        assert_eq!(license_code(TORU_LICENSE_MISSING - 1), None);
        assert_eq!(license_code(TORU_LICENSE_REFUSED + 1), None);
        assert_eq!(LicenseFault::Expired.code(), "license_expired");
    }
}
