//! Bytes that cross: the host's, kept by reference, and the plugin's, handed over.

#[cfg(feature = "http")]
mod shared;

use std::sync::Arc;

use crate::abi::bytes::{ToruBuf, ToruBufVt, ToruBytes};
use crate::abi::{size_word, table_of};
use crate::bytes::{Bytes, Repr};

/// Bytes that the host keeps alive, by one reference of their owner.
pub(crate) struct ForeignBytes(ToruBytes);

// SAFETY: the bytes are immutable and the owner's functions are thread-safe by contract.
unsafe impl Send for ForeignBytes {}
// SAFETY: as above.
unsafe impl Sync for ForeignBytes {}

impl ForeignBytes {
    /// # Safety
    ///
    /// The caller owns one reference of the bytes' owner and gives it up.
    pub(super) const unsafe fn from_raw(bytes: ToruBytes) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        let ToruBytes { ptr, len, .. } = self.0;
        // SAFETY: readable and unchanged while the reference is held, which is as long as `self`.
        unsafe { crate::abi::bytes::bytes_from_raw(ptr, len) }.unwrap_or_default()
    }

    /// Gives the reference away.
    pub(super) fn into_raw(self) -> ToruBytes {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl Clone for ForeignBytes {
    fn clone(&self) -> Self {
        if let Some(vt) = owner_table(&self.0) {
            if let Some(retain) = vt.retain {
                // SAFETY: the owner is alive while we hold a reference.
                unsafe { retain(self.0.owner) };
            }
        }
        Self(self.0)
    }
}

impl Drop for ForeignBytes {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and given back once.
        unsafe { release(&self.0) };
    }
}

fn owner_table(bytes: &ToruBytes) -> Option<&ToruBufVt> {
    if bytes.owner.is_null() {
        return None;
    }
    // SAFETY: a non-null owner is alive while a reference to it is held.
    Some(unsafe { table_of(bytes.owner) })
}

/// Gives one reference back.
///
/// # Safety
///
/// The caller owns it.
pub(super) unsafe fn release(bytes: &ToruBytes) {
    if let Some(release) = owner_table(bytes).and_then(|vt| vt.release) {
        // SAFETY: the caller owns the reference.
        unsafe { release(bytes.owner) };
    }
}

/// A `Vec` that the host keeps alive by reference.
#[repr(C)]
struct VecBuf {
    base: ToruBuf,
    bytes: Vec<u8>,
}

// SAFETY: the table pointer is to a static, the bytes are never changed.
unsafe impl Send for VecBuf {}
// SAFETY: as above.
unsafe impl Sync for VecBuf {}

static VEC_VT: ToruBufVt = ToruBufVt {
    size: size_word::<ToruBufVt>(),
    flags: 0,
    retain: Some(vec_retain),
    release: Some(vec_release),
};

/// Hands bytes over without copying them; the receiver owns one reference.
pub(super) fn into_toru(bytes: Bytes) -> ToruBytes {
    match bytes.into_repr() {
        Repr::Static(bytes) => ToruBytes::from_static(bytes),
        Repr::Foreign(bytes) => bytes.into_raw(),
        #[cfg(feature = "http")]
        Repr::Shared(bytes) => shared::into_toru(bytes),
        Repr::Owned(bytes) if bytes.is_empty() => ToruBytes::EMPTY,
        Repr::Owned(bytes) => {
            let buf = Arc::new(VecBuf {
                base: ToruBuf { vt: &VEC_VT },
                bytes,
            });
            let (ptr, len) = (buf.bytes.as_ptr(), buf.bytes.len());
            ToruBytes {
                ptr,
                len,
                owner: Arc::into_raw(buf).cast(),
            }
        }
    }
}

unsafe extern "C" fn vec_retain(buf: *const ToruBuf) {
    // SAFETY: only bytes made by `into_toru` carry this table, and the caller holds a reference.
    unsafe { Arc::increment_strong_count(buf.cast::<VecBuf>()) };
}

unsafe extern "C" fn vec_release(buf: *const ToruBuf) {
    // SAFETY: the caller gives its reference back.
    unsafe { Arc::decrement_strong_count(buf.cast::<VecBuf>()) };
}
