//! Passwords: made up, hashed, and held against a hash.

use std::fmt;

use anyhow::{Context, Result, ensure};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use super::queue::Turn;

/// Memory of one hash, in KiB.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Shortest and longest password, in bytes.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=1024;
/// What passwords are made of: nothing that is easily taken for something else.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A password that somebody chose or typed. It shows itself to nobody.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Takes what somebody typed.
    #[must_use]
    pub const fn typed(text: String) -> Self {
        Self(text)
    }

    /// Takes a password for a user, of whatever characters.
    ///
    /// # Errors
    ///
    /// When it is too short to be one, or too long.
    pub fn chosen(text: String) -> Result<Self> {
        ensure!(
            LENGTH.contains(&text.len()),
            "a password has {} to {} bytes; choose another one",
            LENGTH.start(),
            LENGTH.end()
        );
        Ok(Self(text))
    }

    /// Makes one up: 100 bits of the system's randomness.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn generate() -> Result<Self> {
        let mut bytes = [0; 20];
        getrandom::fill(&mut bytes).context("the system has no random numbers")?;
        let letters = bytes.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
        let groups: Vec<String> = letters.chunks(5).map(String::from_iter).collect();
        Ok(Self(groups.join("-")))
    }

    /// The password, to be shown to whom it belongs.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its hash, with a salt of its own. Takes a while.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn hash(&self) -> Result<String> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None);
        let params = params.ok().context("the parameters of hashes are wrong")?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password(self.0.as_bytes());
        Ok(hash.ok().context("the password cannot be hashed")?.to_string())
    }

    /// Whether it is the password that was hashed. Takes a while, and somebody's turn all the while.
    #[must_use]
    pub fn is(&self, hash: &str, _: &Turn) -> bool {
        // The parameters are those that stand in the hash.
        Argon2::default().verify_password(self.0.as_bytes(), hash).is_ok()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::Password;
    use crate::auth::queue::HashQueue;
    use crate::auth::throttle::Source;

    #[tokio::test]
    async fn long_passwords_count_to_their_last_character() {
        let source = Source::of(IpAddr::from(Ipv4Addr::LOCALHOST));
        let turn = HashQueue::default().turn(None, source).await.unwrap();
        let long = "pä ".repeat(100);
        let hash = Password::chosen(long.clone()).unwrap().hash().unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(Password::typed(long.clone()).is(&hash, &turn));
        assert!(!Password::typed(format!("{long}.")).is(&hash, &turn));
        assert!(!Password::typed(long.trim_end().to_owned()).is(&hash, &turn));
    }

    #[test]
    fn made_up_passwords_differ_and_say_nothing_of_themselves() {
        let (one, other) = (Password::generate().unwrap(), Password::generate().unwrap());
        assert_eq!(one.reveal().len(), 23);
        assert_ne!(one.reveal(), other.reveal());
        assert_eq!(format!("{one:?}"), "Password");
        assert!(Password::chosen("1234567".to_owned()).is_err());
    }
}
