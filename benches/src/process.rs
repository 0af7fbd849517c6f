//! What this process takes up.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use crate::Result;

/// Memory of this process that is resident, in bytes.
///
/// # Errors
///
/// When the system does not tell.
pub fn resident() -> Result<u64> {
    resident_of("self")
}

/// Memory of a process that is resident, in bytes.
///
/// # Errors
///
/// When the system does not tell.
pub fn resident_of(process: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
    Ok(kib.ok_or("no memory is told")?.trim().parse::<u64>()? * 1024)
}

/// What the threads of a process had of processors so far, by thread.
#[derive(Clone, Debug, Default)]
pub struct Processor(BTreeMap<OsString, Thread>);

#[derive(Clone, Copy, Debug, Default)]
struct Thread {
    time: Duration,
    switches: u64,
}

impl Processor {
    /// What a process had so far.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn of(process: &str) -> Result<Self> {
        let mut threads = BTreeMap::new();
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            let thread = thread?;
            // It may have ended meanwhile.
            if let Ok(told) = Thread::read(&thread.path()) {
                threads.insert(thread.file_name(), told?);
            }
        }
        Ok(Self(threads))
    }

    /// How long the threads had one since then, and how often they gave it up, because they had to wait or because others
    /// came first. Of threads that have ended it is not known.
    #[must_use]
    pub fn since(&self, before: &Self) -> (Duration, u64) {
        let mut sum = Thread::default();
        for (name, thread) in &self.0 {
            let before = before.0.get(name).copied().unwrap_or_default();
            sum.time += thread.time.saturating_sub(before.time);
            sum.switches += thread.switches.saturating_sub(before.switches);
        }
        (sum.time, sum.switches)
    }
}

impl Thread {
    fn read(folder: &Path) -> io::Result<Result<Self>> {
        let time = fs::read_to_string(folder.join("schedstat"))?;
        let status = fs::read_to_string(folder.join("status"))?;
        Ok(Self::parse(&time, &status))
    }

    fn parse(time: &str, status: &str) -> Result<Self> {
        let time = time.split(' ').next().unwrap_or_default().parse()?;
        let lines = status.lines().filter(|line| line.contains("ctxt_switches:"));
        let numbers = lines.filter_map(|line| line.split_ascii_whitespace().nth(1));
        let numbers: std::result::Result<Vec<u64>, _> = numbers.map(str::parse).collect();
        Ok(Self {
            time: Duration::from_nanos(time),
            switches: numbers?.iter().sum(),
        })
    }
}

/// How many files below `folder` are mapped into this process.
///
/// # Errors
///
/// When the system does not tell.
pub fn mapped(folder: &Path) -> Result<usize> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let paths = maps
        .lines()
        .filter_map(|line| line.find('/').map(|start| &line[start..]));
    let below: BTreeSet<&str> = paths.filter(|path| Path::new(path).starts_with(folder)).collect();
    Ok(below.len())
}
