//! Counts instructions: this program runs itself under callgrind with some work, and with more of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use crate::Result;

/// Repetitions of the shorter and of the longer run; only their difference counts.
pub const REPETITIONS: [u64; 2] = [200, 1200];

/// Whether valgrind is there.
#[must_use]
pub fn is_there() -> bool {
    let mut command = Command::new("valgrind");
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Instructions of one repetition of `work`, which this program does when called with it and a number.
///
/// # Errors
///
/// When a run fails.
pub fn instructions(work: &[&str], folder: &Path) -> Result<f64> {
    let [few, many] = REPETITIONS;
    let more = total(work, many, folder)? - total(work, few, folder)?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(more as f64 / (many - few) as f64)
}

fn total(work: &[&str], repetitions: u64, folder: &Path) -> Result<u64> {
    let file = folder.join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(env::current_exe()?)
        .args(work)
        .arg(repetitions.to_string())
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("callgrind of {work:?} failed: {said}").into());
    }
    let text = fs::read_to_string(file)?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))
        .ok_or("callgrind counted nothing")?;
    Ok(total.trim().parse()?)
}
