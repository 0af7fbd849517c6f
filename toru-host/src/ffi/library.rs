//! Opening a library: the one place where a file's code enters the process.

use std::os::fd::IntoRawFd;
use std::path::Path;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use toru_plugin_api::abi::entry::CREATE_PLUGIN_SYMBOL;
use toru_plugin_api::abi::{CreatePlugin, StaticPlugin};

use super::context::Host;
use super::entry::Api;
use crate::discovery::Staged;
use crate::error::LoadError;

/// Opens a plugin's library and enters it.
///
/// **This is where trust takes effect**: the library's code runs from here on, with all rights of the process. The
/// manager calls it for plugins that an administrator enabled, and for nothing else.
pub(crate) fn load_trusted(staged: Staged, host: &'static Host) -> Result<Api, LoadError> {
    if let Some(memory) = staged.keep {
        // The path names the descriptor: it has to stay open as long as the library, which is for good, and also when
        // opening fails half-way.
        let _ = memory.into_raw_fd();
    }
    // SAFETY: `stage` checked a copy that nobody else can change; the administrator trusts the plugin.
    let create = unsafe { open(&staged.path) }?;
    // SAFETY: `create_plugin` of a library whose note says that it keeps the contract.
    unsafe { Api::load(create, host, false) }
}

/// Enters a plugin that is linked into the application.
pub(crate) fn load_static(plugin: StaticPlugin, host: &'static Host) -> Result<Api, LoadError> {
    // SAFETY: whoever made the value promised that its function keeps the contract.
    unsafe { Api::load(plugin.create(), host, true) }
}

/// Opens a library for good and finds its one function.
///
/// Symbols are bound at once and stay local. The library is never closed: unloading Rust libraries has no sound form.
///
/// # Safety
///
/// The file at `path` was staged and checked by `discovery`, nobody can change it any more, and the administrator
/// trusts its code with the host's full rights: its constructors run now.
unsafe fn open(path: &Path) -> Result<CreatePlugin, LoadError> {
    // SAFETY: the caller vouches for the file.
    let library =
        unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| open_error(&error))?;
    // SAFETY: `create_plugin` has this type by contract; the note says that the file keeps it.
    let create =
        unsafe { library.get::<CreatePlugin>(CREATE_PLUGIN_SYMBOL.as_bytes()) }.map(|symbol| *symbol);
    // Code and data of the library are in use for the rest of the process: the handle is leaked.
    let _ = library.into_raw();
    create.map_err(|_| LoadError::SymbolMissing {
        symbol: CREATE_PLUGIN_SYMBOL,
    })
}

fn open_error(error: &libloading::Error) -> LoadError {
    let text = match error {
        libloading::Error::DlOpen { source } => source.to_string(),
        other => other.to_string(),
    };
    let unresolved = text
        .split_once("undefined symbol: ")
        .map(|(_, rest)| rest.split([',', ' ', '\n']).next().unwrap_or_default().to_owned());
    match unresolved {
        Some(symbol) => LoadError::UnresolvedSymbol { symbol },
        None => LoadError::Open { reason: text },
    }
}
