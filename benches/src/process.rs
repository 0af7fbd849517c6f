//! What this process takes up.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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

/// Time that the threads of a process have run on a processor so far, in nanoseconds.
///
/// # Errors
///
/// When the system does not tell.
pub fn processor_time_of(process: &str) -> Result<u64> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let told = fs::read_to_string(thread?.path().join("schedstat"))?;
        sum += told.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(sum)
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
