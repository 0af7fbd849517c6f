//! Whether somebody is who they say.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;

use super::passwords::Password;
use super::queue::HashQueue;
use super::throttle::{Source, Throttle};
use crate::clock::Clock;
use crate::database::Database;
use crate::database::sessions::{Member, Proof};
use crate::database::users::{self, Name};

/// When to come again after too many came at once.
const BUSY: Duration = Duration::from_secs(1);

/// Holds names and passwords against the users.
#[derive(Debug)]
pub struct SignIn {
    database: Database,
    throttle: Throttle,
    queue: HashQueue,
    /// The hash of a password that nobody knows, for names that nobody has: they take as long.
    decoy: String,
}

/// What became of an attempt.
#[derive(Debug)]
pub enum Outcome {
    /// It is them.
    Right(Proof, Member),
    /// There is nobody of that name with that password.
    Wrong,
    /// There were too many attempts; how long to wait.
    Wait(Duration),
}

impl SignIn {
    /// For the users of `database`.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn new(database: Database, clock: Clock) -> Result<Self> {
        Ok(Self {
            database,
            throttle: Throttle::new(clock),
            queue: HashQueue::default(),
            decoy: Password::generate()?.hash()?,
        })
    }

    /// Looks whether a name and a password belong together.
    ///
    /// # Errors
    ///
    /// When the users cannot be read.
    pub async fn check(&self, name: &str, password: Password, address: IpAddr) -> Result<Outcome> {
        let name = Name::parse(name);
        if let Err(wait) = self.throttle.check(name.as_ref(), address) {
            return Ok(Outcome::Wait(wait));
        }
        let Some(turn) = self.queue.turn(name.as_ref(), Source::of(address)).await else {
            return Ok(Outcome::Wait(BUSY));
        };
        // Counted before it is known how it ends, so that many at once are not more than one after the other, and
        // whoever hangs up has tried all the same.
        let attempt = match self.throttle.begin(name.clone(), address) {
            Ok(attempt) => attempt,
            Err(wait) => return Ok(Outcome::Wait(wait)),
        };
        let looked_up = name.clone();
        let found = self.database.run(move |it| match &looked_up {
            Some(name) => users::credential(it, name),
            None => Ok(None),
        });
        let found = match found.await {
            Ok(found) => found,
            Err(error) => {
                self.throttle.forgive(attempt, false);
                return Err(error);
            }
        };
        let hash = found
            .as_ref()
            .map_or(&self.decoy, |found| &found.password)
            .clone();
        // The turn lasts as long as the work does, also when nobody waits for it any more.
        let is_right = tokio::task::spawn_blocking(move || password.is(&hash, &turn));
        let is_right = is_right.await?;
        match (name, found) {
            (Some(name), Some(found)) if is_right => {
                self.throttle.forgive(attempt, true);
                tracing::info!(user = %name, %address, "signed in");
                let (user, version) = (found.user, found.version);
                let (name, role) = (name.to_string(), found.role.as_str().to_owned());
                Ok(Outcome::Right(Proof { user, version }, Member { name, role }))
            }
            (name, found) => {
                // A name that nobody has is often a password in the wrong place.
                let user = name.filter(|_| found.is_some());
                let user = user.as_ref().map_or("(nobody)", Name::as_str);
                tracing::warn!(user, %address, "sign-in failed");
                Ok(attempt.wait().map_or(Outcome::Wrong, Outcome::Wait))
            }
        }
    }
}
