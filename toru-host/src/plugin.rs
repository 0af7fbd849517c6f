//! What a plugin is and how it is doing: plain values, valid from the moment they exist.

mod counters;
mod id;
mod license;
mod limits;
mod metadata;
mod status;

pub use counters::PluginCounters;
pub use id::{PluginId, PluginIdError};
pub use license::{LicenseSource, MaskedKey, PluginLicense};
pub use limits::PluginLimits;
pub use metadata::{PanicStrategy, PluginMetadata};
pub use status::{
    DesiredState, PluginFault, PluginInfo, PluginMoment, PluginState, PluginStatus, PluginUpdate,
    RejectedFile, RouteInfo, Stage,
};
