//! What a plugin is and how it is doing: plain values, valid from the moment they exist.

mod id;
mod metadata;
mod status;

pub use id::{PluginId, PluginIdError};
pub use metadata::{PanicStrategy, PluginMetadata};
pub use status::{
    DesiredState, PluginFault, PluginInfo, PluginState, PluginStatus, RejectedFile, RouteInfo, Stage,
};
