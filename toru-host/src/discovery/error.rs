use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::plugin::PluginId;

/// Why a file is not accepted as a plugin; none of its code has run.
///
/// The texts are for administrators: what happened, and what to do next.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// The file does not start like a shared library.
    #[error("{found}, not a shared library; remove the file from the plugins folder or upload the right one")]
    NotALibrary {
        /// What the file looks like instead.
        found: &'static str,
    },
    /// The file starts like a shared library but its structure is broken.
    #[error("the library is damaged: {reason}; upload it again")]
    MalformedLibrary {
        /// What is broken.
        reason: Cow<'static, str>,
    },
    /// The file was built for another machine, or is another kind of program file.
    #[error("found a {found}, this host needs a {expected}; install the plugin's build for this machine")]
    WrongTarget {
        /// What the file is, in words.
        found: String,
        /// What it should be, in words.
        expected: &'static str,
    },
    /// A good shared library without the note that makes it a plugin.
    #[error("a shared library but not a plugin: it carries no toru note; move it out of the plugins folder")]
    NotAPlugin,
    /// The plugin was built for another major version of the contract.
    #[error(
        "built for version {}.{} of the plugin interface, this host speaks {}.{}; install a build of the plugin \
         for version {}", found.0, found.1, expected.0, expected.1, expected.0
    )]
    AbiMismatch {
        /// Major and minor version of the plugin.
        found: (u16, u16),
        /// Major and minor version of this host.
        expected: (u16, u16),
    },
    /// The plugin requires an extension that this host does not offer.
    #[error(
        "plugin {id} needs the extension {extension:?}, which this host does not offer; upgrade the host"
    )]
    ExtensionMissing {
        /// The plugin.
        id: PluginId,
        /// Id of the extension.
        extension: String,
    },
    /// The function through which a plugin is entered is missing or is not a function.
    #[error(
        "the library does not export create_plugin: {reason}; ask the plugin's author for a correct build"
    )]
    SymbolMissing {
        /// What was found instead.
        reason: &'static str,
    },
    /// The library asks the dynamic loader for something that the policy forbids.
    #[error("the library {flag}, which is not allowed here; ask the plugin's author to build it without")]
    ForbiddenFlag {
        /// What it asks for.
        flag: Forbidden,
    },
    /// The file is larger than the policy allows.
    #[error("the file has {len} bytes, the limit is {limit}; raise the limit if the file is right")]
    TooLarge {
        /// Length of the file in bytes.
        len: u64,
        /// The policy's limit in bytes.
        limit: u64,
    },
    /// The entry is no regular file within the plugins folder.
    #[error("{found}, not a regular file in the plugins folder; replace it by the library itself")]
    NotARegularFile {
        /// What it is instead.
        found: &'static str,
    },
    /// Somebody else than root and the host's user could change the file.
    #[error("{component:?} {problem}; {remedy}")]
    InsecurePermissions {
        /// The file or folder at fault.
        component: PathBuf,
        /// What is wrong with it.
        problem: Cow<'static, str>,
        /// What to do.
        remedy: &'static str,
    },
    /// Another file in the folder has the same plugin id.
    #[error("plugin {id} is in both {first:?} and {second:?}; remove one of them")]
    DuplicateId {
        /// The id.
        id: PluginId,
        /// The file that is used.
        first: PathBuf,
        /// The file that is refused.
        second: PathBuf,
    },
    /// The note breaks a rule.
    #[error("the plugin's metadata is invalid: {field} {rule}; ask the plugin's author for a correct build")]
    InvalidMetadata {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        rule: Cow<'static, str>,
    },
    /// Panics in this plugin would end the host.
    #[error(
        "plugin {id} was built with panic=abort, so one panic in it would end the host; ask the plugin's author \
         for a build with panic=unwind"
    )]
    PanicAbort {
        /// The plugin.
        id: PluginId,
    },
    /// The file changed while it was being read.
    #[error("the file changed while it was being copied; try again when its upload has finished")]
    FileChanged,
    /// The operating system refused an operation on the plugin's file.
    #[error("the plugin's file cannot be {action}: {source}; check the file and its permissions")]
    Unreadable {
        /// What was attempted, as in "cannot be opened".
        action: &'static str,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
    /// The private copy could not be made.
    #[error("no private copy can be made at {path:?}: {source}; check the folder and the free space")]
    CacheUnusable {
        /// The file or folder at fault.
        path: PathBuf,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
    /// This build of the host cannot read libraries of its platform.
    #[error("plugins are not supported on this platform yet; run the host on 64-bit Linux")]
    UnsupportedPlatform,
}

impl DiscoverError {
    /// All codes.
    pub(crate) const CODES: &[&str] = &[
        "abi_mismatch",
        "cache_unusable",
        "duplicate_id",
        "extension_missing",
        "file_changed",
        "forbidden_flag",
        "insecure_permissions",
        "invalid_metadata",
        "malformed_library",
        "not_a_library",
        "not_a_plugin",
        "not_a_regular_file",
        "panic_abort",
        "symbol_missing",
        "too_large",
        "unreadable",
        "unsupported_platform",
        "wrong_target",
    ];

    /// The stable code of this kind of error, part of the public interface.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotALibrary { .. } => "not_a_library",
            Self::MalformedLibrary { .. } => "malformed_library",
            Self::WrongTarget { .. } => "wrong_target",
            Self::NotAPlugin => "not_a_plugin",
            Self::AbiMismatch { .. } => "abi_mismatch",
            Self::ExtensionMissing { .. } => "extension_missing",
            Self::SymbolMissing { .. } => "symbol_missing",
            Self::ForbiddenFlag { .. } => "forbidden_flag",
            Self::TooLarge { .. } => "too_large",
            Self::NotARegularFile { .. } => "not_a_regular_file",
            Self::InsecurePermissions { .. } => "insecure_permissions",
            Self::DuplicateId { .. } => "duplicate_id",
            Self::InvalidMetadata { .. } => "invalid_metadata",
            Self::PanicAbort { .. } => "panic_abort",
            Self::FileChanged => "file_changed",
            Self::Unreadable { .. } => "unreadable",
            Self::CacheUnusable { .. } => "cache_unusable",
            Self::UnsupportedPlatform => "unsupported_platform",
        }
    }

    pub(super) fn unreadable(action: &'static str, source: impl Into<io::Error>) -> Self {
        Self::Unreadable {
            action,
            source: Arc::new(source.into()),
        }
    }

    pub(super) fn cache(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::CacheUnusable {
            path: path.to_owned(),
            source: Arc::new(source.into()),
        }
    }
}

