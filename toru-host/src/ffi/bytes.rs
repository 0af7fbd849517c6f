//! Bytes that cross: the plugin's, wrapped without copying, and the host's, lent by reference.

use std::sync::Arc;

use bytes::Bytes;
use toru_plugin_api::abi::bytes::{ToruBuf, ToruBufVt, ToruBytes, bytes_from_raw};
use toru_plugin_api::abi::{size_word, table_has};

use super::op::{checked_table, on_worker};

/// Bytes of a plugin, kept alive by one reference of their owner.
struct PluginBytes {
    bytes: ToruBytes,
    release: unsafe extern "C" fn(*const ToruBuf),
}

// SAFETY: the bytes are immutable and `release` is thread-safe by contract.
unsafe impl Send for PluginBytes {}
// SAFETY: as above.
unsafe impl Sync for PluginBytes {}

impl AsRef<[u8]> for PluginBytes {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: readable and unchanged while the reference is held. Checked for sense in `from_plugin`.
        unsafe { bytes_from_raw(self.bytes.ptr, self.bytes.len) }.unwrap_or_default()
    }
}

impl Drop for PluginBytes {
    fn drop(&mut self) {
        // SAFETY: the reference taken over in `from_plugin`, given back once.
        on_worker(|| unsafe { (self.release)(self.bytes.owner) });
    }
}

/// Takes over bytes from a plugin without copying them. `None` when they make no sense; they stay the plugin's then.
///
/// # Safety
///
/// The caller was handed the bytes: one reference of their owner, or bytes that live as long as the process.
pub(super) unsafe fn from_plugin(bytes: ToruBytes) -> Option<Bytes> {
    // SAFETY: as the caller guarantees.
    let taken = unsafe { look_at(bytes) }?;
    // SAFETY: as above; the reference is ours from here on.
    unsafe { accept(bytes) };
    Some(taken)
}

/// The first half of [`from_plugin`], where it is not known yet whether the bytes are taken over: [`accept`] or [`refuse`]
/// follows.
///
/// # Safety
///
/// As for [`from_plugin`].
pub(super) unsafe fn look_at(bytes: ToruBytes) -> Option<Bytes> {
    // SAFETY: readable while the owner is held, or for good without one.
    let slice = unsafe { bytes_from_raw::<'static>(bytes.ptr, bytes.len) }?;
    if bytes.owner.is_null() {
        return Some(Bytes::from_static(slice));
    }
    // SAFETY: a non-null owner is alive while its reference is held.
    if let Some(shared) = unsafe { shared(bytes.owner) } {
        return Some(shared.bytes.clone().slice_ref_checked(slice));
    }
    let required = |size| table_has!(ToruBufVt, size, release);
    // SAFETY: the owner is alive; no reference to its table is made before the table is known to be long enough.
    let vt = unsafe { checked_table::<_, ToruBufVt>(bytes.owner, required) }?;
    let release = vt.release?;
    Some(Bytes::from_owner(PluginBytes { bytes, release }))
}

/// What [`look_at`] saw is taken over: bytes of the host's own come back by the reference that the plugin had, all others have
/// it already.
///
/// # Safety
///
/// `look_at` saw these bytes, and the reference was the caller's.
#[inline]
pub(super) unsafe fn accept(bytes: ToruBytes) {
    // SAFETY: alive, since its reference has not been given back.
    if !bytes.owner.is_null() && unsafe { shared(bytes.owner) }.is_some() {
        // SAFETY: one reference of our own object, given back once.
        unsafe { shared_release(bytes.owner) };
    }
}

/// What [`look_at`] saw stays the plugin's, with its reference.
///
/// # Safety
///
/// `look_at` made `seen` of these bytes, the reference is still there, and `seen` is its only copy.
pub(super) unsafe fn refuse(bytes: ToruBytes, seen: Bytes) {
    // SAFETY: as the caller guarantees.
    if bytes.owner.is_null() || unsafe { shared(bytes.owner) }.is_some() {
        return;
    }
    let required = |size| table_has!(ToruBufVt, size, release);
    // SAFETY: the owner is alive while its reference is there.
    let vt = unsafe { checked_table::<_, ToruBufVt>(bytes.owner, required) };
    match vt.and_then(|vt| vt.retain) {
        Some(retain) => {
            // SAFETY: alive, as above. What is dropped below gives this one back.
            unsafe { retain(bytes.owner) };
            drop(seen);
        }
        // A little memory of ours is lost, and nothing is given back twice.
        None => std::mem::forget(seen),
    }
}

/// Bytes of the host that a plugin holds by reference.
#[repr(C)]
struct Shared {
    base: ToruBuf,
    bytes: Bytes,
}

// SAFETY: the table pointer is to a static; `Bytes` is made for sharing.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

static SHARED_VT: ToruBufVt = ToruBufVt {
    size: size_word::<ToruBufVt>(),
    flags: 0,
    retain: Some(shared_retain),
    release: Some(shared_release),
};

/// Lends bytes to a plugin without copying them; the receiver owns one reference.
pub(super) fn to_plugin(bytes: Bytes) -> ToruBytes {
    if bytes.is_empty() {
        return ToruBytes::EMPTY;
    }
    let shared = Arc::new(Shared {
        base: ToruBuf {
            vt: &raw const SHARED_VT,
        },
        bytes,
    });
    let (ptr, len) = (shared.bytes.as_ptr(), shared.bytes.len());
    ToruBytes {
        ptr,
        len,
        owner: Arc::into_raw(shared).cast(),
    }
}

unsafe extern "C" fn shared_retain(buf: *const ToruBuf) {
    // SAFETY: only objects of `to_plugin` carry this table, and the caller holds a reference.
    unsafe { Arc::increment_strong_count(buf.cast::<Shared>()) };
}

unsafe extern "C" fn shared_release(buf: *const ToruBuf) {
    // SAFETY: the caller gives its reference back.
    unsafe { Arc::decrement_strong_count(buf.cast::<Shared>()) };
}

/// The host's own object behind a pointer, if it is one.
///
/// # Safety
///
/// `buf` is not null, and alive for as long as the result is used.
#[inline]
unsafe fn shared<'a>(buf: *const ToruBuf) -> Option<&'a Shared> {
    // SAFETY: as the caller guarantees.
    let vt = unsafe { (*buf).vt };
    // SAFETY: our own table, so our own object.
    std::ptr::eq(vt, &raw const SHARED_VT).then(|| unsafe { &*buf.cast::<Shared>() })
}

trait SliceRefChecked {
    /// The part of `self` that `slice` is; a copy of it when it is none.
    fn slice_ref_checked(self, slice: &[u8]) -> Bytes;
}

impl SliceRefChecked for Bytes {
    fn slice_ref_checked(self, slice: &[u8]) -> Bytes {
        let outer = self.as_ptr_range();
        let inner = slice.as_ptr_range();
        if outer.start <= inner.start && inner.end <= outer.end {
            self.slice_ref(slice)
        } else {
            Self::copy_from_slice(slice)
        }
    }
}
