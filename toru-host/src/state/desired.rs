use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use crate::plugin::PluginId;

/// Everything that the administrator asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Desired {
    /// What is asked of each plugin. A plugin that is not named is to be off.
    pub plugins: BTreeMap<PluginId, DesiredPlugin>,
    /// Whether [`StateStore::save`](super::StateStore::save) refuses every change for now.
    pub is_read_only: bool,
    /// What an administrator should know about the stored state, each told once.
    pub notices: Vec<StateNotice>,
}

impl Desired {
    /// What is asked of plugins, with nothing to tell about it.
    #[must_use]
    pub fn new(plugins: BTreeMap<PluginId, DesiredPlugin>) -> Self {
        Self {
            plugins,
            ..Self::default()
        }
    }
}

/// What is asked of one plugin.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DesiredPlugin {
    /// Whether it is to run.
    pub enabled: bool,
    /// Its configuration, the text of a JSON object; `{}` when there is none.
    pub config: Bytes,
    /// Its licence key.
    pub license: Option<String>,
}

impl DesiredPlugin {
    /// What is asked of one plugin. `config` is the text of a JSON object.
    #[must_use]
    pub const fn new(enabled: bool, config: Bytes, license: Option<String>) -> Self {
        Self {
            enabled,
            config,
            license,
        }
    }
}

impl Default for DesiredPlugin {
    /// Off, without configuration and licence.
    fn default() -> Self {
        Self::new(false, Bytes::from_static(b"{}"), None)
    }
}

impl fmt::Debug for DesiredPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DesiredPlugin")
            .field("enabled", &self.enabled)
            .field("config", &Withheld(&self.config))
            .field("license", &self.license.as_ref().map(Withheld))
            .finish()
    }
}

/// One thing that the administrator asks of a plugin.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// To run, or not to.
    Enabled(bool),
    /// To have this configuration, the text of a JSON object.
    Config(Bytes),
    /// To have this licence key, or none.
    License(Option<String>),
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enabled(enabled) => f.debug_tuple("Enabled").field(enabled).finish(),
            Self::Config(config) => f.debug_tuple("Config").field(&Withheld(config)).finish(),
            Self::License(license) => f
                .debug_tuple("License")
                .field(&license.as_ref().map(Withheld))
                .finish(),
        }
    }
}

/// Something about the stored state that an administrator should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct StateNotice {
    /// Stable code.
    pub code: &'static str,
    /// What happened, and what to do if anything.
    pub message: String,
}

impl StateNotice {
    /// A notice with a stable code.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// Stands in logs for what may be a secret: licence keys, and passwords in configurations.
struct Withheld<T>(T);

impl<T: AsRef<[u8]>> fmt::Debug for Withheld<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes withheld>", self.0.as_ref().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_reach_a_log() {
        let secret = "TOPSECRET".to_owned();
        let config = Bytes::from_static(b"{\"password\":\"TOPSECRET\"}");
        let plugin = DesiredPlugin::new(true, config.clone(), Some(secret.clone()));
        let changes = [Change::Config(config), Change::License(Some(secret))];
        let told = format!("{plugin:?} {changes:?} {plugin:#?} {changes:#?}");
        assert!(!told.contains("SECRET"), "{told}");
        assert!(
            told.contains("enabled: true") && told.contains("9 bytes withheld"),
            "{told}"
        );
    }
}
