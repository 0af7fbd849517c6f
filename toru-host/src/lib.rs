//! The host's side of Toru: loader, lifecycle and services. Knows no web framework.

pub mod discovery;
pub mod plugin;
