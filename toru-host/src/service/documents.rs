//! The JSON documents of the API, whose schemas are told by the OpenAPI document.

use std::path::Path;

use serde::Serialize;
use utoipa::ToSchema;

use crate::kv::{KvQuota, KvUsage};
use crate::manager::{Discretion, PluginManager};
use crate::plugin::{
    PluginCounters, PluginId, PluginInfo, PluginMetadata, PluginMoment, PluginStatus, PluginUpdate,
    RejectedFile, RouteInfo,
};
use crate::state::StateNotice;

/// All plugins, the files that are none, and how the recorded state is doing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginList)]
pub(super) struct ListDocument {
    /// All plugins, sorted by id.
    pub(super) plugins: Vec<PluginDocument>,
    /// Files of the plugins folder that are no plugin this host can list.
    pub(super) rejected: Vec<RejectedDocument>,
    /// Whether changes are refused, because a newer version of the host wrote the state.
    pub(super) read_only: bool,
    /// What administrators should know about the recorded state.
    pub(super) notices: Vec<StateNotice>,
}

/// A plugin: what it is, and how it is doing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plugin)]
pub(super) struct PluginDocument {
    id: PluginId,
    /// What it says about itself; null when its file is missing.
    #[schema(required = true)]
    metadata: Option<PluginMetadata>,
    /// Name of its library in the plugins folder; null when it is linked into the application.
    #[schema(required = true)]
    file: Option<String>,
    /// SHA-256 of the library, in hexadecimal, once it has been copied to be opened.
    #[schema(required = true)]
    sha256: Option<String>,
    status: PluginStatus,
    /// The routes of the running plugin.
    routes: Vec<RouteInfo>,
    /// Where the script of its frontend is, under a name that changes with the script; null while it does not run, and when
    /// it has none.
    #[schema(required = true)]
    bundle_url: Option<String>,
    /// SHA-256 of that script, in hexadecimal.
    #[schema(required = true)]
    bundle_sha256: Option<String>,
    /// What is unusual about the library but accepted.
    warnings: Vec<String>,
    /// The library that lies in the plugins folder instead of the one that runs. Disabling and enabling the plugin changes
    /// over to it.
    #[schema(required = true)]
    update: Option<PluginUpdate>,
    /// How many earlier libraries of the plugin are still mapped: a library that was opened is never closed.
    retired_generations: usize,
    counters: PluginCounters,
}

/// A plugin, and how it came to be as it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginDetails)]
pub(super) struct DetailsDocument {
    #[serde(flatten)]
    pub(super) plugin: PluginDocument,
    /// The states that it was in since it is known to this process, oldest first and at most 32 of them; the last one is the
    /// current one.
    pub(super) history: Vec<PluginMoment>,
}

/// How much a plugin stores, and how much it may.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginStorage)]
pub(super) struct StorageDocument {
    /// Entries, without expired ones.
    keys: u64,
    /// Bytes of keys and values together.
    bytes: u64,
    /// Most entries; null without a limit.
    #[schema(required = true)]
    max_keys: Option<u64>,
    /// Most bytes; null without a limit.
    #[schema(required = true)]
    max_bytes: Option<u64>,
}

impl StorageDocument {
    pub(super) fn new(usage: KvUsage, quota: KvQuota) -> Self {
        let limit = |limit| (limit != u64::MAX).then_some(limit);
        Self {
            keys: usage.keys,
            bytes: usage.bytes,
            max_keys: limit(quota.keys),
            max_bytes: limit(quota.bytes),
        }
    }
}

/// A file of the plugins folder that is not listed as a plugin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectedFile)]
pub(super) struct RejectedDocument {
    /// Its name.
    #[schema(required = true)]
    file: Option<String>,
    /// Stable code of the reason.
    code: &'static str,
    /// What is wrong and what to do, for the administrator.
    message: String,
}

/// All plugins at one moment: the event `snapshot`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginSnapshot)]
pub(super) struct SnapshotDocument {
    /// All plugins, sorted by id.
    pub(super) plugins: Vec<PluginDocument>,
}

/// A plugin that is known no more: the event `removed`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginRemoved)]
pub(super) struct RemovedDocument {
    pub(super) id: PluginId,
}

/// Why there is no other answer (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDocument {
    /// Always `about:blank`: the title is that of the status, and `code` tells the rest.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// The status in words.
    pub(super) title: &'static str,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    pub(super) status: u16,
    /// Stable code of the reason, for programs.
    pub(super) code: &'static str,
    /// What happened and what to do, for people.
    pub(super) detail: String,
    /// Stands with the reason in the host's log, where only the administrator may know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
}

impl PluginDocument {
    /// A plugin as the API shows it. Paths of the host's folders are reduced to file names; what the plugin itself says of its
    /// failure is told as it is.
    pub(super) fn new(plugin: PluginInfo, base: &str, discretion: &Discretion) -> Self {
        // By name, so that nothing new is forgotten here.
        let PluginInfo {
            id,
            metadata,
            file,
            sha256,
            mut status,
            routes,
            bundle_sha256,
            warnings,
            update,
            counters,
            retired_generations,
        } = plugin;
        if let Some(error) = &mut status.error {
            error.message = discretion.tell(&error.message).into_owned();
        }
        Self {
            bundle_url: bundle_sha256
                .as_ref()
                .map(|sha256| format!("{base}/{id}/bundle.js?v={sha256}")),
            id,
            metadata,
            file: file.as_deref().and_then(name),
            sha256,
            status,
            routes,
            bundle_sha256,
            warnings,
            update,
            retired_generations,
            counters,
        }
    }
}

impl ListDocument {
    /// All that there is to tell at this moment.
    pub(super) fn new(manager: &PluginManager) -> Self {
        let discretion = manager.discretion();
        let rejected = manager.rejected().into_iter().map(|rejected| {
            let RejectedFile { file, code, message } = rejected;
            RejectedDocument {
                file: name(&file),
                code,
                message: discretion.tell(&message).into_owned(),
            }
        });
        let notices = manager.notices().into_iter().map(|mut notice| {
            notice.message = discretion.tell(&notice.message).into_owned();
            notice
        });
        Self {
            plugins: manager
                .list()
                .into_iter()
                .map(|plugin| PluginDocument::new(plugin, manager.base_path(), discretion))
                .collect(),
            rejected: rejected.collect(),
            read_only: manager.is_read_only(),
            notices: notices.collect(),
        }
    }
}

/// A document as text.
pub(super) fn to_json(document: &impl Serialize) -> String {
    // Numbers, texts and lists cannot fail, and the documents have nothing else.
    serde_json::to_string(document).unwrap_or_default()
}

fn name(file: &Path) -> Option<String> {
    Some(file.file_name()?.to_string_lossy().into_owned())
}
