//! The host's side of Toru: loader, lifecycle and services. Knows no web framework.

pub mod discovery;
pub mod error;
mod ffi;
pub mod kv;
mod manager;
pub mod plugin;
mod routing;
pub mod service;
mod state;

pub use manager::{Builder, PluginManager};
