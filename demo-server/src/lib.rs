//! The reference application: an axum server with Toru plugins.
//!
//! `main.rs` reads the options and serves; [`app`] is the application itself; [`auth`] decides who may do what;
//! [`data`] keeps what belongs to this installation; [`metrics`] tells what the plugins do.

#![forbid(unsafe_code)]

pub mod app;
pub mod auth;
pub mod data;
pub mod metrics;
pub mod options;
