//! The binary contract between a host and a plugin, in prose and in types.
//!
//! A plugin is one shared library. It exports one function, [`create_plugin`](CreatePlugin), imports nothing
//! from the host by name, and carries a [`note`] from which a host learns what it is without opening it.
//! Everything else travels through the tables of this module. `include/toru_plugin.h` is generated from them.
//!
//! # Data only
//!
//! Only fixed-width integers, `usize`, raw pointers, nullable C function pointers and `repr(C)` structs of those
//! cross. Status, kind and flag values are `u32` or `u16` numbers, never enums: a number the reader does not know
//! is legal and has to be handled. Targets are 64-bit and little-endian.
//!
//! # Growth
//!
//! Every table and every growable struct starts with `size` and `flags`. `size` is what its *producer* was
//! compiled with. A reader touches a field only if it lies wholly within `size`; function pointers may be null
//! besides, unless their description says otherwise. Fields are appended, never moved, never given another
//! meaning. For structs passed as arguments, a missing tail counts as zero, and a tail that the reader does not know
//! has to be zero. For structs that the callee fills in, the caller writes `size`; the callee writes no more than that,
//! and leaves in `size` how much it wrote. What a reader does not know and finds set, a flag or a tail, it refuses with
//! [`TORU_UNSUPPORTED`](status::TORU_UNSUPPORTED).
//! What is not core is an *extension*: a table asked for by an id that carries its own revision, such as
//! `toru.kv/1`. An incompatible redesign is `toru.kv/2` and the old one stays. The ids of third parties start
//! with a reversed domain name. The version's major number has to match; the minor number is information.
//!
//! # Objects, ownership and lifetimes
//!
//! An object is a pointer to a struct whose first word points to its table; the two that live for one call only,
//! [`ToruRegistrar`](route::ToruRegistrar) and [`ToruAssetSink`](plugin::ToruAssetSink), are their own tables. Each side frees what it allocated;
//! there is no shared allocator. Ownership moves as (object with `release`) or not at all:
//!
//! - a [`ToruSlice`](bytes::ToruSlice) is borrowed: valid during the call it is passed to, unless stated
//!   otherwise; (null, 0) is the legal empty slice;
//! - a [`ToruBytes`](bytes::ToruBytes) carries its owner; no owner means "as long as the process lives", which is
//!   sound because libraries are never unloaded;
//! - bytes that a plugin handed over may be given back after it was destroyed: their owner belongs to the library,
//!   not to the instance; operations and bodies are always given back before;
//! - every other pointer is lent for the call: the callee keeps none of it, unless the function's description says so;
//!   where an object, an operation or bytes come back, it says whose they are;
//! - text is UTF-8 where the description says so (names, ids, log text), and plain bytes everywhere else.
//!
//! # Calls
//!
//! A route's `start` ends in one of three ways. `DONE`: answered by calling the exchange's `respond`. `PENDING`:
//! an [operation](op::ToruOp) was filled in, which the host polls with a waker until it is done and then drops,
//! once. `DETACHED`: the plugin took a [responder](exchange::ToruResponder) and answers later, from any thread.
//! Operations are used in both directions and always in the same way: polled by one thread at a time, perhaps a
//! different one each time; not polled after they ended; dropped exactly once, never while `poll` runs and never
//! from inside a call that this operation makes. Dropping one that has not ended cancels it. A wake-up may come
//! at any time, from any thread, also after the drop; then it does nothing.
//!
//! # Threads
//!
//! Each function's description ends in a tag:
//!
//! | Tag | Meaning |
//! |---|---|
//! | `[control]` | one call at a time for each instance, not tied to a thread |
//! | `[op]` | one call at a time for each operation, exchange or body, not tied to a thread |
//! | `[thread-safe]` | any thread, at any time, concurrently |
//! | `[no-block]` | must return promptly; may be combined with the others |
//!
//! Host functions never call back into the plugin before they return, except to release what they were given, and
//! `on_cancel`, which says so.
//!
//! # Panics and errors
//!
//! Nothing unwinds across the boundary. Each side catches its own panics and returns
//! [`TORU_PANICKED`](status::TORU_PANICKED) or [`TORU_INTERNAL`](status::TORU_INTERNAL). Where people need words, the callee writes them into a
//! [`ToruError`](status::ToruError) that the caller provides. Numbers, lengths, names and values that come from a
//! plugin are checked by the host like any other input. Memory safety cannot be checked: a plugin is native code
//! with the host's full rights.

#![expect(
    unsafe_code,
    reason = "the contract is made of raw pointers and foreign functions"
)]

pub mod body;
pub mod bytes;
pub mod config;
pub mod entry;
pub mod exchange;
pub mod host;
pub mod kv;
pub mod license;
pub mod log;
pub mod note;
pub mod op;
pub mod plugin;
pub mod route;
pub mod rt;
pub mod status;
pub mod version;

pub use entry::{CreatePlugin, StaticPlugin, ToruLoader};

