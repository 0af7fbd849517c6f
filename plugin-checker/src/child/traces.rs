//! What a plugin leaves in the process: threads, open files, memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep};

/// How long threads that are about to end get for that.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Threads and open files of this process, each with a word about it.
#[derive(Debug)]
pub(super) struct Traces {
    threads: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

/// What is there now, and was not there before.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) threads: Vec<String>,
    pub(super) files: Vec<String>,
}

impl Traces {
    /// Of now.
    pub(super) fn look() -> Result<Self> {
        let threads = entries("/proc/self/task", |thread| {
            fs::read_to_string(thread.join("comm")).map(|name| name.trim_end().to_owned())
        })?;
        let files = entries("/proc/self/fd", |file| {
            fs::read_link(file).map(|target| target.display().to_string())
        })?;
        Ok(Self { threads, files })
    }

    /// What is left when all that is about to end has had time for it.
    pub(super) async fn left(&self) -> Result<Left> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = Self::look()?;
            let left = Left {
                threads: beyond(&self.threads, &now.threads),
                files: beyond(&self.files, &now.files),
            };
            if left.is_nothing() || Instant::now() >= deadline {
                return Ok(left);
            }
            sleep(PAUSE).await;
        }
    }
}

impl Left {
    pub(super) const fn is_nothing(&self) -> bool {
        self.threads.is_empty() && self.files.is_empty()
    }
}

/// Memory of this process that is no file's, in bytes. `None` where the system does not tell.
pub(super) fn memory() -> Option<i64> {
    let told = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let kib = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<i64>().ok()
    };
    Some((kib("Anonymous:")? + kib("Swap:").unwrap_or(0)) * 1024)
}

/// The entries of a folder; those that go away meanwhile are left out.
fn entries(
    folder: &str,
    about: impl Fn(&Path) -> std::io::Result<String>,
) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{folder} cannot be listed"))? {
        let entry = entry?;
        if let Ok(about) = about(&entry.path()) {
            found.insert(entry.file_name().to_string_lossy().into_owned(), about);
        }
    }
    // What the listing itself holds open is gone by now.
    found.retain(|name, _| Path::new(folder).join(name).symlink_metadata().is_ok());
    Ok(found)
}

fn beyond(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let new = now
        .iter()
        .filter(|(name, about)| before.get(*name) != Some(about));
    new.map(|(_, about)| about.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_open_is_found_and_what_was_closed_is_not() {
        let before = Traces::look().unwrap();
        drop(fs::File::open("/dev/null").unwrap());
        let kept = fs::File::open("/dev/zero").unwrap();
        let left = beyond(&before.files, &Traces::look().unwrap().files);
        assert!(left.contains(&"/dev/zero".to_owned()), "{left:?}");
        assert!(!left.contains(&"/dev/null".to_owned()), "{left:?}");
        drop(kept);
    }

    #[test]
    fn memory_that_is_touched_is_counted() {
        let Some(before) = memory() else {
            println!("skipped: the system does not tell");
            return;
        };
        let block = vec![1_u8; 64 << 20];
        let after = memory().unwrap();
        assert!(after - before > 32 << 20, "{before} {after} {}", block.len());
    }
}