/// What a library asks the dynamic loader for and the default [`Policy`](super::Policy) forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forbidden {
    /// `DT_RPATH` or `DT_RUNPATH`: other libraries come from a folder of the plugin's choice.
    RunPath,
    /// `DT_NEEDED` with a path: a library comes from a folder of the plugin's choice.
    DependencyPath,
    /// The process's stacks become executable.
    ExecutableStack,
    /// The program's code is written to while it is loaded.
    TextRelocations,
    /// Thread-local storage from a small reserve that all libraries share.
    StaticTls,
    /// `DT_AUDIT`, `DT_DEPAUDIT`, `DT_FILTER` or `DT_AUXILIARY`: another library gets between.
    Audit,
    /// `DT_FLAGS_1` bits that affect other libraries, such as `DF_1_GLOBAL` or `DF_1_INITFIRST`.
    LoaderFlags,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RunPath => "has a run path (DT_RPATH or DT_RUNPATH)",
            Self::DependencyPath => "needs a library by path (DT_NEEDED)",
            Self::ExecutableStack => "asks for an executable stack (PT_GNU_STACK)",
            Self::TextRelocations => "has text relocations (DT_TEXTREL)",
            Self::StaticTls => "uses static thread-local storage (DF_STATIC_TLS)",
            Self::Audit => {
                "names an audit or filter library (DT_AUDIT, DT_DEPAUDIT, DT_FILTER or DT_AUXILIARY)"
            }
            Self::LoaderFlags => "carries flags that affect other libraries (DT_FLAGS_1)",
        })
    }
}

/// A structural fault of the library.
pub(super) fn malformed(reason: impl Into<Cow<'static, str>>) -> DiscoverError {
    DiscoverError::MalformedLibrary {
        reason: reason.into(),
    }
}

/// Refuses the library as damaged unless `condition` holds.
pub(super) fn require(condition: bool, reason: &'static str) -> Result<(), DiscoverError> {
    if condition { Ok(()) } else { Err(malformed(reason)) }
}
