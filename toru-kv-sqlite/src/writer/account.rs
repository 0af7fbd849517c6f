//! What plugins use, and how entries that have expired leave.
//!
//! `plugin_usage` counts what is stored. What a plugin is told is less by what has expired and was not removed yet. Nearly
//! always that is nothing, since a transaction first removes what it finds. But it removes only so much at once, so that
//! nobody waits for a million entries that expire together. The rest is counted, once, and remembered by the writer.

use std::cmp::Ordering;
use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};
use toru_host::kv::KvUsage;
use toru_host::plugin::PluginId;

/// How many expired entries one transaction removes at most.
const ENTRIES_MAX: usize = 1000;
/// How many bytes it removes, about: each page of a large value has to be found.
const BYTES_MAX: u64 = 16 << 20;

/// How much a transaction may still remove of what has expired.
pub(super) struct Allowance {
    entries: usize,
    bytes: u64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            entries: ENTRIES_MAX,
            bytes: BYTES_MAX,
        }
    }
}

impl Allowance {
    pub(super) const fn is_used_up(&self) -> bool {
        self.entries == 0 || self.bytes == 0
    }
}

/// What has expired and is still stored.
#[derive(Clone, Copy, Debug)]
struct Backlog {
    /// The last moment of expiry that is counted.
    until: i64,
    usage: KvUsage,
}

/// The backlogs of those plugins that have one, as far as they are known: without one, it has to be counted.
///
/// Right as long as every transaction that changes something is told by [`Backlogs::keep`], and after one that failed they
/// are not used again.
#[derive(Debug, Default)]
pub(super) struct Backlogs(HashMap<PluginId, Backlog>);

impl Backlogs {
    /// A transaction was committed.
    pub(super) fn keep<'a>(&mut self, accounts: impl IntoIterator<Item = (&'a PluginId, Account)>) {
        for (plugin, account) in accounts {
            if account.backlog.usage.keys == 0 {
                self.0.remove(plugin);
            } else {
                self.0.insert(plugin.clone(), account.backlog);
            }
        }
    }
}

/// What one plugin uses, while a transaction changes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    /// As it is in the table.
    saved: KvUsage,
    /// All that is stored.
    stored: KvUsage,
    backlog: Backlog,
}

impl Account {
    /// Reads what a plugin uses, and removes what has expired, as far as allowed.
    pub(super) fn open(
        connection: &Connection,
        plugin: &PluginId,
        now: i64,
        backlogs: &Backlogs,
        allowance: &mut Allowance,
    ) -> rusqlite::Result<Self> {
        let mut read = connection.prepare_cached(
            "SELECT keys, bytes, EXISTS (SELECT 1 FROM plugin_kv WHERE plugin = ?1 AND expires_ms <= ?2)
             FROM plugin_usage WHERE plugin = ?1",
        )?;
        let found = read.query_row((plugin.as_str(), now), |row| {
            Ok((usage(row.get(0)?, row.get(1)?), row.get::<_, bool>(2)?))
        });
        let (saved, has_expired) = found.optional()?.unwrap_or_default();
        let mut account = Self {
            saved,
            stored: saved,
            backlog: Backlog {
                until: now,
                usage: KvUsage::default(),
            },
        };
        // As nearly always.
        if !has_expired {
            return Ok(account);
        }
        let known = backlogs.0.get(plugin);
        if let Some(known) = known {
            account.backlog.usage = match known.until.cmp(&now) {
                Ordering::Equal => known.usage,
                Ordering::Less => plus(known.usage, expiring(connection, plugin, known.until, now)?),
                // The clock was set back.
                Ordering::Greater => minus(known.usage, expiring(connection, plugin, now, known.until)?),
            };
        }
        let removed = remove(connection, plugin, now, allowance)?;
        account.stored = minus(account.stored, removed);
        account.backlog.usage = if !allowance.is_used_up() {
            // Then all that has expired was removed.
            KvUsage::default()
        } else if known.is_some() {
            minus(account.backlog.usage, removed)
        } else {
            expiring(connection, plugin, i64::MIN, now)?
        };
        Ok(account)
    }

