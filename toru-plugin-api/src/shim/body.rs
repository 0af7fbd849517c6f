//! Bodies: the host's that the plugin reads, and the plugin's that the host reads.

use std::borrow::Cow;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::bytes::{ForeignBytes, into_toru};
use super::guard::{guard, guard_drop};
use super::scope::Scope;
use super::waker::with_waker;
use crate::abi::body::{
    TORU_FRAME_BORROWED, TORU_FRAME_DATA, TORU_FRAME_TRAILERS, TORU_HINT_ENDED, TORU_HINT_EXACT, ToruBody,
    ToruBodyHint, ToruBodyVt, ToruFrame,
};
use crate::abi::bytes::{ToruBytes, ToruSlice};
use crate::abi::exchange::ToruHeader;
use crate::abi::op::{ToruWaker, with_std_waker};
use crate::abi::status::{TORU_DONE, TORU_END, TORU_FAILED, TORU_NOT_FOUND, TORU_PENDING};
use crate::abi::{field_end, size_word, table_of, write_result};
use crate::body::{BodyStream, Frame, Hint};
use crate::bytes::Bytes;
use crate::error::{BodyError, PluginError};
use crate::headers::Trailers;

/// A request body, released once.
pub(crate) struct HostBody {
    raw: NonNull<ToruBody>,
    ended: bool,
}

// SAFETY: a body may be used on any thread, one at a time. Not `Sync`: it can be asked for its length by `&self`.
unsafe impl Send for HostBody {}

impl HostBody {
    /// # Safety
    ///
    /// The host handed the body over to the caller.
    pub(super) const unsafe fn new(raw: NonNull<ToruBody>) -> Self {
        Self { raw, ended: false }
    }

    /// Gives the body away.
    pub(super) fn into_raw(self) -> *mut ToruBody {
        std::mem::ManuallyDrop::new(self).raw.as_ptr()
    }

    /// The next frame, its bytes owned.
    pub(crate) fn poll_owned(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        let (false, Some(poll)) = (self.ended, self.vt().poll) else {
            return Poll::Ready(None);
        };
        let mut frame = ToruFrame::empty();
        // SAFETY: alive and polled by one thread at a time; the frame outlives the call.
        let status = with_waker(cx.waker(), |waker| unsafe {
            poll(self.raw.as_ptr(), waker, &raw mut frame)
        });
        match status {
            TORU_PENDING => Poll::Pending,
            TORU_DONE if frame.kind == TORU_FRAME_TRAILERS => {
                // SAFETY: the fields are valid until the next call to the body.
                Poll::Ready(Some(Ok(Frame::Trailers(unsafe { copy_trailers(&frame) }))))
            }
            TORU_DONE => Poll::Ready(Some(self.own(&frame).map(Frame::Data))),
            TORU_END => {
                self.ended = true;
                Poll::Ready(None)
            }
            error => {
                self.ended = true;
                Poll::Ready(Some(Err(BodyError::from_status(error))))
            }
        }
    }

    /// How much is to come.
    pub(crate) fn hint(&self) -> Hint {
        if self.ended {
            return Hint::ENDED;
        }
        let mut hint = ToruBodyHint::unknown();
        let status = self.vt().hint.map(|ask| {
            // SAFETY: alive, and used by one thread at a time; the struct outlives the call.
            unsafe { ask(self.raw.as_ptr(), &raw mut hint) }
        });
        let is_told = |flag| status == Some(TORU_DONE) && hint.flags & flag != 0;
        Hint {
            exact: is_told(TORU_HINT_EXACT).then_some(hint.len),
            is_ended: is_told(TORU_HINT_ENDED),
        }
    }

    fn own(&mut self, frame: &ToruFrame) -> Result<Bytes, BodyError> {
        let mut bytes = frame.bytes;
        if frame.flags & TORU_FRAME_BORROWED != 0 {
            let own = self.vt().own.ok_or(BodyError::Disconnected)?;
            bytes = ToruBytes::EMPTY;
            // SAFETY: follows the poll that lent the bytes; `bytes` is ours.
            let status = unsafe { own(self.raw.as_ptr(), &raw mut bytes) };
            if status != TORU_DONE {
                return Err(BodyError::from_status(status));
            }
        }
        // SAFETY: owned now: by the frame itself or by `own`.
        Ok(Bytes::foreign(unsafe { ForeignBytes::from_raw(bytes) }))
    }

    fn vt(&self) -> &ToruBodyVt {
        // SAFETY: the body is alive while we hold it.
        unsafe { table_of(self.raw.as_ptr()) }
    }
}

impl Drop for HostBody {
    fn drop(&mut self) {
        if let Some(release) = self.vt().release {
            // SAFETY: ours, and released once.
            unsafe { release(self.raw.as_ptr()) };
        }
    }
}

