use serde::Serialize;
use utoipa::ToSchema;

use super::PluginId;

/// What a library says about itself in its note.
///
/// Every text has been checked for length and for characters that could mislead a reader; none of it is proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct PluginMetadata {
    /// The name by which everything refers to the plugin.
    pub id: PluginId,
    /// Name for people, 1 to 64 characters.
    pub name: String,
    /// Version of the plugin, 1 to 64 characters.
    pub version: String,
    /// Who made it, at most 128 characters.
    #[schema(required = true)]
    pub author: Option<String>,
    /// A short text such as an emoji, at most 64 bytes.
    #[schema(required = true)]
    pub icon: Option<String>,
    /// Path of the plugin's page in the interface: `/` and segments of `a-z`, `0-9` and `-`.
    #[schema(required = true)]
    pub route: Option<String>,
    /// One sentence for people, at most 512 characters.
    #[schema(required = true)]
    pub description: Option<String>,
    /// Version of the contract that the plugin was built for: major, minor.
    pub abi: (u16, u16),
    /// Ids of the extensions without which the plugin does not run.
    pub requires: Vec<String>,
    /// Ids of the extensions that the plugin uses when they are there.
    pub uses: Vec<String>,
    /// How panics end.
    pub panic: PanicStrategy,
    /// Compiler, for people.
    #[schema(required = true)]
    pub compiler: Option<String>,
    /// Target triple.
    #[schema(required = true)]
    pub target: Option<String>,
    /// Name and version of the library that the plugin was written with.
    #[schema(required = true)]
    pub sdk: Option<String>,
    /// Licence expression of the plugin.
    #[schema(required = true)]
    pub license: Option<String>,
}

/// How panics end in a plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PanicStrategy {
    /// They unwind and are caught at the plugin's boundary.
    Unwind,
    /// They end the process.
    Abort,
    /// The plugin's language has none.
    None,
    /// The note does not say, or says something that this host does not know.
    #[default]
    Unknown,
}
