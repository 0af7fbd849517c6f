//! What the process has: threads, descriptors, mappings, tasks of its runtime, and memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

/// What the process has at a moment.
#[derive(Debug)]
pub(super) struct Footprint {
    /// By number, with a word about each.
    threads: BTreeMap<String, String>,
    descriptors: BTreeMap<String, String>,
    mappings: usize,
    tasks: usize,
}

/// What has been added, as far as it is more than allowed.
#[derive(Debug)]
pub(super) struct Growth {
    pub(super) threads: Vec<String>,
    pub(super) descriptors: Vec<String>,
    pub(super) mappings: usize,
    pub(super) tasks: usize,
}

impl Footprint {
    pub(super) fn look() -> Self {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        Self {
            threads: entries("/proc/self/task", |thread| {
                fs::read_to_string(thread.join("comm"))
            }),
            descriptors: entries("/proc/self/fd", |file| {
                fs::read_link(file).map(|target| target.display().to_string())
            }),
            mappings: maps.lines().count(),
            tasks: Handle::current().metrics().num_alive_tasks(),
        }
    }

    /// What is more by now. What is about to end gets the time for it, as far as patience goes.
    pub(super) async fn growth(&self, mappings: usize, patience: Duration) -> Growth {
        let deadline = Instant::now() + patience;
        loop {
            let now = Self::look();
            let growth = Growth {
                threads: more(&self.threads, &now.threads),
                descriptors: more(&self.descriptors, &now.descriptors),
                mappings: now
                    .mappings
                    .saturating_sub(self.mappings.saturating_add(mappings)),
                tasks: now.tasks.saturating_sub(self.tasks),
            };
            if growth.is_nothing() || Instant::now() >= deadline {
                println!("{} mappings before, {} after", self.mappings, now.mappings);
                return growth;
            }
            tokio::task::yield_now().await;
        }
    }
}

impl Growth {
    pub(super) const fn is_nothing(&self) -> bool {
        self.threads.is_empty() && self.descriptors.is_empty() && self.mappings == 0 && self.tasks == 0
    }
}

/// Memory of the process that is no file's, in bytes.
pub(super) fn anonymous() -> usize {
    let told = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let kib = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let number = line.trim().strip_suffix(" kB").unwrap();
        number.trim().parse::<usize>().unwrap()
    };
    (kib("Anonymous:") + kib("Swap:")) * 1024
}

/// The entries of a folder; those that go away meanwhile are left out.
fn entries(folder: &str, about: impl Fn(&Path) -> std::io::Result<String>) -> BTreeMap<String, String> {
    let listed = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = listed
        .filter_map(|path| Some((path.clone(), about(&path).ok()?)))
        .collect();
    // What the listing itself holds open is gone by now.
    found.retain(|(path, _)| path.symlink_metadata().is_ok());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let named = found
        .into_iter()
        .map(|(path, about)| (name(&path), about.trim().to_owned()));
    named.collect()
}

/// As many of the new ones as there are more than before: some may stand for others that have gone.
fn more(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let new = now
        .iter()
        .filter(|(number, about)| before.get(*number) != Some(about));
    let count = now.len().saturating_sub(before.len());
    new.map(|(_, about)| about.clone()).take(count).collect()
}
