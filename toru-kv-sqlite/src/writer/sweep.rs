//! Sweeps: expired entries go also when their plugin never writes again.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use toru_host::plugin::PluginId;

use super::account::{Account, Allowance, Backlogs};
use crate::reader::Readers;

/// Shortest time between two sweeps.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// When to sweep.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: Duration,
    /// On a clock that never goes back.
    due: Duration,
}

impl Schedule {
    /// The first sweep is due at once.
    pub(super) fn new(interval: Duration, now: Duration) -> Self {
        Self {
            interval: interval.max(INTERVAL_MIN),
            due: now,
        }
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        now >= self.due
    }

    /// How long it is until then.
    pub(super) const fn wait(&self, now: Duration) -> Duration {
        self.due.saturating_sub(now)
    }

    /// A sweep is over. When it left something, the next one is due at once.
    pub(super) fn end(&mut self, now: Duration, is_all: bool) {
        let wait = if is_all { self.interval } else { Duration::ZERO };
        self.due = now.saturating_add(wait);
    }
}

/// Removes what has expired, of any plugin, as far as one transaction may. Tells whether that was all.
pub(super) fn sweep(
    connection: &mut Connection,
    now: i64,
    backlogs: &mut Backlogs,
    readers: &Readers,
) -> rusqlite::Result<bool> {
    let mut find = connection.prepare_cached(
        "SELECT plugin FROM plugin_usage AS used WHERE EXISTS
         (SELECT 1 FROM plugin_kv WHERE plugin = used.plugin AND expires_ms <= ?1)",
    )?;
    // Ids that are none have to do with damage, which whoever reads them finds.
    let plugins = find.query_map([now], |row| Ok(PluginId::new(row.get_ref(0)?.as_str()?).ok()))?;
    let plugins: Vec<_> = plugins.collect::<rusqlite::Result<Vec<_>>>()?;
    let plugins: Vec<_> = plugins.into_iter().flatten().collect();
    drop(find);
    // Nothing is locked, written or flushed then.
    if plugins.is_empty() {
        return Ok(true);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut allowance = Allowance::default();
    let mut accounts = Vec::new();
    for plugin in &plugins {
        let account = Account::open(&transaction, plugin, now, backlogs, &mut allowance)?;
        account.save(&transaction, plugin)?;
        accounts.push((plugin, account));
        if allowance.is_used_up() {
            break;
        }
    }
    let committing = readers.commit();
    transaction.commit()?;
    drop(committing);
    backlogs.keep(accounts);
    Ok(!allowance.is_used_up())
}
