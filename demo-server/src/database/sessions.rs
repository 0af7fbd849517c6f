//! Who is signed in.
//!
//! A session that nobody uses ends after 30 minutes, every session after 12 hours. What it tells of its user is read
//! from the users each time, so that whoever is removed or gets a new password is signed out at once.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::sync::watch;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use super::{Database, stored};
use crate::clock::{Clock, ms};

/// How long a session lasts that nobody uses.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// How long a session lasts at most.
pub const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// How far ahead of the clock a session may be, since clocks are set by a little. What is further ahead was there when the
/// clock was wrong, and nobody knows how old it is.
const AHEAD: Duration = Duration::from_secs(60);
/// How often the use of a session is written down, at most.
const SEEN: Duration = Duration::from_secs(30);

/// How often somebody who waits for the end of a session looks whether a clock or another process has ended it.
const LOOK: Duration = Duration::from_secs(15);

/// What a new session has to have under this key: a [`Proof`].
pub const PROOF: &str = "proof";
/// What is said of a proof that no longer holds, since a store has no error of its own for it.
pub const OUTDATED: &str = "the user is gone or has another password";
/// What a session has under this key: a [`Member`].
pub const MEMBER: &str = "member";

/// Whose password was right. A session is made only while it still is theirs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Proof {
    /// The user's number.
    pub user: i64,
    /// Which password of theirs it was.
    pub version: i64,
}

/// Who a session is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user's name.
    pub name: String,
    /// The user's role.
    pub role: String,
}

/// Keeps sessions in the database, by the hash of their id.
#[derive(Clone, Debug)]
pub struct Sessions {
    database: Database,
    clock: Clock,
    /// Changes when somebody signs out.
    ends: watch::Sender<()>,
}

impl Sessions {
    /// Sessions that grow old by `clock`.
    #[must_use]
    pub fn new(database: Database, clock: Clock) -> Self {
        let ends = watch::Sender::new(());
        Self {
            database,
            clock,
            ends,
        }
    }

    /// Waits for the end of a session, without using it: at once where somebody signs out, else within some seconds.
    pub async fn ended(&self, id: &Id) {
        let mut ends = self.ends.subscribe();
        loop {
            ends.borrow_and_update();
            let (key, now) = (hash(id), self.clock.now_ms());
            match self.database.run(move |it| find(it, key, now)).await {
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => return tracing::error!("sessions cannot be read: {error:#}"),
            }
            // Nothing is missed in between: what changed since the look above is told at once.
            let _ = tokio::time::timeout(LOOK, ends.changed()).await;
        }
    }

    /// Removes what has expired.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub async fn remove_expired(&self) -> anyhow::Result<usize> {
        let now = self.clock.now_ms();
        self.database.run(move |it| remove_expired(it, now)).await
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let proof = record.data.get(PROOF).cloned().unwrap_or_default();
        let proof: Proof = serde_json::from_value(proof).map_err(|error| Error::Encode(error.to_string()))?;
        // Straight from the system; 128 bits do not collide, and the key of the table would refuse it if they did.
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| Error::Backend(error.to_string()))?;
        record.id = Id(i128::from_le_bytes(id));
        let (hash, now) = (hash(&record.id), self.clock.now_ms());
        let made = self.database.run(move |it| {
            remove_expired(it, now)?;
            let sql = "INSERT INTO sessions (id_hash, user, created_ms, seen_ms)
                       SELECT ?1, id, ?2, ?2 FROM users WHERE id = ?3 AND version = ?4";
            it.execute(sql, (hash, stored(now), proof.user, proof.version))
        });
        match made.await.map_err(backend)? {
            1 => Ok(()),
            _ => Err(Error::Backend(OUTDATED.to_owned())),
        }
    }

    /// Nothing of a session changes, and one that has ended must not come back.
    async fn save(&self, _: &Record) -> Result<()> {
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let (key, now) = (hash(id), self.clock.now_ms());
        let member = self.database.run(move |it| member(it, key, now)).await;
        let Some(member) = member.map_err(backend)? else {
            return Ok(None);
        };
        let member = serde_json::to_value(member).map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record {
            id: *id,
            data: HashMap::from([(MEMBER.to_owned(), member)]),
            // It was looked at already, by our own clock.
            expiry_date: OffsetDateTime::now_utc() + IDLE,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let key = hash(id);
        let deleted = self
            .database
            .run(move |it| it.execute("DELETE FROM sessions WHERE id_hash = ?1", [key]));
        deleted.await.map_err(backend)?;
        self.ends.send_replace(());
        Ok(())
    }
}

/// Whose session it is, if it still is one. Using it keeps it alive.
fn member(connection: &Connection, key: [u8; 32], now: u64) -> rusqlite::Result<Option<Member>> {
    let Some((member, idle)) = find(connection, key, now)? else {
        return Ok(None);
    };
    if idle >= SEEN {
        let sql = "UPDATE sessions SET seen_ms = ?2 WHERE id_hash = ?1";
        connection.prepare_cached(sql)?.execute((key, stored(now)))?;
    }
    Ok(Some(member))
}

/// Whose session it is, if it still is one, and how long ago it was used.
fn find(connection: &Connection, key: [u8; 32], now: u64) -> rusqlite::Result<Option<(Member, Duration)>> {
    let sql = "SELECT users.name, users.role, created_ms, seen_ms FROM sessions
               JOIN users ON users.id = sessions.user WHERE id_hash = ?1";
    let mut sessions = connection.prepare_cached(sql)?;
    let found = sessions.query_row([key], |row| {
        let (name, role) = (row.get(0)?, row.get(1)?);
        Ok((Member { name, role }, row.get(2)?, row.get(3)?))
    });
    let age = |since: i64| match u64::try_from(stored(now).saturating_sub(since)) {
        Ok(age) => Some(Duration::from_millis(age)),
        Err(_) => (since <= ahead(now)).then_some(Duration::ZERO),
    };
    let found = found.optional()?;
    Ok(found.and_then(|(member, created, seen)| {
        let (age, idle) = (age(created)?, age(seen)?);
        (age < LIFETIME && idle < IDLE).then_some((member, idle))
    }))
}

fn remove_expired(connection: &Connection, now: u64) -> rusqlite::Result<usize> {
    let before = |age| stored(now).saturating_sub(stored(ms(age)));
    let sql = "DELETE FROM sessions WHERE created_ms <= ?1 OR seen_ms <= ?2 OR max(created_ms, seen_ms) > ?3";
    connection.execute(sql, (before(LIFETIME), before(IDLE), ahead(now)))
}

/// The last moment that a session may be of.
fn ahead(now: u64) -> i64 {
    stored(now.saturating_add(ms(AHEAD)))
}

fn hash(id: &Id) -> [u8; 32] {
    Sha256::digest(id.0.to_le_bytes()).into()
}

fn backend(error: anyhow::Error) -> Error {
    Error::Backend(format!("{error:#}"))
}
