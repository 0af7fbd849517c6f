//! The text of `config.json`, and what it says.
//!
//! ```json
//! { "version": 1, "plugins": { "hello": { "enabled": true, "config": { "greeting": "Hi" } } } }
//! ```

use bytes::Bytes;
use serde_json::value::RawValue;

use super::json::{self, Object};
use super::{Change, Desired, DesiredPlugin, StateError, StateNotice};
use crate::plugin::PluginId;

/// Version of the schema that this host writes.
const SCHEMA_VERSION: u64 = 1;
/// Longest text that is read or written, in bytes.
pub(super) const TEXT_MAX: usize = 1024 * 1024;

/// A document that was accepted as a whole, together with everything in it that the host does not know.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// Its value of `plugins` only says where that stands.
    root: Object,
    plugins: Object,
}

/// What a text turned out to be.
#[derive(Debug)]
pub(super) enum Parsed {
    /// Good: this host may change it.
    Current(Document, Desired),
    /// Of a later schema: what could be understood of it.
    Newer(u64, Desired),
}

impl Document {
    /// The document of a host that has no plugins.
    pub(super) fn empty() -> Self {
        let mut root = Object::default();
        root.set("version", json::raw(&SCHEMA_VERSION));
        let plugins = Object::default();
        root.set("plugins", plugins.to_raw());
        Self { root, plugins }
    }

    /// Accepts a text as a whole, or says what is wrong with it.
    pub(super) fn parse(text: &[u8]) -> Result<Parsed, String> {
        let parsed = Self::parse_current(text);
        match json::version(text) {
            Some(version) if version > SCHEMA_VERSION => {
                Ok(Parsed::Newer(version, parse_newer(text).unwrap_or_default()))
            }
            _ => parsed.map(|(document, desired)| Parsed::Current(document, desired)),
        }
    }

    fn parse_current(text: &[u8]) -> Result<(Self, Desired), String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8")?;
        json::check(text).map_err(|error| error.to_string())?;
        let root: Object = serde_json::from_str(text).map_err(|_| "it is no object")?;
        let version = root.get("version").ok_or("it has no `version`")?;
        if version.get().parse() != Ok(SCHEMA_VERSION) {
            return Err(format!("its `version` is not {SCHEMA_VERSION}"));
        }
        let plugins = match root.get("plugins") {
            None => Object::default(),
            Some(plugins) => Object::parse(plugins).ok_or("`plugins` is no object")?,
        };
        let mut desired = Desired::default();
        let mut unknown = Vec::new();
        for (name, entry) in plugins.iter() {
            let Ok(id) = PluginId::new(name) else {
                unknown.push(name);
                continue;
            };
            let plugin = parse_plugin(entry)
                .map_err(|field| format!("`{field}` of the plugin `{id}` has the wrong type"))?;
            desired.plugins.insert(id, plugin);
        }
        if let [first, more @ ..] = &*unknown {
            let (first, more) = (json::excerpt(first), more.len());
            let message =
                format!("{first:?} and {more} more under `plugins` are no plugin ids: ignored and kept");
            desired.notices.push(StateNotice::new("unknown_entry", message));
        }
        Ok((Self { root, plugins }, desired))
    }

    /// The document with one change made, its text, and what it says; `None` when it is so already.
    pub(super) fn with(
        &self,
        plugin: &PluginId,
        change: &Change,
    ) -> Result<Option<(Self, Vec<u8>, Desired)>, StateError> {
        let invalid = |reason: String| StateError::InvalidChange { reason };
        let id = plugin.as_str();
        let entry = self.plugins.get(id);
        let mut fields = entry.and_then(Object::parse).unwrap_or_default();
        let present = entry
            .and_then(|entry| parse_plugin(entry).ok())
            .unwrap_or_default();
        match change {
            Change::Enabled(enabled) if *enabled == present.enabled => return Ok(None),
            Change::Enabled(enabled) => fields.set("enabled", json::raw(enabled)),
            Change::Config(config) if *config == present.config => return Ok(None),
            Change::Config(config) => {
                let text =
                    std::str::from_utf8(config).map_err(|_| invalid("the text is not UTF-8".into()))?;
                json::check(text).map_err(|error| invalid(error.to_string()))?;
                let config: Box<RawValue> =
                    serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
                if Object::parse(&config).is_none() {
                    return Err(invalid("a configuration is a JSON object".into()));
                }
                if config.get().as_bytes() == present.config {
                    return Ok(None);
                }
                fields.set("config", config);
            }
            Change::License(license) if *license == present.license => return Ok(None),
            Change::License(Some(license)) => fields.set("license", json::raw(license)),
            Change::License(None) => fields.remove("license"),
        }
        let mut changed = self.clone();
        changed.plugins.set(id, fields.to_raw());
        if changed.root.get("plugins").is_none() {
            changed.root.set("plugins", Object::default().to_raw());
        }
        let text = changed.render();
        if text.len() > TEXT_MAX {
            return Err(invalid(format!(
                "everything together would have {} bytes, {TEXT_MAX} are allowed",
                text.len()
            )));
        }
        // What is written must be readable: a configuration may be nested too deeply where it ends up.
        let (_, mut desired) = Self::parse_current(&text).map_err(invalid)?;
        desired.notices.clear();
        Ok(Some((changed, text, desired)))
    }

    /// The whole text, always the same for the same document.
    pub(super) fn render(&self) -> Vec<u8> {
        let entry = |id: &str, entry: &RawValue| {
            PluginId::new(id).ok()?;
            Some(Object::parse(entry)?.render(2, |_, _| None))
        };
        let mut text = self.root.render(0, |name, _| {
            (name == "plugins").then(|| self.plugins.render(1, entry))
        });
        text.push('\n');
        text.into_bytes()
    }
}

/// What an entry asks for, or the field that is of a wrong type.
fn parse_plugin(entry: &RawValue) -> Result<DesiredPlugin, &'static str> {
    let fields = Object::parse(entry).ok_or("the entry")?;
    let mut plugin = DesiredPlugin::default();
    if let Some(enabled) = fields.get("enabled") {
        plugin.enabled = serde_json::from_str(enabled.get()).map_err(|_| "enabled")?;
    }
    if let Some(config) = fields.get("config") {
        Object::parse(config).ok_or("config")?;
        plugin.config = Bytes::copy_from_slice(config.get().as_bytes());
    }
    if let Some(license) = fields.get("license") {
        plugin.license = serde_json::from_str(license.get()).map_err(|_| "license")?;
    }
    Ok(plugin)
}

/// What can be understood of a later schema: entries that look as they do in this one.
fn parse_newer(text: &[u8]) -> Option<Desired> {
    let text = std::str::from_utf8(text).ok()?;
    json::check(text).ok()?;
    let root: Object = serde_json::from_str(text).ok()?;
    let plugins = Object::parse(root.get("plugins")?)?;
    let entries = plugins.iter().filter_map(|(name, entry)| {
        let id = PluginId::new(name).ok()?;
        Some((id, parse_plugin(entry).ok()?))
    });
    Some(Desired::new(entries.collect()))
}

#[cfg(test)]
mod tests;
