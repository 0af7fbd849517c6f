//! What an instance under test may use.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::clock::Clock;
use super::logs::Logs;
use super::store::Store;
use super::tasks::Tasks;
use crate::log::Level;

/// Facts that stay readable for good.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) plugin: &'static str,
    pub(crate) instance_id: String,
    pub(crate) base_path: String,
    pub(crate) host_name: String,
    pub(crate) host_version: String,
}

/// What an instance may use until it is destroyed.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) config: String,
    pub(crate) license: License,
    pub(crate) store: Arc<Store>,
    pub(crate) logs: Logs,
    pub(crate) max_level: Level,
    pub(crate) clock: Clock,
    pub(crate) tasks: Tasks,
}

/// The licence key, and whether the plugin has asked for it.
#[derive(Debug, Default)]
pub(crate) struct License {
    key: Mutex<Option<String>>,
    was_read: AtomicBool,
}

impl License {
    pub(crate) fn new(key: Option<String>) -> Self {
        Self {
            key: Mutex::new(key),
            was_read: AtomicBool::new(false),
        }
    }

    /// The key, for the plugin.
    pub(crate) fn read(&self) -> Option<String> {
        self.was_read.store(true, Ordering::Release);
        self.key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, key: Option<String>) {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }

    pub(crate) fn was_read(&self) -> bool {
        self.was_read.load(Ordering::Acquire)
    }
}