    /// What the plugin uses, without what has expired.
    pub(super) fn usage(&self) -> KvUsage {
        minus(self.stored, self.backlog.usage)
    }

    /// An entry of so many bytes goes.
    pub(super) fn take(&mut self, bytes: u64, has_expired: bool) {
        let entry = KvUsage { keys: 1, bytes };
        self.stored = minus(self.stored, entry);
        if has_expired {
            self.backlog.usage = minus(self.backlog.usage, entry);
        }
    }

    /// An entry of so many bytes comes, which has not expired.
    pub(super) fn put(&mut self, bytes: u64) {
        self.stored = plus(self.stored, KvUsage { keys: 1, bytes });
    }

    /// Writes it back.
    pub(super) fn save(&self, connection: &Connection, plugin: &PluginId) -> rusqlite::Result<()> {
        if self.stored == self.saved {
            return Ok(());
        }
        let mut statement = connection.prepare_cached(
            "INSERT INTO plugin_usage (plugin, keys, bytes) VALUES (?1, ?2, ?3)
             ON CONFLICT (plugin) DO UPDATE SET keys = excluded.keys, bytes = excluded.bytes",
        )?;
        let (keys, bytes) = (self.stored.keys.cast_signed(), self.stored.bytes.cast_signed());
        statement.execute((plugin.as_str(), keys, bytes)).map(drop)
    }
}

/// Removes entries that have expired, those first that have been for longest. Tells what they used.
fn remove(
    connection: &Connection,
    plugin: &PluginId,
    now: i64,
    allowance: &mut Allowance,
) -> rusqlite::Result<KvUsage> {
    let mut removed = KvUsage::default();
    if allowance.is_used_up() {
        return Ok(removed);
    }
    let mut find = connection.prepare_cached(
        "SELECT key, length(key) + length(value) FROM plugin_kv
         WHERE plugin = ?1 AND expires_ms <= ?2 ORDER BY expires_ms",
    )?;
    // Not a `LIMIT`: SQLite plans anew each time one is bound, which costs more than all the rest.
    let mut rows = find.query((plugin.as_str(), now))?;
    let mut keys: Vec<Vec<u8>> = Vec::new();
    while keys.len() < allowance.entries
        && removed.bytes < allowance.bytes
        && let Some(row) = rows.next()?
    {
        keys.push(row.get(0)?);
        removed = plus(removed, usage(1, row.get(1)?));
    }
    drop(rows);
    let mut delete = connection.prepare_cached("DELETE FROM plugin_kv WHERE plugin = ?1 AND key = ?2")?;
    for key in &keys {
        delete.execute((plugin.as_str(), &key[..]))?;
    }
    allowance.entries = allowance.entries.saturating_sub(keys.len());
    allowance.bytes = allowance.bytes.saturating_sub(removed.bytes);
    Ok(removed)
}

/// What the entries use that expire after one moment and up to another.
fn expiring(connection: &Connection, plugin: &PluginId, after: i64, until: i64) -> rusqlite::Result<KvUsage> {
    let mut count = connection.prepare_cached(
        "SELECT count(*), coalesce(sum(length(key) + length(value)), 0) FROM plugin_kv
         WHERE plugin = ?1 AND expires_ms > ?2 AND expires_ms <= ?3",
    )?;
    count.query_row((plugin.as_str(), after, until), |row| {
        Ok(usage(row.get(0)?, row.get(1)?))
    })
}

const fn usage(keys: i64, bytes: i64) -> KvUsage {
    KvUsage {
        keys: keys.cast_unsigned(),
        bytes: bytes.cast_unsigned(),
    }
}

const fn plus(one: KvUsage, other: KvUsage) -> KvUsage {
    KvUsage {
        keys: one.keys.saturating_add(other.keys),
        bytes: one.bytes.saturating_add(other.bytes),
    }
}

const fn minus(one: KvUsage, other: KvUsage) -> KvUsage {
    KvUsage {
        keys: one.keys.saturating_sub(other.keys),
        bytes: one.bytes.saturating_sub(other.bytes),
    }
}
