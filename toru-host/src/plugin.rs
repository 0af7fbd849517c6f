//! What a plugin is: plain values, valid from the moment they exist.

mod id;
mod metadata;

pub use id::{PluginId, PluginIdError};
pub use metadata::{PanicStrategy, PluginMetadata};
