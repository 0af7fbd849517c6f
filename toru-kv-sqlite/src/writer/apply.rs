//! One commit, within the transaction of its batch.

use std::collections::BTreeMap;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension};
use toru_host::kv::{KvCommit, KvCommitted, KvError, KvMutation};
use toru_host::plugin::PluginId;

use super::account::Account;
use super::versions::Versions;

/// What is stored under a key, as far as a commit has to know.
#[derive(Clone, Debug)]
struct Stored {
    version: u64,
    /// Bytes of key and value.
    size: u64,
    has_expired: bool,
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
    account: &mut Account,
    versions: &mut Versions,
    now: i64,
) -> rusqlite::Result<Result<KvCommitted, KvError>> {
    for check in &commit.checks {
        let stored = stored(connection, plugin, &check.key, now, false)?;
        let version = stored
            .filter(|stored| !stored.has_expired)
            .map_or(0, |stored| stored.version);
        if version != check.version {
            return Ok(Err(KvError::Conflict));
        }
    }
    let before = account.usage();
    if commit.mutations.is_empty() {
        return Ok(Ok(KvCommitted {
            usage: before,
            ..KvCommitted::default()
        }));
    }
    let (changes, sum) = match collect(connection, plugin, &commit.mutations, now)? {
        Ok(collected) => collected,
        Err(error) => return Ok(Err(error)),
    };
    let mut changed = *account;
    for (key, change) in &changes {
        if let Some(old) = stored(connection, plugin, key, now, false)? {
            changed.take(old.size, old.has_expired);
        }
        if let Some((value, _)) = change {
            changed.put((key.len() + value.len()) as u64);
        }
    }
    let usage = changed.usage();
    let is_too_much = |now, before, quota| now > quota && now > before;
    if is_too_much(usage.keys, before.keys, commit.quota.keys)
        || is_too_much(usage.bytes, before.bytes, commit.quota.bytes)
    {
        return Ok(Err(KvError::Quota));
    }
    *account = changed;
    let version = versions.next();
    write(connection, plugin, changes, version)?;
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
                // One that lives for no time at all is never there.
                let is_ever_there = expires.is_none_or(|expires| expires > now);
                (key, is_ever_there.then(|| (value.clone(), expires)))
            }
            KvMutation::Add { key, delta } => {
                let (number, expires) = match changes.get(key) {
                    Some(None) => (Ok(0), None),
                    Some(Some((value, expires))) => (parse(value), *expires),
                    None => match stored(connection, plugin, key, now, true)? {
                        Some(stored) if !stored.has_expired => {
                            (stored.number.unwrap_or(Ok(0)), stored.expires_ms)
                        }
                        _ => (Ok(0), None),
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
    now: i64,
    with_number: bool,
) -> rusqlite::Result<Option<Stored>> {
    let mut statement = connection.prepare_cached(
        "SELECT version, length(value), expires_ms, CASE WHEN ?3 THEN value END FROM plugin_kv
         WHERE plugin = ?1 AND key = ?2",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        let expires_ms: Option<i64> = row.get(2)?;
        Ok(Stored {
            version: row.get::<_, i64>(0)?.cast_unsigned(),
            size: key.len() as u64 + row.get::<_, i64>(1)?.cast_unsigned(),
            has_expired: expires_ms.is_some_and(|expires| expires <= now),
            expires_ms,
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
