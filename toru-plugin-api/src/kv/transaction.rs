//! Changes that are made together.

use std::time::Duration;

use crate::shim::{Change, Check};

/// Changes that are made together, or not at all, if all checks hold.
///
/// All of them get one version. Changes of one key are made in order, and the last one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "nothing happens before it is committed"]
pub struct KvTransaction {
    checks: Vec<(Vec<u8>, Option<u64>)>,
    changes: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Set(Vec<u8>, Vec<u8>, Option<Duration>),
    Delete(Vec<u8>),
    Add(Vec<u8>, i64),
}

impl KvTransaction {
    /// No changes, without conditions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only if the entry still has that version, or, for `None`, still does not exist.
    pub fn check(mut self, key: impl AsRef<[u8]>, version: impl Into<Option<u64>>) -> Self {
        self.checks.push((key.as_ref().to_vec(), version.into()));
        self
    }

    /// Stores a value.
    pub fn set(mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let (key, value) = (key.as_ref().to_vec(), value.as_ref().to_vec());
        self.changes.push(Step::Set(key, value, None));
        self
    }

    /// Stores a value for some time, rounded up to milliseconds.
    pub fn set_for(mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, time: Duration) -> Self {
        let (key, value) = (key.as_ref().to_vec(), value.as_ref().to_vec());
        self.changes.push(Step::Set(key, value, Some(time)));
        self
    }

    /// Deletes a key; no error when it does not exist.
    pub fn delete(mut self, key: impl AsRef<[u8]>) -> Self {
        self.changes.push(Step::Delete(key.as_ref().to_vec()));
        self
    }

    /// Adds to the decimal number stored under a key, 0 when it does not exist. Keeps the time for which it is stored.
    pub fn add(mut self, key: impl AsRef<[u8]>, delta: i64) -> Self {
        self.changes.push(Step::Add(key.as_ref().to_vec(), delta));
        self
    }

    pub(super) fn lend(&self) -> (Vec<Check<'_>>, Vec<Change<'_>>) {
        let checks = self.checks.iter().map(|(key, version)| Check::new(key, *version));
        let changes = self.changes.iter().map(|step| match step {
            Step::Set(key, value, ttl) => Change::set(key, value, *ttl),
            Step::Delete(key) => Change::delete(key),
            Step::Add(key, delta) => Change::add(key, *delta),
        });
        (checks.collect(), changes.collect())
    }
}
