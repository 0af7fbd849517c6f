//! The process that runs the plugin: a real host in a folder of its own, and what it finds.

mod bundle;
mod calls;
pub(crate) mod facts;
mod growth;
mod host;
mod log;
pub(crate) mod record;
mod script;
pub(crate) mod task;
mod traces;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use self::log::Log;
use self::record::{Line, Record};
use self::script::Script;
use self::task::{Task, What};

/// So many threads that handlers which hang leave some to the host.
const WORKERS: usize = 8;

/// Does what is asked for in that folder, and writes what it finds there.
pub(crate) fn main(folder: &Path) -> ExitCode {
    match play(folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the plugin cannot be run: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn play(folder: &Path) -> Result<()> {
    let task = Task::load(folder)?;
    let record = Record::create(folder)?;
    let log = Log::install()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        // Threads that wait for work must not look like left behind.
        .thread_keep_alive(Duration::from_millis(1))
        .enable_all()
        .build()?;
    let played = runtime.block_on(async {
        match task.what {
            What::Checks => Script::new(folder, task, record.clone(), log).play().await,
            What::AfterCrash => script::after_crash(folder, &task, &record).await,
        }
    });
    if let Err(error) = played {
        record.write(&Line::Unable(format!("{error:#}")))?;
    }
    record.write(&Line::Done)?;
    // A plugin that hangs would keep it from ending.
    runtime.shutdown_background();
    Ok(())
}
