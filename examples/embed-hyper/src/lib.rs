//! Toru's plugins in an application on plain hyper: no web framework, no router.
//!
//! `main.rs` reads the options; [`app`] is the application, its own page and the plugins' part; [`auth`] decides who
//! may do what; [`serve`] accepts connections and ends them in order.

#![forbid(unsafe_code)]

pub mod app;
pub mod auth;
pub mod serve;
