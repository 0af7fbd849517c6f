//! Stores that are wrong in one way each, and the rule that the suite finds broken.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::task::{JoinError, yield_now};
use toru_host::clock::Clock;
use toru_host::kv::conformance::{Group, Suite};
use toru_host::kv::{
    KvBackend, KvCommit, KvCommitted, KvEntry, KvError, KvFuture, KvMutation, KvQuota, KvRange, MemoryKv,
    block_on,
};
use toru_host::plugin::PluginId;

/// A correct store, and what is wrong about the calls to it.
#[derive(Debug)]
struct Wrong {
    store: MemoryKv,
    fault: Fault,
    /// What faults remember: entries by plugin and key.
    kept: Mutex<HashMap<(PluginId, Bytes), KvEntry>>,
    /// A commit that was told before it was made.
    late: Mutex<Option<(PluginId, KvCommit)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Adding reads, and writes later.
    LosesUpdates,
    /// Checks first, and writes later.
    ChecksTooEarly,
    /// A list is put together from two moments.
    ShowsDirtyPages,
    /// The same for several keys.
    ShowsDirtyKeys,
    /// A key that is read often is answered from a cache.
    ReadsStaleEntries,
    /// Expired entries are still found.
    FindsExpired,
    /// They go a millisecond late.
    ExpiresLate,
    /// Adding ends the expiry.
    AddForgetsExpiry,
    /// Keys are put behind the plugin's id, with a dash between them.
    LeaksByConcatenation,
    /// Keys are C strings.
    EndsKeysAtNul,
    /// A key that is created again has the version that it had at first.
    RepeatsVersions,
    /// Versions count per key.
    CountsVersionsPerKey,
    /// What comes before a failing check's commit is made all the same.
    MakesHalfACommit,
    /// A commit is made in two steps.
    CommitsInSteps,
    IgnoresQuota,
    /// Who is over the quota may not even shrink.
    RefusesToShrink,
    CountsValuesOnly,
    /// Lists compare bytes as signed numbers.
    ComparesSigned,
    IgnoresLimit,
    /// Descending lists start with the lowest keys all the same.
    LimitsBeforeTurning,
    /// An empty value is a missing one.
    TakesEmptyForMissing,
    /// Keys that are asked for twice are answered once.
    AnswersOnce,
    /// Checks of version 0 always hold.
    SkipsCreateChecks,
    /// Sums wrap around.
    WrapsSums,
    /// Whoever blocks is not checked.
    SkipsChecksOfBlockers,
    /// Whoever blocks is told before the commit is made.
    AnswersBlockersTooEarly,
}

impl Wrong {
    fn factory(fault: Fault) -> impl FnMut(Arc<dyn Clock>) -> Self + Send {
        move |clock| Self {
            store: MemoryKv::with_clock(clock),
            fault,
            kept: Mutex::default(),
            late: Mutex::default(),
        }
    }

    fn keep(&self, plugin: &PluginId, entries: &[KvEntry]) {
        let mut kept = self.kept.lock().unwrap();
        for entry in entries {
            kept.insert((plugin.clone(), entry.key.clone()), entry.clone());
        }
    }

    fn kept(&self, plugin: &PluginId, key: &Bytes) -> Option<KvEntry> {
        self.kept
            .lock()
            .unwrap()
            .get(&(plugin.clone(), key.clone()))
            .cloned()
    }

    async fn one(&self, plugin: &PluginId, key: &Bytes) -> Option<KvEntry> {
        self.store.get(plugin, vec![key.clone()]).await.unwrap().pop()
    }

    /// Where an entry is really put.
    fn place(&self, plugin: &PluginId, key: &Bytes) -> (PluginId, Bytes) {
        match self.fault {
            Fault::LeaksByConcatenation => {
                let (one, more) = plugin.as_str().split_once('-').unwrap_or((plugin.as_str(), ""));
                let more = if more.is_empty() {
                    String::new()
                } else {
                    format!("{more}-")
                };
                (one.parse().unwrap(), [more.as_bytes(), key].concat().into())
            }
            Fault::EndsKeysAtNul => {
                let end = key.iter().skip(1).position(|byte| *byte == 0);
                (plugin.clone(), key.slice(..end.map_or(key.len(), |end| end + 1)))
            }
            _ => (plugin.clone(), key.clone()),
        }
    }

