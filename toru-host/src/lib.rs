#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bundle;
pub mod clock;
pub mod discovery;
pub mod error;
mod ffi;
mod fields;
mod identity;
pub mod kv;
mod lane;
mod license;
mod lifecycle;
mod manager;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metrics;
pub mod plugin;
mod routing;
pub mod service;
pub mod state;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod threads;

/// What fuzzers look into, under `--cfg fuzzing` alone.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    /// Takes a path apart as the service does.
    ///
    /// # Panics
    ///
    /// When a promise about it is broken.
    pub fn path(path: &str, mount: &str) {
        crate::service::check_path(path, mount);
    }
}

pub use manager::{Builder, PluginEvent, PluginEvents, PluginManager, QuarantinePolicy};
