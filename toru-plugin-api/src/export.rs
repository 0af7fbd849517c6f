//! The macros that turn a type into a library, or into a value for tests.

use crate::abi::note::{
    NoteBuilder, TAG_ABI, TAG_AUTHOR, TAG_COMPILER, TAG_DESCRIPTION, TAG_ICON, TAG_ID, TAG_LICENSE, TAG_NAME,
    TAG_PANIC, TAG_REQUIRES, TAG_ROUTE, TAG_SDK, TAG_TARGET, TAG_VERSION,
};
use crate::abi::version::{TORU_ABI_MAJOR, TORU_ABI_MINOR};
use crate::metadata::PluginMetadata;

/// Makes the crate a plugin: exports `create_plugin` and seals the type's metadata into the library.
///
/// Once per library, which is built with `crate-type = ["cdylib"]`. The expansion holds the two attributes that need
/// `unsafe`; a crate that uses it may deny `unsafe_code`, but not forbid it.
///
/// # Examples
///
/// See [`ToruPlugin`](crate::ToruPlugin).
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty) => {
        #[allow(
            dead_code,
            reason = "its name is what the compiler tells whoever calls the macro twice"
        )]
        const EXPORT_PLUGIN_IS_CALLED_ONCE_IN_A_LIBRARY: () = ();
        #[allow(
            unsafe_code,
            reason = "the exported symbol and the section of the note are named here"
        )]
        const _: () = {
            const LEN: usize = $crate::__private::note_len(
                &<$plugin as $crate::ToruPlugin>::METADATA,
                ::core::cfg!(panic = "abort"),
            );
            #[used]
            #[cfg_attr(
                any(target_os = "linux", target_os = "android", target_os = "freebsd"),
                unsafe(link_section = ".note.toru")
            )]
            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__TEXT,__toru"))]
            #[cfg_attr(windows, unsafe(link_section = ".torumd"))]
            static NOTE: $crate::__note_type!(LEN) = $crate::__note_value!(
                LEN,
                &<$plugin as $crate::ToruPlugin>::METADATA,
                ::core::cfg!(panic = "abort")
            );
            static API: $crate::abi::plugin::ToruPluginApi =
                $crate::__private::api::<$plugin>($crate::__note_bytes!(NOTE));

            /// # Safety
            ///
            /// The caller keeps the contract of `toru_plugin_api::abi`.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn create_plugin(
                loader: *const $crate::abi::ToruLoader,
                api: *mut *const $crate::abi::plugin::ToruPluginApi,
            ) -> u32 {
                // SAFETY: the arguments are the caller's own.
                unsafe { $crate::__private::create_plugin(loader, api, &API) }
            }
        };
    };
}

/// The same plugin as a value, without a library: for tests, documentation and single-binary applications.
///
/// Evaluates to a [`StaticPlugin`](crate::abi::StaticPlugin), which a host registers. It runs through the same tables.
#[macro_export]
macro_rules! static_plugin {
    ($plugin:ty) => {{
        const LEN: usize = $crate::__private::note_len(
            &<$plugin as $crate::ToruPlugin>::METADATA,
            ::core::cfg!(panic = "abort"),
        );
        static NOTE: [u8; LEN] = $crate::__private::note::<LEN>(
            &<$plugin as $crate::ToruPlugin>::METADATA,
            ::core::cfg!(panic = "abort"),
        );
        static API: $crate::abi::plugin::ToruPluginApi = $crate::__private::api::<$plugin>(&NOTE);

        #[allow(unsafe_code, reason = "the crate of the macro vouches for its own functions")]
        unsafe extern "C" fn create_plugin(
            loader: *const $crate::abi::ToruLoader,
            api: *mut *const $crate::abi::plugin::ToruPluginApi,
        ) -> u32 {
            // SAFETY: the arguments are the caller's own.
            unsafe { $crate::__private::create_plugin(loader, api, &API) }
        }
        #[allow(unsafe_code, reason = "the crate of the macro vouches for its own functions")]
        // SAFETY: the functions behind the table keep the contract.
        const PLUGIN: $crate::abi::StaticPlugin =
            unsafe { $crate::abi::StaticPlugin::new(create_plugin, &NOTE) };
        PLUGIN
    }};
}

/// The type of the note: an ELF note with its own header, or the bare descriptor elsewhere.
#[doc(hidden)]
#[macro_export]
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
macro_rules! __note_type {
    ($len:expr) => {
        $crate::abi::note::ElfNote<{ $len }>
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
macro_rules! __note_type {
    ($len:expr) => {
        [u8; $len]
    };
}

/// The value of the note, of the type of `__note_type`.
#[doc(hidden)]
#[macro_export]
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
macro_rules! __note_value {
    ($len:expr, $metadata:expr, $abort:expr) => {
        $crate::abi::note::ElfNote::new($crate::__private::note::<{ $len }>($metadata, $abort))
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
macro_rules! __note_value {
    ($len:expr, $metadata:expr, $abort:expr) => {
        $crate::__private::note::<{ $len }>($metadata, $abort)
    };
}

/// The descriptor inside the note.
#[doc(hidden)]
#[macro_export]
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
macro_rules! __note_bytes {
    ($note:expr) => {
        $note.descriptor()
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
macro_rules! __note_bytes {
    ($note:expr) => {
        &$note
    };
}

/// Length of the descriptor of `metadata`, in bytes.
#[must_use]
pub const fn note_len(metadata: &PluginMetadata, abort: bool) -> usize {
    fill(NoteBuilder::<0>::new(), metadata, abort).len()
}

/// The descriptor of `metadata`.
#[must_use]
pub const fn note<const LEN: usize>(metadata: &PluginMetadata, abort: bool) -> [u8; LEN] {
    fill(NoteBuilder::<LEN>::new(), metadata, abort).finish()
}

const fn fill<const N: usize>(
    note: NoteBuilder<N>,
    metadata: &PluginMetadata,
    abort: bool,
) -> NoteBuilder<N> {
    let [major0, major1] = TORU_ABI_MAJOR.to_le_bytes();
    let [minor0, minor1] = TORU_ABI_MINOR.to_le_bytes();
    let mut note = note
        .record(TAG_ABI, 0, &[major0, major1, minor0, minor1])
        .text(TAG_ID, metadata.id)
        .text(TAG_NAME, metadata.name)
        .text(TAG_VERSION, metadata.version)
        .text(TAG_AUTHOR, metadata.author)
        .text(TAG_ICON, metadata.icon)
        .text(TAG_ROUTE, metadata.route)
        .text(TAG_DESCRIPTION, metadata.description)
        .text(TAG_LICENSE, metadata.license)
        .text(TAG_PANIC, if abort { "abort" } else { "unwind" })
        .text(TAG_COMPILER, env!("TORU_COMPILER"))
        .text(TAG_TARGET, env!("TORU_TARGET"))
        .text(TAG_SDK, concat!("toru-plugin-api ", env!("CARGO_PKG_VERSION")));
    let mut i = 0;
    while i < metadata.requires.len() {
        note = note.text(TAG_REQUIRES, metadata.requires[i]);
        i += 1;
    }
    note
}
