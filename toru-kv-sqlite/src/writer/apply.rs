//! One commit, within the transaction of its batch.

use std::collections::BTreeMap;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension};
use toru_host::kv::{KvCommit, KvCommitted, KvError, KvMutation, KvUsage};
use toru_host::plugin::PluginId;

/// What is stored under a key, as far as a commit has to know.
#[derive(Clone, Debug)]
struct Stored {
    version: u64,
    value_len: u64,
    expires_ms: Option<i64>,
    /// Read only where something is added to it.
    number: Option<Result<i64, KvError>>,
}

/// What is to be stored under a key, or nothing.
type Change = Option<(Bytes, Option<i64>)>;

/// Changes by key, and the last sum.
type Collected = (BTreeMap<Bytes, Change>, i64);

/// Makes a commit, or finds out why not: then nothing of it was written. An outer error ends the transaction.
pub(super) fn apply(
    connection: &Connection,
    plugin: &PluginId,
    commit: &KvCommit,
    last_version: &mut u64,
    now: i64,
) -> rusqlite::Result<Result<KvCommitted, KvError>> {
    let before = remove_expired(connection, plugin, now)?;
    for check in &commit.checks {
        let stored = stored(connection, plugin, &check.key, false)?;
        if stored.map_or(0, |stored| stored.version) != check.version {
            return Ok(Err(KvError::Conflict));
        }
    }
    if commit.mutations.is_empty() {
        let usage = before;
        return Ok(Ok(KvCommitted {
            usage,
            ..KvCommitted::default()
        }));
    }
    let (changes, sum) = match collect(connection, plugin, &commit.mutations, now)? {
        Ok(collected) => collected,
        Err(error) => return Ok(Err(error)),
    };
    let mut usage = before;
    for (key, change) in &changes {
        if let Some(old) = stored(connection, plugin, key, false)? {
            usage.keys = usage.keys.saturating_sub(1);
            usage.bytes = usage.bytes.saturating_sub(key.len() as u64 + old.value_len);
        }
        if let Some((value, _)) = change {
            usage.keys += 1;
            usage.bytes += (key.len() + value.len()) as u64;
        }
    }
    let is_too_much = |now, before, quota| now > quota && now > before;
    if is_too_much(usage.keys, before.keys, commit.quota.keys)
        || is_too_much(usage.bytes, before.bytes, commit.quota.bytes)
    {
        return Ok(Err(KvError::Quota));
    }
    *last_version += 1;
    let version = *last_version;
    write(connection, plugin, changes, version)?;
    set_usage(connection, plugin, usage)?;
    Ok(Ok(KvCommitted { version, sum, usage }))
}

/// What the mutations come to, key by key: the last one counts.
fn collect(
    connection: &Connection,
    plugin: &PluginId,
    mutations: &[KvMutation],
    now: i64,
) -> rusqlite::Result<Result<Collected, KvError>> {
    let mut changes: BTreeMap<Bytes, Change> = BTreeMap::new();
    let mut sum = 0;
    for mutation in mutations {
        let (key, change) = match mutation {
            KvMutation::Delete { key } => (key, None),
            KvMutation::Set { key, value, ttl } => {
                let expires =
                    ttl.map(|ttl| now.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX)));
                (key, Some((value.clone(), expires)))
            }
            KvMutation::Add { key, delta } => {
                let (number, expires) = match changes.get(key) {
                    Some(None) => (Ok(0), None),
                    Some(Some((value, expires))) => (parse(value), *expires),
                    None => match stored(connection, plugin, key, true)? {
                        None => (Ok(0), None),
                        Some(stored) => (stored.number.unwrap_or(Ok(0)), stored.expires_ms),
                    },
                };
                let added = number.and_then(|number| number.checked_add(*delta).ok_or(KvError::NotANumber));
                sum = match added {
                    Ok(sum) => sum,
                    Err(error) => return Ok(Err(error)),
                };
                (key, Some((sum.to_string().into(), expires)))
            }
            // A kind of change that this version does not know.
            _ => return Ok(Err(KvError::Backend("an unknown kind of change".to_owned()))),
        };
        changes.insert(key.clone(), change);
    }
    Ok(Ok((changes, sum)))
}

fn parse(value: &[u8]) -> Result<i64, KvError> {
    let text = std::str::from_utf8(value).map_err(|_| KvError::NotANumber)?;
    text.parse().map_err(|_| KvError::NotANumber)
}

fn stored(
    connection: &Connection,
    plugin: &PluginId,
    key: &[u8],
    with_number: bool,
) -> rusqlite::Result<Option<Stored>> {
    let mut statement = connection.prepare_cached(
        "SELECT version, length(value), expires_ms, CASE WHEN ?3 THEN value END FROM plugin_kv
         WHERE plugin = ?1 AND key = ?2",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Stored {
            version: row.get::<_, i64>(0)?.cast_unsigned(),
            value_len: row.get::<_, i64>(1)?.cast_unsigned(),
            expires_ms: row.get(2)?,
            number: row.get_ref(3)?.as_blob_or_null()?.map(parse),
        })
    };
    statement
        .query_row((plugin.as_str(), key, with_number), read)
        .optional()
}

fn write(
    connection: &Connection,
    plugin: &PluginId,
    changes: BTreeMap<Bytes, Change>,
    version: u64,
) -> rusqlite::Result<()> {
    let mut set = connection.prepare_cached(
        "INSERT INTO plugin_kv (plugin, key, value, version, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (plugin, key) DO UPDATE
         SET value = excluded.value, version = excluded.version, expires_ms = excluded.expires_ms",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM plugin_kv WHERE plugin = ?1 AND key = ?2")?;
    for (key, change) in changes {
        match change {
            None => delete.execute((plugin.as_str(), &key[..]))?,
            Some((value, expires)) => set.execute((
                plugin.as_str(),
                &key[..],
                &value[..],
                version.cast_signed(),
                expires,
            ))?,
        };
    }
    Ok(())
}

/// Removes what has expired of a plugin, and tells what it uses without that.
fn remove_expired(connection: &Connection, plugin: &PluginId, now: i64) -> rusqlite::Result<KvUsage> {
    let mut read = connection.prepare_cached("SELECT keys, bytes FROM plugin_usage WHERE plugin = ?1")?;
    let usage = read
        .query_row([plugin.as_str()], |row| {
            Ok(KvUsage {
                keys: row.get::<_, i64>(0)?.cast_unsigned(),
                bytes: row.get::<_, i64>(1)?.cast_unsigned(),
            })
        })
        .optional()?;
    let mut usage = usage.unwrap_or_default();
    let mut remove = connection.prepare_cached(
        "DELETE FROM plugin_kv WHERE plugin = ?1 AND expires_ms <= ?2
         RETURNING length(key) + length(value)",
    )?;
    let mut removed = remove.query((plugin.as_str(), now))?;
    let mut is_changed = false;
    while let Some(row) = removed.next()? {
        usage.keys = usage.keys.saturating_sub(1);
        usage.bytes = usage.bytes.saturating_sub(row.get::<_, i64>(0)?.cast_unsigned());
        is_changed = true;
    }
    drop(removed);
    if is_changed {
        set_usage(connection, plugin, usage)?;
    }
    Ok(usage)
}

fn set_usage(connection: &Connection, plugin: &PluginId, usage: KvUsage) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO plugin_usage (plugin, keys, bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT (plugin) DO UPDATE SET keys = excluded.keys, bytes = excluded.bytes",
    )?;
    let (keys, bytes) = (usage.keys.cast_signed(), usage.bytes.cast_signed());
    statement.execute((plugin.as_str(), keys, bytes)).map(drop)
}
