//! Bytes of the crate `bytes` that the host keeps alive by reference.

use std::sync::Arc;

use bytes::Bytes;

use crate::abi::bytes::{ToruBuf, ToruBufVt, ToruBytes};
use crate::abi::size_word;
use crate::shim::guard::guard_drop;
use crate::shim::scope::OUTSIDE;

#[repr(C)]
struct SharedBuf {
    base: ToruBuf,
    bytes: Bytes,
}

// SAFETY: the table pointer is to a static, the bytes are made for sharing.
unsafe impl Send for SharedBuf {}
// SAFETY: as above.
unsafe impl Sync for SharedBuf {}

static VT: ToruBufVt = ToruBufVt {
    size: size_word::<ToruBufVt>(),
    flags: 0,
    retain: Some(retain),
    release: Some(release),
};

pub(super) fn into_toru(bytes: Bytes) -> ToruBytes {
    if bytes.is_empty() {
        return ToruBytes::EMPTY;
    }
    let buf = Arc::new(SharedBuf {
        base: ToruBuf { vt: &VT },
        bytes,
    });
    let (ptr, len) = (buf.bytes.as_ptr(), buf.bytes.len());
    let owner = Arc::into_raw(buf).cast();
    ToruBytes { ptr, len, owner }
}

unsafe extern "C" fn retain(buf: *const ToruBuf) {
    // SAFETY: only bytes made by `into_toru` carry this table, and the caller holds a reference.
    unsafe { Arc::increment_strong_count(buf.cast::<SharedBuf>()) };
}

unsafe extern "C" fn release(buf: *const ToruBuf) {
    // SAFETY: the caller gives its reference back.
    let buf = unsafe { Arc::from_raw(buf.cast::<SharedBuf>()) };
    // Bytes may belong to a type of the author's, and outlive the instance.
    guard_drop(&OUTSIDE, || drop(buf));
}
