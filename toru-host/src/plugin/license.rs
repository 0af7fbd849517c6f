//! What is told of a plugin's licence.

use serde::Serialize;
use utoipa::ToSchema;

/// What an administrator may see of a plugin's licence. Whether it is good, only the plugin knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct PluginLicense {
    /// The key that the plugin is given; `None` when there is none.
    #[schema(required = true)]
    pub key: Option<MaskedKey>,
    /// Whether the plugin has asked for its key since it was started last.
    pub asked_for: bool,
    /// Id of this installation, to which vendors bind their licences.
    pub instance_id: String,
    /// The environment variable that may have the key; it comes before a stored one.
    pub variable: String,
}

/// A licence key, told by its ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct MaskedKey {
    /// Enough to tell it from another, such as `toru1.ed25519.2026.…IzNA`.
    pub masked: String,
    /// Where it comes from.
    pub source: LicenseSource,
}

/// Where a licence key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LicenseSource {
    /// An environment variable of the host. It cannot be changed while the host runs.
    Environment,
    /// What administrators have asked for.
    Stored,
}