    async fn get(&self, plugin: &PluginId, keys: Vec<Bytes>) -> Result<Vec<KvEntry>, KvError> {
        let mut found = Vec::new();
        for key in &keys {
            let (plugin, place) = self.place(plugin, key);
            if self.fault == Fault::ShowsDirtyKeys {
                yield_now().await;
            }
            let entry = self.one(&plugin, &place).await;
            found.extend(entry.map(|entry| KvEntry {
                key: key.clone(),
                ..entry
            }));
        }
        match self.fault {
            Fault::ShowsDirtyKeys | Fault::LeaksByConcatenation | Fault::EndsKeysAtNul => return Ok(found),
            _ => found = self.store.get(plugin, keys.clone()).await?,
        }
        match self.fault {
            Fault::TakesEmptyForMissing => found.retain(|entry| !entry.value.is_empty()),
            Fault::AnswersOnce => {
                let mut answered = HashSet::new();
                found.retain(|entry| answered.insert(entry.key.clone()));
            }
            Fault::FindsExpired => {
                let missing = |key: &&Bytes| found.iter().all(|entry| entry.key != **key);
                let expired = keys
                    .iter()
                    .filter(missing)
                    .filter_map(|key| self.kept(plugin, key));
                let expired: Vec<_> = expired.filter(|entry| entry.expires_ms.is_some()).collect();
                found.extend(expired);
            }
            Fault::ReadsStaleEntries if keys == ["x"] => {
                let stale: Vec<_> = keys.iter().filter_map(|key| self.kept(plugin, key)).collect();
                self.keep(plugin, &found);
                if !stale.is_empty() {
                    found = stale;
                }
            }
            Fault::RepeatsVersions | Fault::CountsVersionsPerKey => {
                for entry in &mut found {
                    entry.version = self
                        .kept(plugin, &entry.key)
                        .map_or(entry.version, |kept| kept.version);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    async fn list(&self, plugin: &PluginId, mut range: KvRange) -> Result<Vec<KvEntry>, KvError> {
        match self.fault {
            Fault::ShowsDirtyPages => {
                let mut page = self.store.list(plugin, range.clone()).await?;
                yield_now().await;
                let half = page.len() / 2;
                let later = self.store.list(plugin, range).await?;
                if later.len() == page.len() {
                    page.truncate(half);
                    page.extend(later.into_iter().skip(half));
                }
                Ok(page)
            }
            Fault::ComparesSigned => {
                let limit = std::mem::replace(&mut range.limit, usize::MAX);
                let mut all = self.store.list(plugin, range).await?;
                all.sort_by_key(|entry| {
                    entry
                        .key
                        .iter()
                        .map(|byte| byte.cast_signed())
                        .collect::<Vec<_>>()
                });
                all.truncate(limit);
                Ok(all)
            }
            Fault::IgnoresLimit => {
                range.limit = usize::MAX;
                self.store.list(plugin, range).await
            }
            Fault::LimitsBeforeTurning => {
                let descending = std::mem::take(&mut range.descending);
                let mut found = self.store.list(plugin, range).await?;
                if descending {
                    found.reverse();
                }
                Ok(found)
            }
            _ => self.store.list(plugin, range).await,
        }
    }

    async fn commit(&self, plugin: &PluginId, mut commit: KvCommit) -> Result<KvCommitted, KvError> {
        let simple = |mutations: &[KvMutation]| KvCommit {
            checks: Vec::new(),
            mutations: mutations.to_vec(),
            quota: KvQuota::UNLIMITED,
        };
        let mut plugin = plugin.clone();
        match self.fault {
            Fault::LosesUpdates => {
                if let [KvMutation::Add { key, delta }] = &commit.mutations[..]
                    && let Some(entry) = self.one(&plugin, key).await
                    && entry.expires_ms.is_none()
                    && let Ok(number) = std::str::from_utf8(&entry.value)
                        .unwrap_or_default()
                        .parse::<i64>()
                    && let Some(sum) = number.checked_add(*delta)
                {
                    yield_now().await;
                    commit.mutations = vec![KvMutation::Set {
                        key: key.clone(),
                        value: sum.to_string().into(),
                        ttl: None,
                    }];
                    let done = self.store.commit(&plugin, commit).await?;
                    return Ok(KvCommitted { sum, ..done });
                }
            }
            Fault::ChecksTooEarly => {
                let checks = std::mem::take(&mut commit.checks);
                let only = KvCommit {
                    checks,
                    ..simple(&[])
                };
                self.store.commit(&plugin, only).await?;
                yield_now().await;
            }
            Fault::FindsExpired => {
                let done = self.store.commit(&plugin, commit.clone()).await?;
                let all = KvRange {
                    start: std::ops::Bound::Unbounded,
                    end: std::ops::Bound::Unbounded,
                    descending: false,
                    limit: usize::MAX,
                };
                let all = self.store.list(&plugin, all).await?;
                self.keep(&plugin, &all);
                return Ok(done);
            }
            Fault::ExpiresLate => {
                for mutation in &mut commit.mutations {
                    if let KvMutation::Set { ttl: Some(ttl), .. } = mutation {
                        *ttl = ttl.saturating_add(std::time::Duration::from_millis(1));
                    }
                }
            }
            Fault::AddForgetsExpiry => {
                if let [KvMutation::Add { key, .. }] = &commit.mutations[..]
                    && let Some(entry) = self.one(&plugin, key).await
                {
                    let forget = KvMutation::Set {
                        key: key.clone(),
                        value: entry.value,
                        ttl: None,
                    };
                    commit.mutations.insert(0, forget);
                }
            }
            Fault::LeaksByConcatenation | Fault::EndsKeysAtNul => {
                let mut of = plugin.clone();
                for mutation in &mut commit.mutations {
                    let (KvMutation::Set { key, .. }
                    | KvMutation::Delete { key }
                    | KvMutation::Add { key, .. }) = mutation
                    else {
                        continue;
                    };
                    (of, *key) = self.place(&plugin, key);
                }
                for check in &mut commit.checks {
                    (of, check.key) = self.place(&plugin, &check.key);
                }
                plugin = of;
            }
            Fault::RepeatsVersions | Fault::CountsVersionsPerKey => {
                return self.with_own_versions(&plugin, commit).await;
            }
            Fault::MakesHalfACommit => {
                let half = simple(&commit.mutations[..commit.mutations.len() / 2]);
                let result = self.store.commit(&plugin, commit).await;
                if result == Err(KvError::Conflict) {
                    self.store.commit(&plugin, half).await?;
                }
                return result;
            }
            Fault::CommitsInSteps if commit.checks.is_empty() && commit.quota == KvQuota::UNLIMITED => {
                let only_sets = |mutation: &KvMutation| matches!(mutation, KvMutation::Set { ttl: None, .. });
                if commit.mutations.len() == 4 && commit.mutations.iter().all(only_sets) {
                    self.store.commit(&plugin, simple(&commit.mutations[..2])).await?;
                    yield_now().await;
                    commit.mutations.drain(..2);
                }
            }
            Fault::IgnoresQuota => commit.quota = KvQuota::UNLIMITED,
            Fault::RefusesToShrink => {
                let quota = commit.quota;
                let before = self.store.commit(&plugin, simple(&[])).await?.usage;
                if before.keys > quota.keys && !commit.mutations.is_empty() {
                    return Err(KvError::Quota);
                }
            }
            Fault::CountsValuesOnly => {
                let mut done = self.store.commit(&plugin, commit).await?;
                done.usage.bytes -= done.usage.keys;
                return Ok(done);
            }
            Fault::SkipsCreateChecks => commit.checks.retain(|check| check.version != 0),
            Fault::WrapsSums => {
                if let [KvMutation::Add { key, delta }] = &commit.mutations[..]
                    && let Some(entry) = self.one(&plugin, key).await
                    && let Ok(number) = std::str::from_utf8(&entry.value)
                        .unwrap_or_default()
                        .parse::<i64>()
                    && number.checked_add(*delta).is_none()
                {
                    commit.mutations = vec![KvMutation::Set {
                        key: key.clone(),
                        value: number.wrapping_add(*delta).to_string().into(),
                        ttl: None,
                    }];
                }
            }
            _ => {}
        }
        self.store.commit(&plugin, commit).await
    }

    /// Versions that the fault makes up, for commits of one key.
    async fn with_own_versions(&self, plugin: &PluginId, commit: KvCommit) -> Result<KvCommitted, KvError> {
        let key = match &commit.mutations[..] {
            [KvMutation::Set { key, .. } | KvMutation::Add { key, .. }] => key.clone(),
            _ => return self.store.commit(plugin, commit).await,
        };
        let mut done = self.store.commit(plugin, commit).await?;
        let there = self.one(plugin, &key).await;
        let old = self.kept(plugin, &key).map(|entry| entry.version);
        done.version = match (self.fault, old) {
            (Fault::CountsVersionsPerKey, old) => old.unwrap_or(0) + 1,
            (_, Some(old)) if done.version % 4 == 0 => old,
            _ => done.version,
        };
        let version = done.version;
        self.keep(
            plugin,
            &there
                .map(|entry| KvEntry { version, ..entry })
                .into_iter()
                .collect::<Vec<_>>(),
        );
        Ok(done)
    }
}

impl KvBackend for Wrong {
    fn get<'a>(&'a self, plugin: &'a PluginId, keys: Vec<Bytes>) -> KvFuture<'a, Vec<KvEntry>> {
        Box::pin(self.get(plugin, keys))
    }

    fn list<'a>(&'a self, plugin: &'a PluginId, range: KvRange) -> KvFuture<'a, Vec<KvEntry>> {
        Box::pin(self.list(plugin, range))
    }

    fn commit<'a>(&'a self, plugin: &'a PluginId, commit: KvCommit) -> KvFuture<'a, KvCommitted> {
        Box::pin(self.commit(plugin, commit))
    }

    fn commit_blocking(&self, plugin: &PluginId, mut commit: KvCommit) -> Result<KvCommitted, KvError> {
        match self.fault {
            Fault::SkipsChecksOfBlockers => commit.checks.clear(),
            Fault::AnswersBlockersTooEarly if commit.checks.is_empty() => {
                // Made by whoever commits next.
                let late = self
                    .late
                    .lock()
                    .unwrap()
                    .replace((plugin.clone(), commit.clone()));
                if let Some((plugin, commit)) = late {
                    return block_on(self.commit(&plugin, commit));
                }
                return Ok(KvCommitted::default());
            }
            _ => {}
        }
        block_on(self.commit(plugin, commit))
    }

    fn instance_id(&self) -> KvFuture<'_, String> {
        self.store.instance_id()
    }
}

/// The rule that the suite finds broken.
async fn broken(fault: Fault) -> String {
    let suite = Suite::new(Wrong::factory(fault)).rounds(300);
    let Err(error) = tokio::spawn(suite.run()).await else {
        panic!("{fault:?} is not found");
    };
    let message = message(error);
    println!("{fault:?}: {message:.300}");
    message.split('`').nth(1).unwrap_or(&message).to_owned()
}

fn message(error: JoinError) -> String {
    let panic = error.into_panic();
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => (*panic.downcast_ref::<&str>().unwrap()).to_owned(),
    }
}

#[tokio::test]
async fn nothing_is_found_where_nothing_is_wrong() {
    Suite::new(Wrong::factory(Fault::None)).rounds(300).run().await;
}

#[tokio::test]
async fn each_wrong_store_is_found_and_its_rule_named() {
    use Fault::*;
    let mut missed = Vec::new();
    for (fault, rules) in [
        (LosesUpdates, "concurrent.add"),
        (ChecksTooEarly, "concurrent.checks"),
        (ShowsDirtyPages, "snapshot"),
        (ShowsDirtyKeys, "snapshot"),
        (ReadsStaleEntries, "concurrent.linearisable"),
        (FindsExpired, "expiry.get"),
        (ExpiresLate, "expiry.told"),
        (AddForgetsExpiry, "add.keeps-expiry"),
        (LeaksByConcatenation, "isolation.list"),
        (EndsKeysAtNul, "list.byte-order"),
        (RepeatsVersions, "versions.never-repeat"),
        (CountsVersionsPerKey, "commit.empty"),
        (MakesHalfACommit, "commit.all-or-nothing"),
        (CommitsInSteps, "cancel.all-or-nothing"),
        (IgnoresQuota, "commit.error"),
        (RefusesToShrink, "quota.allowed"),
        (CountsValuesOnly, "usage.counts"),
        (ComparesSigned, "list.byte-order"),
        (IgnoresLimit, "list.range"),
        (LimitsBeforeTurning, "list.range"),
        (TakesEmptyForMissing, "empty-value"),
        (AnswersOnce, "get.order"),
        (SkipsCreateChecks, "commit.empty"),
        (WrapsSums, "add.numbers"),
        (SkipsChecksOfBlockers, "commit.empty"),
        (AnswersBlockersTooEarly, "get.stored"),
    ] {
        let found = broken(fault).await;
        if found != rules {
            missed.push((fault, rules, found));
        }
    }
    assert!(missed.is_empty(), "expected and found: {missed:#?}");
}

#[tokio::test]
async fn a_group_runs_alone() {
    let mut suite = Suite::new(Wrong::factory(Fault::IgnoresQuota));
    for group in Group::ALL {
        if !matches!(group, Group::Quota | Group::Atomicity) {
            suite.check(group).await;
        }
    }
    let alone = tokio::spawn(async move { suite.check(Group::Quota).await });
    assert!(message(alone.await.unwrap_err()).contains("`quota.refused`"));
}
