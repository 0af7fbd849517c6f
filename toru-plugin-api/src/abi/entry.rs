//! The one exported function, and how a plugin is offered without a library.

use super::host::ToruHost;
use super::plugin::ToruPluginApi;

/// Set in [`ToruLoader::flags`] when the plugin is linked into the host's own image.
///
/// A plugin then shares the host's panic hook and leaves it alone.
pub const TORU_LOADER_STATIC: u32 = 1;

/// What the host tells a library at first contact.
#[repr(C)]
#[derive(Debug)]
pub struct ToruLoader {
    /// Size of this struct in bytes.
    pub size: u32,
    /// `TORU_LOADER_…` bits.
    pub flags: u32,
    /// Major version of the contract that this host speaks.
    pub abi_major: u16,
    /// Minor version of the contract that this host speaks.
    pub abi_minor: u16,
    /// Reserved, zero.
    pub reserved: u32,
    /// The host; lives as long as the process.
    pub host: *const ToruHost,
}

/// The type of the one exported function, `create_plugin`.
///
/// Writes the plugin's table to `api` and returns `TORU_DONE`, or returns an error. It is cheap, starts nothing,
/// and may be called more than once. `loader` is lent for the call; the table stays the plugin's and lives as long as the
/// process. `[thread-safe] [no-block]`
pub type CreatePlugin =
    unsafe extern "C" fn(loader: *const ToruLoader, api: *mut *const ToruPluginApi) -> u32;

/// Name of the exported function.
pub const CREATE_PLUGIN_SYMBOL: &str = "create_plugin";

/// A plugin linked into the host's image: the same note and the same function as in a library, without the file.
///
/// `export_plugin!` and `static_plugin!` make one; a host registers it for tests, documentation and
/// single-binary applications.
#[derive(Clone, Copy, Debug)]
pub struct StaticPlugin {
    create: CreatePlugin,
    note: &'static [u8],
}

impl StaticPlugin {
    /// Pairs a `create_plugin` function with the descriptor of its note.
    ///
    /// # Safety
    ///
    /// `create` keeps the contract of this module.
    #[must_use]
    pub const unsafe fn new(create: CreatePlugin, note: &'static [u8]) -> Self {
        Self { create, note }
    }

    /// The plugin's `create_plugin`.
    #[must_use]
    pub const fn create(&self) -> CreatePlugin {
        self.create
    }

    /// Descriptor of the plugin's note, in the format of [`note`](super::note).
    #[must_use]
    pub const fn note(&self) -> &'static [u8] {
        self.note
    }
}
