//! What a mock host was told about itself, and what it keeps from one start of a plugin to the next.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::clock::Clock;
use super::logs::Logs;
use super::services::{Facts, License, Services};
use super::store::Store;
use super::tasks::Tasks;
use crate::log::Level;

/// What a mock host was told, and what it keeps.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) instance_id: String,
    pub(crate) host_name: String,
    pub(crate) host_version: String,
    pub(crate) config: String,
    pub(crate) max_level: Level,
    pub(crate) license: Mutex<Option<String>>,
    pub(crate) store: Arc<Store>,
    pub(crate) logs: Logs,
    pub(crate) start: SystemTime,
    pub(crate) skips: bool,
    pub(crate) clock: Mutex<Option<Clock>>,
}

impl Settings {
    /// The clock, which starts to go when it is looked at for the first time.
    pub(crate) fn clock(&self) -> Clock {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock
            .get_or_insert_with(|| Clock::new(self.start, self.skips))
            .clone()
    }

    pub(crate) fn set_license(&self, key: Option<String>) {
        *self.license.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }

    pub(crate) fn facts(&self, plugin: &'static str) -> Facts {
        Facts {
            plugin,
            instance_id: self.instance_id.clone(),
            base_path: format!("/api/plugins/{plugin}"),
            host_name: self.host_name.clone(),
            host_version: self.host_version.clone(),
        }
    }

    pub(crate) fn services(&self) -> Services {
        let license = self.license.lock().unwrap_or_else(PoisonError::into_inner);
        Services {
            config: self.config.clone(),
            license: License::new(license.clone()),
            store: Arc::clone(&self.store),
            logs: self.logs.clone(),
            max_level: self.max_level,
            clock: self.clock(),
            tasks: Tasks::default(),
        }
    }
}
