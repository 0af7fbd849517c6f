//! Status words, and words for people beside them.

/// The call did what was asked.
pub const TORU_DONE: u32 = 0;
/// The operation has not ended; the waker will be called.
pub const TORU_PENDING: u32 = 1;
/// The answer will come through a responder.
pub const TORU_DETACHED: u32 = 2;
/// The sequence ended; nothing follows.
pub const TORU_END: u32 = 3;

/// Statuses from here on are errors. Numbers below, other than the ones named above, are reserved.
pub const TORU_FIRST_ERROR: u32 = 16;
/// The callee panicked; the panic was caught on its own side.
pub const TORU_PANICKED: u32 = 16;
/// An argument breaks the contract.
pub const TORU_INVALID: u32 = 17;
/// The callee does not know this function, flag or kind.
pub const TORU_UNSUPPORTED: u32 = 18;
/// What was asked for does not exist.
pub const TORU_NOT_FOUND: u32 = 19;
/// The call would block a thread that must not be blocked.
pub const TORU_WOULD_BLOCK: u32 = 20;
/// The operation was cancelled; the call did nothing.
pub const TORU_CANCELLED: u32 = 21;
/// A size limit was exceeded.
pub const TORU_TOO_LARGE: u32 = 22;
/// A limit of concurrency was reached; trying later may succeed.
pub const TORU_BUSY: u32 = 23;
/// A version check failed, or the call was already made once.
pub const TORU_CONFLICT: u32 = 24;
/// The plugin instance behind this handle has been destroyed.
pub const TORU_GONE: u32 = 25;
/// The callee failed for a reason of its own.
pub const TORU_INTERNAL: u32 = 26;
/// The author's code returned an error.
pub const TORU_FAILED: u32 = 27;
/// The plugin's quota is used up.
pub const TORU_QUOTA: u32 = 28;
/// There is no space left where the data is stored.
pub const TORU_STORAGE_FULL: u32 = 29;
/// The time allowed for the call has passed.
pub const TORU_TIMED_OUT: u32 = 30;
/// The peer went away in the middle of a body.
pub const TORU_DISCONNECTED: u32 = 31;

/// Room for words that explain an error to people.
///
/// The caller owns the struct and the buffer. The callee writes at most `text_cap` bytes of UTF-8 to `text`, how
/// many into `text_len`, and a status word into `code`. It does so only when it returns an error.
#[repr(C)]
#[derive(Debug)]
pub struct ToruError {
    /// Size of this struct in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Status word that tells the kind of error.
    pub code: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// Buffer for the message, owned by the caller; may be null when `text_cap` is 0.
    pub text: *mut u8,
    /// Capacity of the buffer in bytes.
    pub text_cap: usize,
    /// Bytes written, at most `text_cap`.
    pub text_len: usize,
}
