//! What host and plugin log while the plugin runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Target of what plugins log.
const PLUGIN: &str = "toru::plugin";

/// Keeps what is logged until somebody takes it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Vec<Logged>>>);

/// A warning or an error.
#[derive(Debug)]
pub(super) struct Logged {
    is_plugin: bool,
    level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Log {
    /// Begins to keep, for the whole process.
    pub(super) fn install() -> Result<Self> {
        let log = Self::default();
        let layer = log.clone().with_filter(LevelFilter::WARN);
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
        Ok(log)
    }

    /// What was logged since the last time.
    pub(super) fn take(&self) -> Vec<Logged> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Logged {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// Code and words, if the host says that something is wrong with the plugin.
    pub(super) fn complaint(&self) -> Option<(&str, String)> {
        let (code, message) = (self.field("plugin.code"), self.field("message"));
        if self.is_plugin || code.is_empty() {
            return None;
        }
        Some((
            code,
            match self.field("reason") {
                "" => message.to_owned(),
                reason => format!("{message}: {reason}"),
            },
        ))
    }

    /// Words and place of a panic in the plugin.
    pub(super) fn panic(&self) -> Option<String> {
        let message = self.field("message");
        let is_panic = self.is_plugin && self.level == Level::ERROR && message.starts_with("panicked");
        is_panic.then(|| match (self.field("plugin.file"), self.field("plugin.line")) {
            ("", _) => message.to_owned(),
            (file, line) => format!("{message}, at {file}:{line}"),
        })
    }
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.is_plugin { "plugin" } else { "host" };
        write!(f, "{who}: {}", self.field("message"))?;
        match self.field("reason") {
            "" => Ok(()),
            reason => write!(f, ": {reason}"),
        }
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut logged = Logged {
            is_plugin: event.metadata().target() == PLUGIN,
            level: *event.metadata().level(),
            fields: BTreeMap::new(),
        };
        event.record(&mut logged);
        // What is unusual about the file was told before.
        if logged.field("warning").is_empty() {
            eprintln!("    {logged}");
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(logged);
    }
}

impl Visit for Logged {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}
