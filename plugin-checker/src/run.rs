//! Runs the plugin in a process of its own, so that a crash is a finding and not the end.

mod signal;

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use crate::child::record::{Line, read};
use crate::child::task::{Task, What};
use crate::inspect::install;
use crate::options::Options;
use crate::report::{Check, Report};

/// How the process ended.
enum End {
    Exited(ExitStatus),
    TimedOut,
}

/// Runs the library and adds what was found to the report.
///
/// # Errors
///
/// When the folders or the process cannot be made, or the process fails for a reason of its own.
pub(crate) fn run(report: &mut Report, file: &Path, options: &Options) -> Result<()> {
    let Some(metadata) = &report.metadata else {
        bail!("the plugin's id is not known");
    };
    let folder = tempfile::tempdir().context("there is no folder for temporary files")?;
    let place = folder.path();
    install(&place.join("plugins"), &fs::read(file)?)?;
    let mut task = Task {
        what: What::Checks,
        plugin: metadata.id.to_string(),
        has_page: metadata.route.is_some(),
        calls: !options.no_calls,
        except: options.except.clone(),
        paths: options.call.clone(),
        rounds: options.rounds,
        instance: options.instance.map(|id| id.to_string()),
    };
    configure(place, &task.plugin, options)?;

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let end = runtime.block_on(child(place, &task, options.timeout()))?;
    let lines = read(place)?;
    let mut begun = None;
    let mut is_done = false;
    for line in lines {
        match line {
            Line::Begun(stage) => begun = Some(stage),
            Line::Checked(check) => report.push(check),
            Line::Learnt(facts) => report.run = Some(*facts),
            Line::Unable(reason) => bail!(reason),
            Line::Done => is_done = true,
        }
    }
    let stage = if is_done {
        "ending the process".to_owned()
    } else {
        begun.unwrap_or_else(|| "starting the process".to_owned())
    };
    match end {
        End::Exited(status) if is_done && status.success() => {}
        End::TimedOut => report.push(hung(&stage, options.timeout())),
        End::Exited(status) => {
            task.what = What::AfterCrash;
            // Whoever dies while the plugin is being started leaves a word of it, which the next host finds.
            let _ = runtime.block_on(child(place, &task, options.timeout()))?;
            let told = read(place)?.into_iter().find_map(|line| match line {
                Line::Checked(check) => Some(check),
                _ => None,
            });
            report.push(died(&stage, status, told));
        }
    }
    Ok(())
}

/// Gives the plugin its configuration and its licence key, where a host looks for them.
fn configure(place: &Path, plugin: &str, options: &Options) -> Result<()> {
    let mut entry = serde_json::Map::new();
    if let Some(config) = &options.config {
        let about = || format!("the configuration in {} cannot be used", config.display());
        let text = fs::read_to_string(config).with_context(about)?;
        entry.insert(
            "config".to_owned(),
            serde_json::from_str(&text).with_context(about)?,
        );
    }
    if let Some(license) = &options.license {
        let about = || format!("the licence key in {} cannot be read", license.display());
        let key = fs::read_to_string(license).with_context(about)?;
        entry.insert("license".to_owned(), key.trim().into());
    }
    if entry.is_empty() {
        return Ok(());
    }
    let state = serde_json::json!({ "version": 1, "plugins": { plugin: entry } });
    let folder = place.join("plugins/.metadata");
    fs::create_dir(&folder)?;
    fs::write(folder.join("config.json"), state.to_string())?;
    Ok(())
}

/// Runs this program once more, with the plugin in it.
async fn child(place: &Path, task: &Task, limit: Duration) -> Result<End> {
    task.save(place)?;
    let mut process = Command::new(std::env::current_exe()?)
        .arg("--child")
        .arg(place)
        .stdin(Stdio::null())
        // The report alone goes to the standard output, whatever the plugin prints.
        .stdout(Stdio::from(std::io::stderr()))
        // One arena, so that what grows can be told from what is spread.
        .env("MALLOC_ARENA_MAX", "1")
        .kill_on_drop(true)
        .spawn()
        .context("the process for the plugin cannot be started")?;
    match tokio::time::timeout(limit, process.wait()).await {
        Ok(status) => Ok(End::Exited(status?)),
        Err(_) => {
            process.kill().await?;
            Ok(End::TimedOut)
        }
    }
}

fn hung(stage: &str, limit: Duration) -> Check {
    let message = format!(
        "nothing went on when {stage}, and after {} s the process was ended",
        limit.as_secs()
    );
    Check::failed("process", "hung", message)
        .advise("no function that is tagged [no-block] may wait; see the threads section of toru_plugin.h")
}

fn died(stage: &str, status: ExitStatus, told: Option<Check>) -> Check {
    let how = match status.signal() {
        Some(number) => format!("the process was ended by {}", signal::name(number)),
        None => format!(
            "the plugin ended the process with exit code {}",
            status.code().unwrap_or_default()
        ),
    };
    match told.and_then(|check| check.code.zip(Some(check.message))) {
        Some((code, message)) => Check::failed("process", &code, format!("{how} when {stage}: {message}")),
        None => Check::failed("process", "crashed", format!("{how} when {stage}")),
    }
    .advise("look at what it printed above, or at the core file that `ulimit -c unlimited` lets it leave")
}
