//! Room for a plugin's words about an error.

use crate::abi::size_word;
use crate::abi::status::ToruError;

/// Longest text that a plugin may give with an error, in bytes.
const TEXT_MAX: usize = 4096;

/// Room for a plugin's words about an error.
pub(super) struct Words {
    error: ToruError,
    buffer: Box<[u8; TEXT_MAX]>,
}

// SAFETY: the pointer in the error is to the buffer beside it.
unsafe impl Send for Words {}

impl Words {
    pub(super) fn new() -> Self {
        let error = ToruError {
            size: size_word::<ToruError>(),
            flags: 0,
            code: 0,
            reserved: 0,
            text: std::ptr::null_mut(),
            text_cap: TEXT_MAX,
            text_len: 0,
        };
        Self {
            error,
            buffer: Box::new([0; TEXT_MAX]),
        }
    }

    pub(super) fn as_mut(&mut self) -> *mut ToruError {
        self.error.text = self.buffer.as_mut_ptr();
        &raw mut self.error
    }

    /// The plugin's words, or the bare status when it has none.
    pub(super) fn text(&self, status: u32) -> String {
        let len = self.error.text_len.min(TEXT_MAX);
        let text = String::from_utf8_lossy(&self.buffer[..len]);
        if text.trim().is_empty() {
            format!("it returned status {status}")
        } else {
            text.into_owned()
        }
    }
}