/// Whether a field lies wholly within a table of `size` bytes.
///
/// The rule of growth: a reader touches a field only if this is true.
///
/// ```
/// use toru_plugin_api::abi::{plugin::ToruPluginApi, table_has};
/// assert!(table_has!(ToruPluginApi, 64, abi_major));
/// assert!(!table_has!(ToruPluginApi, 8, abi_major));
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __table_has {
    ($table:ty, $size:expr, $field:ident) => {
        ($size as usize) >= const { $crate::abi::field_end!($table, $field) }
    };
}
#[doc(inline)]
pub use crate::__table_has as table_has;

/// How many bytes a struct has up to the end of a field: what version 1 of it had, for its last field.
#[macro_export]
#[doc(hidden)]
macro_rules! __field_end {
    ($table:ty, $field:ident) => {{
        const fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
            size_of::<F>()
        }
        core::mem::offset_of!($table, $field) + size_of_field::<$table, _>(|table| &table.$field)
    }};
}
#[doc(inline)]
pub use crate::__field_end as field_end;

/// The `size` word of a table of type `T`, as its producer writes it.
///
/// # Panics
///
/// When `T` is larger than any table of the contract can be.
#[must_use]
pub const fn size_word<T>() -> u32 {
    let size = size_of::<T>();
    assert!(size < 65536, "a table of the contract is small");
    #[expect(clippy::cast_possible_truncation, reason = "checked on the line above")]
    {
        size as u32
    }
}

/// The table of an object, to which its first word points.
///
/// # Safety
///
/// `object` is live for `'a`, and `T` is the type of its table.
#[must_use]
pub const unsafe fn table_of<'a, O, T>(object: *const O) -> &'a T {
    // SAFETY: the first word of every object is the address of its table.
    let table = unsafe { object.cast::<*const T>().read() };
    // SAFETY: a table lives at least as long as its object.
    unsafe { &*table }
}

/// Reads a struct that was passed as an argument, by the rule of growth: a missing tail counts as zero, an unknown one
/// has to be zero. `known` is how many bytes version 1 of the struct had.
///
/// # Errors
///
/// `TORU_INVALID` for null, a misaligned address or a struct shorter than `known`; `TORU_UNSUPPORTED` for an unknown
/// tail that is not zero.
///
/// # Safety
///
/// `given` is null or readable up to its own `size`, which is its first word. All zeros are a value of `T`.
pub unsafe fn read_argument<T: Copy>(given: *const T, known: usize) -> Result<T, u32> {
    if given.is_null() || !given.is_aligned() {
        return Err(status::TORU_INVALID);
    }
    // SAFETY: not null and aligned; the first word is the size.
    let size = unsafe { given.cast::<u32>().read() } as usize;
    if size == size_of::<T>() {
        // SAFETY: as long as the type, and whole as the caller guarantees.
        return Ok(unsafe { given.read() });
    }
    if size < known {
        return Err(status::TORU_INVALID);
    }
    for offset in size_of::<T>()..size {
        // SAFETY: within the size that the struct claims.
        let byte = unsafe { given.byte_add(offset) };
        // SAFETY: as above.
        if unsafe { byte.cast::<u8>().read() } != 0 {
            return Err(status::TORU_UNSUPPORTED);
        }
    }
    let mut read = core::mem::MaybeUninit::<T>::zeroed();
    let len = size.min(size_of::<T>());
    // SAFETY: both are at least that long, and they do not overlap.
    unsafe { core::ptr::copy_nonoverlapping(given.cast::<u8>(), read.as_mut_ptr().cast::<u8>(), len) };
    // SAFETY: zeros are a value of `T`, and what was copied over them is one of a plugin's or host's making.
    Ok(unsafe { read.assume_init() })
}

/// Fills in a struct that the caller lends, by the rule of growth: no more than its `size`, and `size` tells how much.
/// `known` is how many bytes version 1 of the struct had. `false`, and nothing is written, when it is null or shorter.
///
/// # Safety
///
/// `out` is null or writable up to its own `size`, which is its first word; so is `value` of type `T`.
pub unsafe fn write_result<T>(out: *mut T, value: T, known: usize) -> bool {
    if out.is_null() || !out.is_aligned() {
        return false;
    }
    // SAFETY: not null and aligned; the first word is the size.
    let size = unsafe { out.cast::<u32>().read() } as usize;
    if size < known {
        return false;
    }
    let len = size.min(size_of::<T>());
    let value = core::mem::ManuallyDrop::new(value);
    // SAFETY: both are at least that long, and they do not overlap; a struct of the contract has no padding to lose.
    unsafe { core::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), out.cast::<u8>(), len) };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most the size of a struct of the contract"
    )]
    // SAFETY: the first word, written to a moment ago.
    unsafe {
        out.cast::<u32>().write(len as u32);
    }
    true
}

const _: () = assert!(
    size_of::<usize>() == 8 && cfg!(target_endian = "little"),
    "the contract covers 64-bit little-endian targets"
);
