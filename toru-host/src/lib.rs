#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
pub mod discovery;
pub mod error;
mod ffi;
mod fields;
pub mod kv;
mod lane;
mod lifecycle;
mod manager;
pub mod plugin;
mod routing;
pub mod service;
pub mod state;
mod threads;

pub use manager::{Builder, PluginEvent, PluginEvents, PluginManager, QuarantinePolicy};
