#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod error;
mod file;
mod fresh;
mod reader;
mod schema;
mod store;
mod writer;

pub use self::error::SqliteKvError;
pub use self::store::{Builder, SqliteKv};