/// # Safety
///
/// The frame's fields are valid.
unsafe fn copy_trailers(frame: &ToruFrame) -> Trailers {
    let mut trailers = Trailers::new();
    for i in 0..frame.n_headers {
        // SAFETY: the array has `n_headers` elements, as the caller guarantees.
        let header = unsafe { frame.headers.add(i) };
        // SAFETY: as above.
        let header = unsafe { header.read() };
        // SAFETY: the slices are as valid as the array.
        let name = unsafe { header.name.as_bytes() }.unwrap_or_default();
        // SAFETY: as above.
        let value = unsafe { header.value.as_bytes() }.unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        trailers = trailers.with(Cow::<'static, str>::Owned(name), value.to_vec());
    }
    trailers
}

/// A response body of the author's, as the host reads it.
#[repr(C)]
struct StreamBody {
    base: ToruBody,
    scope: Scope,
    stream: Option<Pin<Box<dyn BodyStream>>>,
    trailers: Trailers,
    fields: Vec<ToruHeader>,
}

static STREAM_VT: ToruBodyVt = ToruBodyVt {
    size: size_word::<ToruBodyVt>(),
    flags: 0,
    poll: Some(stream_poll),
    own: None,
    hint: Some(stream_hint),
    release: Some(stream_release),
};

/// Hands a stream over.
pub(super) fn stream_into_toru(stream: Pin<Box<dyn BodyStream>>, scope: &Scope) -> *mut ToruBody {
    let body = StreamBody {
        base: ToruBody { vt: &STREAM_VT },
        scope: scope.clone(),
        stream: Some(stream),
        trailers: Trailers::new(),
        fields: Vec::new(),
    };
    Box::into_raw(Box::new(body)).cast()
}

/// Releases a body that the host did not take.
///
/// # Safety
///
/// The caller owns it.
pub(super) unsafe fn release(body: *mut ToruBody) {
    // SAFETY: alive, as the caller guarantees.
    let vt = unsafe { table_of::<_, ToruBodyVt>(body) };
    if let Some(release) = vt.release {
        // SAFETY: the caller gives it up.
        unsafe { release(body) };
    }
}

unsafe extern "C" fn stream_poll(body: *mut ToruBody, waker: *const ToruWaker, frame: *mut ToruFrame) -> u32 {
    // SAFETY: only `STREAM_VT` leads here, one call at a time.
    let this = unsafe { &mut *body.cast::<StreamBody>() };
    let StreamBody {
        scope,
        stream: place,
        trailers,
        fields,
        ..
    } = this;
    let status = guard(scope, None, || {
        let Some(stream) = place.as_mut() else {
            return TORU_END;
        };
        // SAFETY: the waker is valid during this call.
        let poll = unsafe {
            with_std_waker(waker, |waker| {
                stream.as_mut().poll_frame(&mut Context::from_waker(waker))
            })
        };
        match poll {
            Poll::Pending => TORU_PENDING,
            Poll::Ready(None) => TORU_END,
            Poll::Ready(Some(Err(PluginError::Body(error)))) => error.to_status(),
            Poll::Ready(Some(Err(_))) => TORU_FAILED,
            Poll::Ready(Some(Ok(next))) => {
                let next = lend(next, trailers, fields);
                // SAFETY: the host lends the frame for the call.
                unsafe { write_result(frame, next, field_end!(ToruFrame, n_headers)) };
                TORU_DONE
            }
        }
    });
    if status != TORU_DONE && status != TORU_PENDING {
        let stream = place.take();
        guard_drop(scope, || drop(stream));
    }
    status
}

/// A frame as it crosses. Trailers are lent: they and their fields stay where the last two arguments say.
fn lend(frame: Frame, trailers: &mut Trailers, fields: &mut Vec<ToruHeader>) -> ToruFrame {
    match frame {
        Frame::Data(bytes) => ToruFrame {
            kind: TORU_FRAME_DATA,
            bytes: into_toru(bytes),
            ..ToruFrame::empty()
        },
        Frame::Trailers(last) => {
            *trailers = last;
            let lend = |(name, value): (&str, &[u8])| ToruHeader {
                name: ToruSlice::new(name.as_bytes()),
                value: ToruSlice::new(value),
                flags: 0,
                reserved: 0,
            };
            *fields = trailers.iter().map(lend).collect();
            ToruFrame {
                kind: TORU_FRAME_TRAILERS,
                headers: fields.as_ptr(),
                n_headers: fields.len(),
                ..ToruFrame::empty()
            }
        }
    }
}

unsafe extern "C" fn stream_hint(body: *mut ToruBody, out: *mut ToruBodyHint) -> u32 {
    // SAFETY: as in `stream_poll`.
    let this = unsafe { &*body.cast::<StreamBody>() };
    guard(&this.scope, None, || {
        match this.stream.as_ref().and_then(|stream| stream.exact_len()) {
            None => TORU_NOT_FOUND,
            Some(len) => {
                let hint = ToruBodyHint {
                    flags: TORU_HINT_EXACT,
                    len,
                    ..ToruBodyHint::unknown()
                };
                // SAFETY: the host lends the struct for the call.
                unsafe { write_result(out, hint, field_end!(ToruBodyHint, len)) };
                TORU_DONE
            }
        }
    })
}

unsafe extern "C" fn stream_release(body: *mut ToruBody) {
    // SAFETY: released once, by its holder.
    let this = unsafe { Box::from_raw(body.cast::<StreamBody>()) };
    let StreamBody { scope, stream, .. } = *this;
    guard_drop(&scope, || drop(stream));
}
