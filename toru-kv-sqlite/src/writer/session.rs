//! A connection that writes, and its transactions.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rusqlite::{Connection, TransactionBehavior};
use toru_host::kv::KvCommit;
use toru_host::plugin::PluginId;

use super::Answer;
use super::account::{Account, Allowance, Backlogs};
use super::apply::apply;
use super::versions::Versions;
use crate::reader::Readers;

/// A connection and what is known of the database, which holds as long as nothing fails. After that, it is not used again:
/// what a failed flush leaves behind is found out by a new connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) backlogs: Backlogs,
    versions: Versions,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            backlogs: Backlogs::default(),
            versions: Versions::default(),
        }
    }

    /// Makes commits in one transaction. An error means that none of them was made.
    pub(super) fn transact(
        &mut self,
        commits: &[(&PluginId, &KvCommit)],
        now: i64,
        readers: &Readers,
    ) -> rusqlite::Result<Vec<Answer>> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        self.versions.reserve(&transaction, commits.len())?;
        let mut answers = Vec::with_capacity(commits.len());
        let mut accounts: BTreeMap<&PluginId, Account> = BTreeMap::new();
        let mut allowance = Allowance::default();
        for (plugin, commit) in commits {
            let account = match accounts.entry(plugin) {
                Entry::Occupied(account) => account.into_mut(),
                Entry::Vacant(place) => place.insert(Account::open(
                    &transaction,
                    plugin,
                    now,
                    &self.backlogs,
                    &mut allowance,
                )?),
            };
            answers.push(apply(
                &transaction,
                plugin,
                commit,
                account,
                &mut self.versions,
                now,
            )?);
        }
        for (plugin, account) in &accounts {
            account.save(&transaction, plugin)?;
        }
        let committing = readers.commit();
        transaction.commit()?;
        drop(committing);
        self.backlogs.keep(accounts);
        Ok(answers)
    }
}
