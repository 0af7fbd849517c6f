//! Passwords: made up, hashed, and held against a hash; a few at a time, since that is work and memory.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory of one hash, in KiB.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes that are computed at once.
const AT_ONCE: usize = 2;
/// Sign-ins that wait for their turn.
const WAITING: usize = 16;
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

/// Lets two hash at once and some more wait.
#[derive(Clone, Debug)]
pub struct HashQueue {
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

/// Somebody's turn, until it is dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "given back when dropped")] [OwnedSemaphorePermit; 2]);

impl HashQueue {
    /// Waits for a turn. `None` when too many do so already.
    pub async fn turn(&self) -> Option<Turn> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().ok()?;
        let running = Arc::clone(&self.running).acquire_owned().await.ok()?;
        Some(Turn([running, admitted]))
    }
}

impl Default for HashQueue {
    fn default() -> Self {
        Self {
            admitted: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            running: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::{AT_ONCE, HashQueue, Password, WAITING};

    #[test]
    fn two_hash_at_once_sixteen_wait_and_the_rest_is_turned_away() {
        let queue = HashQueue::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut all: Vec<_> = (0..AT_ONCE + WAITING).map(|_| Box::pin(queue.turn())).collect();
        let mut turns = Vec::new();
        for (index, turn) in all.iter_mut().enumerate() {
            match turn.as_mut().poll(&mut context) {
                Poll::Ready(turn) => turns.push(turn.unwrap()),
                Poll::Pending => assert!(index >= AT_ONCE),
            }
        }
        assert_eq!((turns.len(), WAITING), (2, 16));
        assert!(matches!(pin!(queue.turn()).poll(&mut context), Poll::Ready(None)));
        // Who leaves makes room for one of those that wait, and for one more to wait.
        turns.pop();
        let next = all[AT_ONCE].as_mut().poll(&mut context);
        assert!(matches!(next, Poll::Ready(Some(_))));
        assert!(pin!(queue.turn()).poll(&mut context).is_pending());
    }

    #[tokio::test]
    async fn long_passwords_count_to_their_last_character() {
        let turn = HashQueue::default().turn().await.unwrap();
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
