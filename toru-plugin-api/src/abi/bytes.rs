//! Borrowed and owned byte ranges, and the only conversions from `(ptr, len)`.

/// A borrowed range of bytes: valid during the call it is passed to, unless stated otherwise.
///
/// (null, 0) is the legal empty slice.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruSlice {
    /// First byte; may be null when `len` is 0.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: usize,
}

/// Something that keeps bytes alive, shared by counting references.
///
/// Implemented by whichever side allocated the bytes.
#[repr(C)]
#[derive(Debug)]
pub struct ToruBuf {
    /// Table of this object.
    pub vt: *const ToruBufVt,
}

/// Functions of a [`ToruBuf`].
#[repr(C)]
#[derive(Debug)]
pub struct ToruBufVt {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Adds a reference. Never null. `[thread-safe] [no-block]`
    pub retain: Option<unsafe extern "C" fn(buf: *const ToruBuf)>,
    /// Gives a reference back; the last one frees the bytes. Never null. `[thread-safe] [no-block]`
    pub release: Option<unsafe extern "C" fn(buf: *const ToruBuf)>,
}

/// A range of bytes together with what keeps it alive.
///
/// Whoever receives one by value owns one reference of `owner` and releases it once. A null owner means that the
/// bytes live as long as the process.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruBytes {
    /// First byte; may be null when `len` is 0.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: usize,
    /// What keeps the bytes alive, or null.
    pub owner: *const ToruBuf,
}

impl ToruSlice {
    /// The empty slice.
    pub const EMPTY: Self = Self {
        ptr: core::ptr::null(),
        len: 0,
    };

    /// Borrows `bytes`; the caller keeps them alive for as long as the receiver may look.
    #[must_use]
    pub const fn new(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// The bytes, or `None` when pointer and length contradict each other.
    ///
    /// # Safety
    ///
    /// If the pointer is not null, `len` bytes from it on are readable and unchanged for `'a`.
    #[must_use]
    pub const unsafe fn as_bytes<'a>(self) -> Option<&'a [u8]> {
        // SAFETY: the caller guarantees the range for `'a`.
        unsafe { bytes_from_raw(self.ptr, self.len) }
    }
}

impl ToruBytes {
    /// No bytes and no owner.
    pub const EMPTY: Self = Self {
        ptr: core::ptr::null(),
        len: 0,
        owner: core::ptr::null(),
    };

    /// Bytes that live as long as the process.
    #[must_use]
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
            owner: core::ptr::null(),
        }
    }
}

/// The bytes at `(ptr, len)`, or `None` when the two contradict each other.
///
/// # Safety
///
/// If `ptr` is not null, `len` bytes from it on are readable and unchanged for `'a`.
#[must_use]
pub const unsafe fn bytes_from_raw<'a>(ptr: *const u8, len: usize) -> Option<&'a [u8]> {
    if len == 0 {
        return Some(&[]);
    }
    if ptr.is_null() || len > isize::MAX as usize {
        return None;
    }
    // SAFETY: not null, of a possible length, and readable for `'a` as the caller guarantees.
    Some(unsafe { core::slice::from_raw_parts(ptr, len) })
}
