//! What the loader says to files that are not good plugins, by the rows of the table of outcomes.
#![cfg(target_os = "linux")]

mod corpus;
mod damage;
mod files;
mod libraries;
mod metadata;
mod staging;
mod support;
mod system;
