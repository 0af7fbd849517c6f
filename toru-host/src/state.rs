//! What the administrator asked for, and where it is kept.

mod error;
mod legacy;

pub use self::error::StateError;
pub(crate) use self::legacy::StateFile;
