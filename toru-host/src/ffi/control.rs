//! Calls that may suspend outside of requests, `init` and `shutdown`, and the words that a plugin gives with an error.

use std::task::Poll;

use toru_plugin_api::abi::op::{ToruOp, ToruWaker};
use toru_plugin_api::abi::size_word;
use toru_plugin_api::abi::status::{TORU_DONE, TORU_PENDING, ToruError};

use super::op::{PluginOp, Started, on_worker};
use super::waker::SharedWaker;

/// Longest text that a plugin may give with an error, in bytes.
const ERROR_TEXT_MAX: usize = 4096;

/// Runs `init` or `shutdown` to its end.
pub(super) async fn control(
    start: impl Fn(*const ToruWaker, *mut ToruOp, *mut ToruError) -> u32 + Send,
) -> Result<(), (u32, String)> {
    let waker = SharedWaker::new();
    let mut pending: Option<PluginOp> = None;
    let mut words = Words::new();
    let status = std::future::poll_fn(|cx| {
        let status = waker.poll(cx, |waker| {
            let status = match &mut pending {
                // SAFETY: the waker is valid in the closure; the `io` of these operations is an error.
                Some(op) => unsafe { op.poll_raw(waker, words.as_mut().cast()) },
                None => {
                    let mut op = ToruOp::NONE;
                    let status = on_worker(|| start(waker, &raw mut op, words.as_mut()));
                    // SAFETY: filled in by the plugin when it is pending.
                    match unsafe { Started::new(status, op) } {
                        Started::Ended(status) => status,
                        Started::Pending(op) => {
                            pending = Some(op);
                            TORU_PENDING
                        }
                    }
                }
            };
            (status, status == TORU_PENDING)
        });
        if status == TORU_PENDING {
            Poll::Pending
        } else {
            Poll::Ready(status)
        }
    })
    .await;
    if status == TORU_DONE {
        Ok(())
    } else {
        Err((status, words.text(status)))
    }
}

/// Room for a plugin's words about an error.
pub(super) struct Words {
    error: ToruError,
    buffer: Box<[u8; ERROR_TEXT_MAX]>,
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
            text_cap: ERROR_TEXT_MAX,
            text_len: 0,
        };
        Self {
            error,
            buffer: Box::new([0; ERROR_TEXT_MAX]),
        }
    }

    pub(super) fn as_mut(&mut self) -> *mut ToruError {
        self.error.text = self.buffer.as_mut_ptr();
        &raw mut self.error
    }

    /// The plugin's words, or the bare status when it has none. Control characters are blanked out.
    pub(super) fn text(&self, status: u32) -> String {
        let len = self.error.text_len.min(ERROR_TEXT_MAX);
        let text = String::from_utf8_lossy(&self.buffer[..len]);
        let text: String = text
            .chars()
            .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
            .collect();
        if text.trim().is_empty() {
            format!("it returned status {status}")
        } else {
            text
        }
    }
}
