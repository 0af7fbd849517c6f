//! What the plugin goes through, in order.

use std::path::PathBuf;

use anyhow::Result;
use http::Method;
use toru_host::plugin::PluginState;

use super::bundle::{Registered, registered};
use super::calls::{self, Fault};
use super::facts::{Facts, Route};
use super::growth;
use super::host::Host;
use super::log::Log;
use super::record::{Line, Record};
use super::task::Task;
use super::traces::Traces;
use crate::report::Check;

/// What the plugin goes through, and what was found.
#[derive(Debug)]
pub(super) struct Script {
    folder: PathBuf,
    task: Task,
    record: Record,
    log: Log,
    facts: Facts,
    late: Option<String>,
}

impl Script {
    pub(super) fn new(folder: &std::path::Path, task: Task, record: Record, log: Log) -> Self {
        Self {
            folder: folder.to_owned(),
            task,
            record,
            log,
            facts: Facts::default(),
            late: None,
        }
    }

    /// Goes through all of it, or to where nothing more can be done.
    pub(super) async fn play(mut self) -> Result<()> {
        let host = Host::start(&self.folder, &self.task).await?;
        host.warm_up().await?;
        let before = Traces::look()?;

        self.begin("enabling the plugin")?;
        if !self.enable(&host, "enable").await? {
            host.shutdown().await;
            return Ok(());
        }
        self.bundle(&host).await?;
        self.calls(&host).await?;
        self.begin("disabling the plugin")?;
        if self.disable(&host, "disable").await? {
            self.left_behind(&before, "left-behind").await?;
        } else {
            self.tell(Check::skipped("left-behind", "it has not ended"))?;
        }

        self.begin("enabling and disabling the plugin for the second time")?;
        if self.enable(&host, "enable-again").await? {
            self.disable(&host, "disable-again").await?;
            self.disturbed_calls(&host).await?;
            self.growth(&host).await?;
        }
        self.tell(self.late_calls())?;
        self.begin("shutting the host down")?;
        host.shutdown().await;
        self.record.write(&Line::Learnt(Box::new(self.facts)))
    }

    fn begin(&self, what: &str) -> Result<()> {
        eprintln!("  … {what}");
        self.record.write(&Line::Begun(what.to_owned()))
    }

    fn tell(&self, check: Check) -> Result<()> {
        self.record.write(&Line::Checked(check))
    }

    /// Tells each fault, or that there was none, and which of the two. What host and plugin logged meanwhile counts as well.
    fn settle(&mut self, name: &str, mut faults: Vec<Fault>, good: impl Into<String>) -> Result<bool> {
        let mut told = false;
        for logged in self.log.take() {
            if let Some((code, message)) = logged.complaint() {
                match code {
                    "late_call" => self.late = Some(message),
                    // The host's words about a fault of its list.
                    _ if faults.iter().any(|(known, _)| *known == code) => {}
                    _ => {
                        self.tell(Check::failed(name, code, message))?;
                        told = true;
                    }
                }
            } else if let Some(message) = logged.panic() {
                match faults.iter_mut().find(|(code, _)| *code == "plugin_panicked") {
                    Some((_, words)) => words.push_str(&format!("; {message}")),
                    None => faults.push(("plugin_panicked", message)),
                }
            }
        }
        for (code, message) in &faults {
            self.tell(match *code {
                // Without its configuration, or a network, a sound plugin may say no.
                "plugin_error" | "plugin_timeout" => Check::warning(name, code, message)
                    .advise("leave the route out by --except, or give it what it needs by --config"),
                _ => Check::failed(name, code, message),
            })?;
        }
        let is_good = faults.is_empty() && !told;
        if is_good {
            self.tell(Check::passed(name, good))?;
        }
        Ok(is_good)
    }

    async fn enable(&mut self, host: &Host, name: &str) -> Result<bool> {
        if let Err(error) = host.enable().await {
            // The host logged the same.
            self.log.take();
            self.tell(Check::failed(name, error.code(), error.to_string()))?;
            return Ok(false);
        }
        let info = host.info()?;
        let route = |route: &toru_host::plugin::RouteInfo| Route {
            methods: route.methods.iter().map(|&method| method.to_owned()).collect(),
            pattern: route.pattern.clone(),
        };
        self.facts.routes = info.routes.iter().map(route).collect();
        let count = self.facts.routes.len();
        self.settle(name, Vec::new(), format!("it runs, with {count} routes"))?;
        Ok(true)
    }

    async fn disable(&mut self, host: &Host, name: &str) -> Result<bool> {
        host.disable().await?;
        let state = host.info()?.status.state;
        let mut faults = Vec::new();
        if state != PluginState::Disabled {
            faults.push(("does_not_end", format!("it is still {state:?}")));
        }
        self.settle(name, faults, "it was shut down and destroyed")
    }

    async fn bundle(&mut self, host: &Host) -> Result<()> {
        self.begin("asking for the plugin's script")?;
        let has_bundle = host.info()?.bundle_sha256.is_some();
        if !has_bundle {
            return self.tell(if self.task.has_page {
                Check::warning(
                    "bundle",
                    "bundle_missing",
                    "its metadata names a page, but there is no bundle.js",
                )
                .advise("hand a bundle over, or leave the route out of the metadata")
            } else {
                Check::skipped("bundle", "it has no page")
            });
        }
        let answer = host.ask(Method::GET, "/bundle.js").await?;
        let script = answer.map(|answer| answer.body).unwrap_or_default();
        self.facts.bundle_bytes = Some(script.len());
        let id = &self.task.plugin;
        let wanted = format!("the script has to set window.ToruPlugins[\"{id}\"]");
        let check = match registered(&script, id) {
            Registered::Id => {
                Check::passed("bundle", format!("{} bytes, and it registers {id}", script.len()))
            }
            Registered::Other => {
                Check::failed("bundle", "bundle_id", format!("it does not register {id}")).advise(&wanted)
            }
            Registered::Nothing => {
                Check::failed("bundle", "bundle_unregistered", "it registers nothing").advise(&wanted)
            }
        };
        self.tell(check)
    }

