//! What is known of the recorded wishes, and what must be found after a sudden end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What is known of one plugin.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    /// The last change that was acknowledged.
    pub(crate) enabled: bool,
    /// The change that was sent and not answered.
    pub(crate) in_flight: Option<bool>,
    /// Whether the next host has it in quarantine.
    pub(crate) quarantine: Quarantine,
}

/// Whether the next host has a plugin in quarantine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Quarantine {
    /// None of its code was being entered.
    #[default]
    No,
    /// Its code may have been entered when the host ended, or it may have been released.
    Maybe,
    /// It was so, and nothing was asked of it since.
    Yes,
}

impl Wish {
    /// A change was answered.
    pub(crate) const fn acknowledged(enabled: bool) -> Self {
        Self {
            enabled,
            in_flight: None,
            quarantine: Quarantine::No,
        }
    }

    /// A host was started and has not said yet that it runs.
    pub(crate) fn starts(&mut self) {
        if self.enabled && self.quarantine == Quarantine::No {
            self.quarantine = Quarantine::Maybe;
        }
    }
}

/// The wishes for all plugins, by id.
pub(crate) type Wishes = BTreeMap<String, Wish>;

/// The state file of a home.
pub(crate) fn state_file(home: &Path) -> PathBuf {
    home.join("plugins/.metadata/config.json")
}

/// Checks the state file that a host left behind, and takes over what is recorded.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn check_file(file: &Path, wishes: &mut Wishes) -> Result<(), String> {
    let text = std::fs::read(file).map_err(|error| format!("no state file: {error}"))?;
    let document: Value = serde_json::from_slice(&text)
        .map_err(|error| format!("unreadable state file of {} bytes: {error}", text.len()))?;
    if document["version"] != 1 {
        return Err(format!("a state file of version {}", document["version"]));
    }
    for (id, wish) in wishes {
        let recorded = match &document["plugins"][id]["enabled"] {
            Value::Null => false,
            Value::Bool(enabled) => *enabled,
            other => return Err(format!("{id}: {other} is no wish")),
        };
        if recorded != wish.enabled && Some(recorded) != wish.in_flight {
            return Err(format!("{id}: {recorded} is recorded instead of {wish:?}"));
        }
        wish.enabled = recorded;
        match wish.in_flight.take() {
            None => {}
            Some(false) if wish.quarantine == Quarantine::No => {}
            Some(_) => wish.quarantine = Quarantine::Maybe,
        }
    }
    Ok(())
}

/// Checks what a host shows that was started after [`check_file`], and takes over what is quarantined.
pub(crate) fn check_host(plugins: &[Value], wishes: &mut Wishes) {
    assert_eq!(plugins.len(), wishes.len(), "{plugins:#?}");
    for plugin in plugins {
        let wish = wishes.get_mut(plugin["id"].as_str().unwrap()).unwrap();
        let status = &plugin["status"];
        let desired = if wish.enabled { "enabled" } else { "disabled" };
        assert_eq!(status["desired"], desired, "{plugin:#}");
        let is_quarantined = status["state"] == "quarantined";
        if is_quarantined {
            assert_eq!(status["error"]["code"], "crashed_while_starting", "{plugin:#}");
            assert!(
                wish.enabled,
                "a plugin that is off has nothing to release: {plugin:#}"
            );
            assert_ne!(
                wish.quarantine,
                Quarantine::No,
                "its code was not entered: {plugin:#}"
            );
        } else {
            assert_eq!(status["state"], desired, "{plugin:#}");
            let forgotten = wish.enabled && wish.quarantine == Quarantine::Yes;
            assert!(!forgotten, "its quarantine was forgotten: {plugin:#}");
        }
        wish.quarantine = if is_quarantined {
            Quarantine::Yes
        } else {
            Quarantine::No
        };
    }
}
