// The guide goes through all features: its examples are tested where these are there.
#![cfg_attr(
    any(
        not(doctest),
        all(feature = "json", feature = "testing", feature = "tokio", feature = "tower")
    ),
    doc = include_str!("../README.md")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    clippy::test_attr_in_doctest,
    reason = "the test that the guide shows is run where the guide is followed"
)]

pub mod abi;
mod body;
mod bytes;
mod config;
mod context;
mod error;
mod export;
mod headers;
#[cfg(feature = "http")]
mod http_types;
mod kv;
#[cfg(feature = "license")]
#[cfg_attr(docsrs, doc(cfg(feature = "license")))]
pub mod license;
mod license_key;
mod log;
mod metadata;
mod percent;
mod plugin;
mod request;
mod response;
mod route;
mod runtime;
#[cfg(feature = "tower")]
mod service;
mod shim;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
#[cfg(feature = "tokio")]
mod tokio_runtime;
#[cfg(feature = "tracing")]
mod tracing_layer;

pub use body::{Body, BodySender, BodyStream, Frame};
pub use bytes::Bytes;
pub use config::Config;
pub use context::PluginContext;
pub use error::{BodyError, KvError, PluginError};
pub use headers::Trailers;
pub use kv::{BlockingKv, Kv, KvCommitted, KvEntry, KvPage, KvPages, KvRange, KvTransaction, PluginKvStore};
pub use license_key::{LicenseFault, LicenseKey};
pub use log::{Level, Log};
pub use metadata::PluginMetadata;
pub use plugin::ToruPlugin;
pub use request::{Method, Request};
pub use response::Response;
pub use route::{BlockingHandler, Handler, PluginRoute};
pub use runtime::{BlockingTask, Runtime, Sleep};
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use service::Mount;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use tokio_runtime::TokioRuntime;

/// What the macros expand to. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::export::{note, note_len};
    pub use crate::route::Asynchronous;
    pub use crate::shim::{api, create_plugin};
}
