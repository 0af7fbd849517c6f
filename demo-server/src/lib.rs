//! The reference application: an axum server with Toru plugins.
//!
//! `main.rs` reads the options and serves; [`app`] is the application itself; [`auth`] decides who may do what, by what
//! [`database`] keeps; [`assets`] is the web interface; [`data`] keeps what belongs to this installation; [`metrics`] tells
//! what the plugins do; [`command`] is `demo-server user`.

#![forbid(unsafe_code)]

mod access;
pub mod app;
pub mod assets;
pub mod auth;
pub mod clock;
pub mod command;
mod compression;
pub mod data;
pub mod database;
pub mod headers;
pub mod hosts;
pub mod metrics;
pub mod options;
mod private;
pub mod problem;
pub mod serve;
