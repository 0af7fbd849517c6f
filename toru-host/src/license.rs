//! Licence keys as the host sees them: texts that it keeps and hands out. What a good one is, only its plugin knows.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use bytes::Bytes;

use crate::plugin::{LicenseSource, PluginId};
use crate::state::StateNotice;

/// Most bytes of a key. Those in the form of this project have at most 4096; other vendors' own may be longer.
pub(crate) const KEY_MAX: usize = 16 * 1024;
/// What the names of environment variables with keys start with; the plugin's id follows, in upper case and with `_` for `-`.
const PREFIX: &str = "TORU_LICENSE_";

/// A key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    text: Bytes,
    source: LicenseSource,
}

/// Why a text can be no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoKey {
    #[error("it has control characters")]
    Control,
    #[error("it is empty")]
    Empty,
    #[error("it is longer than {KEY_MAX} bytes")]
    TooLong,
    #[error("it is not UTF-8")]
    Utf8,
}

impl Key {
    /// The key in a text, which may have white space around it.
    pub(crate) fn new(text: &str, source: LicenseSource) -> Result<Self, NoKey> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NoKey::Empty);
        }
        if text.len() > KEY_MAX {
            return Err(NoKey::TooLong);
        }
        // Keys of some vendors have several lines.
        if text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        {
            return Err(NoKey::Control);
        }
        let text = Bytes::copy_from_slice(text.as_bytes());
        Ok(Self { text, source })
    }

    pub(crate) const fn source(&self) -> LicenseSource {
        self.source
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> Bytes {
        self.text.clone()
    }

    /// Enough to tell one key from another, and too little to use it: the last four characters, and what says nothing of a
    /// key in the form of this project, its version, algorithm and key id.
    pub(crate) fn masked(&self) -> String {
        let text = self.as_str();
        let head = text.strip_prefix("toru1.").and_then(|rest| {
            let mut parts = rest.split('.');
            let (algorithm, key_id) = (parts.next()?, parts.next()?);
            let is_plain = |part: &str| {
                (1..=32).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_graphic())
            };
            (parts.count() == 2 && is_plain(algorithm) && is_plain(key_id))
                .then(|| format!("toru1.{algorithm}.{key_id}."))
        });
        let tail = text.char_indices().rev().nth(3).map(|(start, _)| &text[start..]);
        // Four of a few characters would be too much of them.
        let is_shown = |tail: &&str| {
            text.len() >= 24
                && tail
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '='))
        };
        let tail = tail.filter(is_shown).unwrap_or_default();
        format!("{}…{tail}", head.unwrap_or_default())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("masked", &self.masked())
            .field("source", &self.source)
            .finish()
    }
}

/// The key of one plugin, shared with its running instance.
#[derive(Debug, Default)]
pub(crate) struct License {
    key: ArcSwapOption<Key>,
    /// Whether the plugin has asked for its key since it was started last.
    was_read: AtomicBool,
}

impl License {
    pub(crate) fn with(key: Option<Key>) -> Self {
        let license = Self::default();
        license.set(key);
        license
    }

    pub(crate) fn key(&self) -> Option<Key> {
        self.key.load().as_deref().cloned()
    }

    /// Replaces the key. Tells whether that is another one than before.
    pub(crate) fn set(&self, key: Option<Key>) -> bool {
        let text = |key: &Option<Key>| key.as_ref().map(Key::text);
        let is_new = text(&self.key()) != text(&key);
        self.key.store(key.map(Into::into));
        is_new
    }

    /// The key, for its plugin.
    pub(crate) fn read(&self) -> Option<Bytes> {
        // Before the key is looked at: one that comes right afterwards is told.
        self.was_read.store(true, Ordering::SeqCst);
        Some(self.key.load().as_ref()?.text())
    }

    pub(crate) fn was_read(&self) -> bool {
        self.was_read.load(Ordering::SeqCst)
    }

    /// The plugin is started.
    pub(crate) fn forget_read(&self) {
        self.was_read.store(false, Ordering::SeqCst);
    }
}

/// Name of the environment variable that may have a plugin's key.
pub(crate) fn variable(id: &PluginId) -> String {
    format!("{PREFIX}{}", id.as_str().to_uppercase().replace('-', "_"))
}

/// The keys in an environment, and what an administrator should know of those that cannot be used.
pub(crate) fn from_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> (BTreeMap<PluginId, Key>, Vec<StateNotice>) {
    let (mut keys, mut notices) = (BTreeMap::new(), Vec::new());
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let id = PluginId::new(&name[PREFIX.len()..].to_lowercase().replace('_', "-")).ok();
        // One name for each plugin: nobody should wonder which of two is used.
        let id = id.filter(|id| variable(id) == name);
        let key = match (id, value.to_str()) {
            (None, _) => Err(format!("`{name}` names no plugin")),
            (_, None) => Err(format!("what `{name}` says is no licence key: {}", NoKey::Utf8)),
            (Some(id), Some(text)) => match Key::new(text, LicenseSource::Environment) {
                Ok(key) => Ok((id, key)),
                // How a shell takes a variable back.
                Err(NoKey::Empty) => continue,
                Err(error) => Err(format!("what `{name}` says is no licence key: {error}")),
            },
        };
        match key {
            Ok((id, key)) => drop(keys.insert(id, key)),
            Err(why) => notices.push(StateNotice::new(
                "license_variable",
                format!("an environment variable is ignored: {why}"),
            )),
        }
    }
    notices.sort_by(|one, other| one.message.cmp(&other.message));
    (keys, notices)
}

#[cfg(test)]
mod tests;
