//! What the administrator asked for, kept in `config.json`.
//!
//! ```json
//! { "version": 1, "plugins": { "hello": { "enabled": true, "config": { "greeting": "Hi" } } } }
//! ```
//!
//! People may edit the file while the host is stopped. Fields that the host does not know survive.

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::error::StateError;
use crate::plugin::PluginId;

/// Version of the file's schema.
const SCHEMA_VERSION: u64 = 1;
/// Largest file that is read, in bytes.
const FILE_MAX: u64 = 1024 * 1024;

/// The file and its content. Every change is on disk before it is reported as made.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    root: Map<String, Value>,
}

impl StateFile {
    /// Reads `config.json` in `folder`, or starts an empty one.
    pub(crate) fn open(folder: &Path) -> Result<Self, StateError> {
        let path = folder.join("config.json");
        let unreadable = |source| StateError::Unreadable {
            path: path.clone(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(unreadable)?;
        let root = match std::fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut root = Map::new();
                root.insert("version".to_owned(), json!(SCHEMA_VERSION));
                root
            }
            Err(error) => return Err(unreadable(error)),
            Ok(file) if file.len() > FILE_MAX || !file.is_file() => {
                return Err(StateError::Malformed {
                    path,
                    reason: "it is no file of at most 1 MiB".to_owned(),
                });
            }
            Ok(_) => {
                let text = std::fs::read(&path).map_err(unreadable)?;
                let malformed = |reason: String| StateError::Malformed {
                    path: path.clone(),
                    reason,
                };
                serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?
            }
        };
        match root.get("version").and_then(Value::as_u64) {
            Some(version) if version <= SCHEMA_VERSION => Ok(Self { path, root }),
            Some(version) => Err(StateError::Newer { path, version }),
            None => Err(StateError::Malformed {
                path,
                reason: "it has no `version`".to_owned(),
            }),
        }
    }

    /// Whether the plugin is to run.
    pub(crate) fn is_enabled(&self, plugin: &PluginId) -> bool {
        self.plugin(plugin)
            .and_then(|plugin| plugin.get("enabled")?.as_bool())
            .unwrap_or(false)
    }

    /// The plugin's configuration as JSON, `{}` when there is none.
    pub(crate) fn config(&self, plugin: &PluginId) -> Bytes {
        match self.plugin(plugin).and_then(|plugin| plugin.get("config")) {
            Some(config) => config.to_string().into(),
            None => Bytes::from_static(b"{}"),
        }
    }

    /// Ids of all plugins that are to run.
    pub(crate) fn enabled(&self) -> Vec<PluginId> {
        let plugins = self.root.get("plugins").and_then(Value::as_object);
        let ids = plugins
            .into_iter()
            .flat_map(Map::keys)
            .filter_map(|id| PluginId::new(id).ok());
        ids.filter(|id| self.is_enabled(id)).collect()
    }

    /// Records whether the plugin is to run. On an error nothing has changed.
    pub(crate) fn set_enabled(&mut self, plugin: &PluginId, enabled: bool) -> Result<(), StateError> {
        if self.is_enabled(plugin) == enabled {
            return Ok(());
        }
        let mut changed = self.root.clone();
        let entry = object(&mut changed, "plugins").and_then(|plugins| object(plugins, plugin.as_str()));
        let Some(entry) = entry else {
            let reason = format!("`plugins` or the entry of `{plugin}` is no object");
            return Err(StateError::Malformed {
                path: self.path.clone(),
                reason,
            });
        };
        entry.insert("enabled".to_owned(), Value::Bool(enabled));
        self.save(&changed).map_err(|source| StateError::Unwritable {
            path: self.path.clone(),
            source,
        })?;
        self.root = changed;
        Ok(())
    }

    fn plugin(&self, plugin: &PluginId) -> Option<&Map<String, Value>> {
        self.root.get("plugins")?.get(plugin.as_str())?.as_object()
    }

    /// Writes beside the file, flushes, renames over it, and flushes the folder.
    fn save(&self, root: &Map<String, Value>) -> io::Result<()> {
        let beside = self.path.with_extension("json.new");
        let mut text = serde_json::to_vec_pretty(root)?;
        text.push(b'\n');
        let mut file = File::create(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

/// The object under a key, made if there is none; `None` when something else is there.
fn object<'a>(parent: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    parent
        .entry(key)
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PluginId {
        PluginId::new(text).unwrap()
    }

    #[test]
    fn a_change_survives_and_unknown_fields_do_too() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"version":1,"colour":"red","plugins":{"hello":{"config":{"a":1},"note":"mine"}}}"#;
        std::fs::write(folder.path().join("config.json"), text).unwrap();
        let mut state = StateFile::open(folder.path()).unwrap();
        assert!(!state.is_enabled(&id("hello")));
        state.set_enabled(&id("hello"), true).unwrap();

        let state = StateFile::open(folder.path()).unwrap();
        assert_eq!(state.enabled(), [id("hello")]);
        assert_eq!(state.config(&id("hello")), r#"{"a":1}"#);
        let saved: Value = serde_json::from_slice(&std::fs::read(&state.path).unwrap()).unwrap();
        assert_eq!(saved["colour"], "red");
        assert_eq!(saved["plugins"]["hello"]["note"], "mine");
    }

    #[test]
    fn a_file_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), r#"{"version":2}"#).unwrap();
        assert_eq!(StateFile::open(folder.path()).unwrap_err().code(), "newer_state");
    }
}