    /// The routes that may be called, and paths that are to be, without those that were found to hold their thread.
    fn callable(&self) -> Vec<Route> {
        let holds = |route: &Route| {
            let mut calls = self.facts.calls.iter();
            calls.any(|call| call.pattern == route.pattern && call.status.is_none())
        };
        let routes = self.facts.routes.iter().filter(|route| {
            self.task.calls && route.can_be_asked() && !self.task.except.contains(&route.pattern)
        });
        let paths = self.task.paths.iter().map(|path| Route {
            methods: vec!["GET".to_owned()],
            pattern: path.clone(),
        });
        let routes = routes.cloned().chain(paths);
        routes.filter(|route| !holds(route)).collect()
    }

    fn why_no_calls(&self) -> &'static str {
        if self.task.calls {
            "no route answers GET without path parameters"
        } else {
            "--no-calls was given"
        }
    }

    async fn calls(&mut self, host: &Host) -> Result<()> {
        let routes = self.callable();
        if routes.is_empty() {
            return self.tell(Check::skipped("calls", self.why_no_calls()));
        }
        self.begin("calling the plugin's routes")?;
        let mut faults = Vec::new();
        self.facts.calls = calls::each(host, &routes, &self.record, &mut faults).await?;
        let good = format!("{} routes answered GET and HEAD", routes.len());
        self.settle("calls", faults, good)?;
        Ok(())
    }

    /// Calls that do not come to their end.
    async fn disturbed_calls(&mut self, host: &Host) -> Result<()> {
        let routes = self.callable();
        for name in ["disable-while-called", "cancelled-calls"] {
            if routes.is_empty() {
                self.tell(Check::skipped(name, self.why_no_calls()))?;
                continue;
            }
            self.begin(match name {
                "cancelled-calls" => "cancelling calls, and disabling the plugin",
                _ => "disabling the plugin while its routes are called",
            })?;
            host.enable().await?;
            let mut faults = Vec::new();
            let good = if name == "cancelled-calls" {
                let count = calls::cancelled(host, &routes, &mut faults).await?;
                host.disable().await?;
                format!(
                    "{count} of {} calls were cancelled before their answer",
                    routes.len()
                )
            } else {
                let count = calls::while_disabling(host, &routes, &mut faults).await?;
                format!("{count} of {} calls were running", routes.len())
            };
            self.settle(name, faults, good)?;
        }
        Ok(())
    }

    async fn growth(&mut self, host: &Host) -> Result<()> {
        let rounds = self.task.rounds;
        self.begin(&format!("enabling and disabling the plugin {rounds} times"))?;
        let before = Traces::look()?;
        let growth = growth::measure(host, rounds).await?;
        self.facts.bytes_per_round = growth.map(|growth| growth.bytes_per_round);
        let mut faults = Vec::new();
        let good = match growth {
            Some(growth) => {
                let bytes = growth.bytes_per_round;
                if growth.is_too_much {
                    let message =
                        format!("the process grows by {bytes} bytes each time it is enabled and disabled");
                    faults.push(("grows", message));
                }
                format!("{bytes} bytes for each of {rounds} rounds")
            }
            None => "only threads and files: the system does not tell how much memory is used".to_owned(),
        };
        self.settle("growth", faults, good)?;
        self.left_behind(&before, "left-behind-again").await
    }

    async fn left_behind(&mut self, before: &Traces, name: &str) -> Result<()> {
        let left = before.left().await?;
        let mut faults: Vec<Fault> = Vec::new();
        let list = |names: &[String]| format!("{} ({})", names.len(), names.join(", "));
        if !left.threads.is_empty() {
            let message = format!("threads run on when it is disabled: {}", list(&left.threads));
            faults.push(("leftover_threads", message));
        }
        if !left.files.is_empty() {
            let message = format!("files stay open when it is disabled: {}", list(&left.files));
            faults.push(("leftover_files", message));
        }
        self.settle(name, faults, "no thread and no open file")?;
        Ok(())
    }

    fn late_calls(&self) -> Check {
        match &self.late {
            Some(message) => Check::failed("late-calls", "late_call", message.clone())
                .advise("shutdown and destroy end every thread that may call the host; nothing static keeps a context"),
            None => Check::passed("late-calls", "it called nothing of the host after its end"),
        }
    }
}

/// What the next host makes of a plugin that ended the process while it was being started.
pub(super) async fn after_crash(folder: &std::path::Path, task: &Task, record: &Record) -> Result<()> {
    // A plugin that is not held back would be started here once more, which another crash would tell.
    let host = Host::start(folder, task).await?;
    let status = host.info()?.status;
    host.shutdown().await;
    if let (PluginState::Quarantined, Some(fault)) = (status.state, status.error) {
        record.write(&Line::Checked(Check::failed(
            "process",
            fault.code,
            fault.message,
        )))?;
    }
    Ok(())
}
