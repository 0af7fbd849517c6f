//! Load by wrk, whose results are taken from a script of its own instead of its text for people.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::requests::{LARGE_LEN, Workload};
use crate::server::TOKEN;

/// Connections that are open at a time.
pub const CONNECTIONS: u32 = 32;

/// What a turn came to.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Requests that were answered.
    pub requests: f64,
    /// Requests in a second.
    pub rate: f64,
    /// Half of the answers were there after so many microseconds.
    pub p50: f64,
    /// 99 of 100 answers were there after so many microseconds.
    pub p99: f64,
}

/// Writes the script for a workload into `folder`.
///
/// # Errors
///
/// When it cannot be written.
pub fn script(folder: &Path, workload: Workload) -> Result<PathBuf> {
    let what = match workload {
        Workload::Small | Workload::Suspended => String::new(),
        Workload::Large => format!("wrk.method = 'POST'\nwrk.body = string.rep('x', {LARGE_LEN})\n"),
    };
    let text = format!(
        "{what}\
         wrk.headers['authorization'] = '{TOKEN}'\n\
         wrk.headers['user-agent'] = 'bench/1.0'\n\
         wrk.headers['accept'] = 'application/json'\n\
         wrk.headers['{tenant}'] = 'acme'\n\
         wrk.headers['x-request-id'] = '0123456789abcdef'\n\
         function done(summary, latency)\n  \
           local errors = summary.errors\n  \
           local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout\n  \
           io.write(string.format('\\nload %d %d %d %d %d\\n', summary.requests, summary.duration, failed, \
             latency:percentile(50), latency:percentile(99)))\n\
         end\n",
        tenant = toru_benches_work::TENANT,
    );
    let path = folder.join(format!("{}.lua", workload.name()));
    fs::write(&path, text)?;
    Ok(path)
}

/// Sends requests for some seconds, from the processor that `pin` names.
///
/// # Errors
///
/// When wrk is not there, or a request fails.
pub fn load(pin: &[&str], script: &Path, url: &str, seconds: u32) -> Result<Load> {
    let mut words = pin.to_vec();
    words.push("wrk");
    let output = Command::new(words[0])
        .args(&words[1..])
        .args(["--threads", "1", "--connections", &CONNECTIONS.to_string()])
        .args(["--duration", &format!("{seconds}s"), "--script"])
        .arg(script)
        .arg(url)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().find_map(|line| line.strip_prefix("load "));
    let line = line.ok_or_else(|| format!("wrk says {}", String::from_utf8_lossy(&output.stderr)))?;
    let numbers: std::result::Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
    let [requests, micros, failed, p50, p99] = numbers?[..] else {
        return Err("wrk says something else than its script".into());
    };
    if failed > 0.0 || requests < 1.0 {
        return Err(format!("{failed} requests to {url} failed, {requests} did not").into());
    }
    Ok(Load {
        requests,
        rate: requests / (micros / 1e6),
        p50,
        p99,
    })
}
