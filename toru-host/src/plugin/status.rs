//! How a plugin is doing.

use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PluginCounters, PluginId, PluginMetadata};

/// What is true of a plugin now, as opposed to what the administrator asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PluginState {
    /// Known, not running; its code may never have been opened.
    Disabled,
    /// Running.
    Enabled,
    /// Its start failed.
    Failed,
    /// It was asked for, but its file is gone.
    Missing,
    /// Stopped because it crashed, hung or panicked repeatedly; waits for an administrator.
    Quarantined,
    /// Being opened or initialised.
    Starting,
    /// Draining.
    Stopping,
}

/// How far a plugin has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Stage {
    /// Its library is copied and checked; none of its code has run.
    Check,
    /// Its library is opened: constructors run, then `create_plugin`.
    Open,
    /// Its instance is created.
    Create,
    /// Its instance is initialised.
    Init,
    /// It registers its routes and files.
    Register,
    /// It runs.
    Run,
}

/// Why a plugin is not running although it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct PluginFault {
    /// Stable code, such as `init_failed`.
    pub code: &'static str,
    /// What happened and what to do, for the administrator.
    pub message: String,
    /// How far the plugin had come.
    pub stage: Stage,
}

/// How a plugin is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct PluginStatus {
    /// What the administrator asked for.
    pub desired: DesiredState,
    /// What is true now.
    pub state: PluginState,
    /// Why it failed, if it did.
    #[schema(required = true)]
    pub error: Option<PluginFault>,
    /// Which of the libraries that were opened for it in this process it runs from, or ran from last; 0 when none was
    /// opened. A changed file becomes a new generation.
    pub generation: u64,
    /// Since when `state` is what it is; in JSON, as milliseconds since 1970.
    #[serde(serialize_with = "unix_ms")]
    #[schema(value_type = u64)]
    pub since: SystemTime,
}

/// A state that a plugin was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct PluginMoment {
    /// The state.
    pub state: PluginState,
    /// Since when; in JSON, as milliseconds since 1970.
    #[serde(serialize_with = "unix_ms")]
    #[schema(value_type = u64)]
    pub since: SystemTime,
    /// Which of its libraries it was; see [`PluginStatus::generation`].
    pub generation: u64,
    /// Code of what was wrong, if anything was.
    #[schema(required = true)]
    pub code: Option<&'static str>,
}

/// What the administrator asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "on or off, by nature")]
pub enum DesiredState {
    /// Not running.
    Disabled,
    /// Running.
    Enabled,
}

/// A plugin: what it is, and how it is doing.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginInfo {
    /// Its id.
    pub id: PluginId,
    /// What it says about itself; `None` when its file is missing.
    pub metadata: Option<PluginMetadata>,
    /// Its library; `None` when it is linked into the application.
    pub file: Option<PathBuf>,
    /// SHA-256 of the library, in hexadecimal, once it has been copied to be opened.
    pub sha256: Option<String>,
    /// How it is doing.
    pub status: PluginStatus,
    /// The routes of the running plugin.
    pub routes: Vec<RouteInfo>,
    /// SHA-256 of the script of its frontend, in hexadecimal, while it runs and has one.
    pub bundle_sha256: Option<String>,
    /// What is unusual about the library but accepted.
    pub warnings: Vec<String>,
    /// The library that lies in the plugins folder instead of the one that runs. Disabling and enabling the plugin
    /// changes over to it.
    pub update: Option<PluginUpdate>,
    /// What it has done so far.
    pub counters: PluginCounters,
    /// How many earlier libraries of the plugin are still mapped: a library that was opened is never closed.
    pub retired_generations: usize,
}

/// A library that could take the place of the one that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct PluginUpdate {
    /// Its version, as it says itself.
    pub version: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// One route of a running plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct RouteInfo {
    /// Methods, in the order of RFC 9110.
    pub methods: Vec<&'static str>,
    /// Path pattern below the plugin's own path.
    pub pattern: String,
}

/// A file of the plugins folder that is not listed as a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RejectedFile {
    /// The file.
    pub file: PathBuf,
    /// Stable code, as of [`DiscoverError::code`](crate::discovery::DiscoverError::code).
    pub code: &'static str,
    /// What is wrong and what to do, for the administrator.
    pub message: String,
}

fn unix_ms<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_u64(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
