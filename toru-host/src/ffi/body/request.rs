//! Request bodies in plugins' hands.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::runtime::Handle;
use toru_plugin_api::abi::body::{
    TORU_FRAME_BORROWED, TORU_FRAME_DATA, TORU_FRAME_TRAILERS, TORU_HINT_ENDED, TORU_HINT_EXACT, ToruBody,
    ToruBodyHint, ToruBodyVt, ToruFrame,
};
use toru_plugin_api::abi::bytes::{ToruBytes, ToruSlice};
use toru_plugin_api::abi::exchange::ToruHeader;
use toru_plugin_api::abi::op::{ToruWaker, with_std_waker};
use toru_plugin_api::abi::status::{
    TORU_DISCONNECTED, TORU_DONE, TORU_END, TORU_INVALID, TORU_PENDING, TORU_TOO_LARGE,
};
use toru_plugin_api::abi::{field_end, size_word, write_result};

use super::{BoxError, RequestBody};
use crate::error::BodyError;
use crate::ffi::bytes::to_plugin;
use crate::ffi::guard::{enter, guard, guard_or};
use crate::fields::{clean_trailers, request_rule, response_rule};
use crate::lane::Lane;

/// A request body in a plugin's hands.
#[repr(C)]
pub(crate) struct HostBody {
    base: ToruBody,
    body: Pin<Box<dyn RequestBody>>,
    /// Where timers of the application's own body belong: the plugin may poll on a thread of its own.
    runtime: Option<Handle>,
    current: Bytes,
    trailers: HeaderMap,
    fields: Vec<ToruHeader>,
    state: State,
    lane: &'static Lane,
    /// Bytes that may still come.
    left: u64,
    /// Bytes that may still go back to the client, and those that have to.
    left_back: u64,
    promised: Option<u64>,
}

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Open,
    Ended,
    /// It never ends well: whoever asks again is told the same.
    Failed(BodyError),
}

// SAFETY: the raw pointers are to a static table and into the body's own fields; nothing is tied to a thread.
unsafe impl Send for HostBody {}

static TABLE: ToruBodyVt = ToruBodyVt {
    size: size_word::<ToruBodyVt>(),
    flags: 0,
    poll: Some(poll),
    own: Some(own),
    hint: Some(hint),
    release: Some(release),
};

impl HostBody {
    /// Makes a body that the plugin owns.
    pub(in crate::ffi) fn hand_over(body: impl RequestBody, lane: &'static Lane) -> *mut ToruBody {
        let this = Self {
            base: ToruBody { vt: &raw const TABLE },
            body: Box::pin(body),
            runtime: lane.runtime(),
            current: Bytes::new(),
            trailers: HeaderMap::new(),
            fields: Vec::new(),
            state: State::Open,
            lane,
            left: lane.limits.max_request_body,
            left_back: u64::MAX,
            promised: None,
        };
        Box::into_raw(Box::new(this)).cast()
    }

    /// Takes a body back that a plugin gives as its answer, if it is one of these.
    ///
    /// # Safety
    ///
    /// `body` is null or a live body that its holder gives up if this returns it.
    pub(in crate::ffi) unsafe fn take_back(body: *mut ToruBody) -> Option<Box<Self>> {
        if body.is_null() || !body.is_aligned() {
            return None;
        }
        // SAFETY: not null, and alive.
        let vt = unsafe { (*body).vt };
        // The address of a static tells: nobody else's table has it.
        if !std::ptr::eq(vt, &raw const TABLE) {
            return None;
        }
        // SAFETY: made by `hand_over`; the holder gives it up.
        Some(unsafe { Box::from_raw(body.cast::<Self>()) })
    }

    /// How much is to come.
    pub(in crate::ffi) fn size_hint(&self) -> SizeHint {
        match self.state {
            State::Open => self.body.size_hint(),
            State::Ended => SizeHint::with_exact(0),
            State::Failed(_) => SizeHint::default(),
        }
    }

    /// Lets at most so many bytes go back to the client, and has it be so many where that was said.
    pub(in crate::ffi) const fn hold_to(&mut self, max: u64, promised: Option<u64>) {
        self.left_back = max;
        self.promised = promised;
    }

    /// The next frame, its bytes not copied.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.state {
            State::Open => {}
            State::Ended => return Poll::Ready(None),
            State::Failed(error) => return Poll::Ready(Some(Err(error.into()))),
        }
        let mut polled = self.body.as_mut().poll_bytes(cx);
        let len = data_len(&polled);
        if len > self.left {
            polled = Poll::Ready(Some(Err(BodyError::TooLarge.into())));
        } else {
            self.left -= len;
            self.lane.bytes_in.add(len);
        }
        match &mut polled {
            Poll::Ready(None) => self.state = State::Ended,
            Poll::Ready(Some(Err(error))) => self.state = State::Failed(BodyError::of(&**error)),
            _ => {}
        }
        if let Some(trailers) = trailers_of(&mut polled) {
            clean_trailers(trailers, request_rule, |_| ());
        }
        polled
    }

    /// The next frame on its way back to the client.
    pub(super) fn poll_back(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut polled = self
            .poll_next(cx)
            .map(|next| next.map(|next| next.map_err(|error| BodyError::of(&*error))));
        let len = data_len(&polled);
        let left = self.left_back.checked_sub(len).ok_or(BodyError::TooLarge);
        // It is the plugin that said how much there is.
        let promised = match self.promised {
            Some(left) => left.checked_sub(len).map(Some).ok_or(BodyError::Invalid),
            None => Ok(None),
        };
        match (left, promised) {
            (Ok(left), Ok(promised)) => (self.left_back, self.promised) = (left, promised),
            (Err(error), _) | (_, Err(error)) => polled = Poll::Ready(Some(Err(error))),
        }
        let is_last = match &polled {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers(),
            _ => false,
        };
        if is_last && self.promised.is_some_and(|left| left > 0) {
            polled = Poll::Ready(Some(Err(BodyError::Invalid)));
        }
        if let Some(trailers) = trailers_of(&mut polled) {
            clean_trailers(trailers, response_rule, |_| ());
        }
        self.lane.bytes_out.add(data_len(&polled));
        polled
    }

    fn lend(&mut self, frame: Frame<Bytes>) -> ToruFrame {
        match frame.into_data() {
            Ok(data) => {
                self.current = data;
                let bytes = ToruBytes {
                    ptr: self.current.as_ptr(),
                    len: self.current.len(),
                    owner: std::ptr::null(),
                };
                ToruFrame {
                    flags: TORU_FRAME_BORROWED,
                    kind: TORU_FRAME_DATA,
                    bytes,
                    ..ToruFrame::empty()
                }
            }
            Err(frame) => {
                self.trailers = frame.into_trailers().unwrap_or_default();
                let lend = |(name, value): (&http::HeaderName, &http::HeaderValue)| ToruHeader {
                    name: ToruSlice::new(name.as_str().as_bytes()),
                    value: ToruSlice::new(value.as_bytes()),
                    flags: 0,
                    reserved: 0,
                };
                self.fields = self.trailers.iter().map(lend).collect();
                let (headers, n_headers) = (self.fields.as_ptr(), self.fields.len());
                ToruFrame {
                    kind: TORU_FRAME_TRAILERS,
                    headers,
                    n_headers,
                    ..ToruFrame::empty()
                }
            }
        }
    }
}

/// Bytes of data in what a poll brought.
pub(super) fn data_len<E>(polled: &Poll<Option<Result<Frame<Bytes>, E>>>) -> u64 {
    match polled {
        Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, |data| data.len() as u64),
        _ => 0,
    }
}

/// Trailers in what a poll brought.
pub(super) fn trailers_of<E>(polled: &mut Poll<Option<Result<Frame<Bytes>, E>>>) -> Option<&mut HeaderMap> {
    match polled {
        Poll::Ready(Some(Ok(frame))) => frame.trailers_mut(),
        _ => None,
    }
}

unsafe extern "C" fn poll(body: *mut ToruBody, waker: *const ToruWaker, frame: *mut ToruFrame) -> u32 {
    guard("body.poll", || {
        // SAFETY: called through the table of this body, one call at a time.
        let this = unsafe { &mut *body.cast::<HostBody>() };
        let runtime = this.runtime.clone();
        let _inside = runtime.as_ref().map(Handle::enter);
        // SAFETY: the plugin's waker is valid for the call.
        let polled =
            unsafe { with_std_waker(waker, |waker| this.poll_next(&mut Context::from_waker(waker))) };
        let next = match polled {
            Poll::Pending => return TORU_PENDING,
            Poll::Ready(None) => return TORU_END,
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(error = &*error, "a request body ended early");
                return status_word(BodyError::of(&*error));
            }
            Poll::Ready(Some(Ok(next))) => this.lend(next),
        };
        // SAFETY: the plugin lends the frame for the call.
        let written = unsafe { write_result(frame, next, field_end!(ToruFrame, n_headers)) };
        if written { TORU_DONE } else { TORU_INVALID }
    })
}

unsafe extern "C" fn own(body: *mut ToruBody, out: *mut ToruBytes) -> u32 {
    guard("body.own", || {
        // SAFETY: called through the table of this body, one call at a time.
        let this = unsafe { &mut *body.cast::<HostBody>() };
        if out.is_null() {
            return TORU_INVALID;
        }
        let owned = to_plugin(std::mem::take(&mut this.current));
        // SAFETY: the plugin lends the place for the call.
        unsafe { out.write(owned) };
        TORU_DONE
    })
}

unsafe extern "C" fn hint(body: *mut ToruBody, out: *mut ToruBodyHint) -> u32 {
    guard("body.hint", || {
        // SAFETY: called through the table of this body, one call at a time.
        let this = unsafe { &*body.cast::<HostBody>() };
        let hint = this.size_hint();
        let exact = if hint.exact().is_some() {
            TORU_HINT_EXACT
        } else {
            0
        };
        let ended = match this.state {
            State::Open if this.body.is_end_stream() => TORU_HINT_ENDED,
            State::Ended => TORU_HINT_ENDED,
            State::Open | State::Failed(_) => 0,
        };
        let hint = ToruBodyHint {
            flags: exact | ended,
            len: hint.lower(),
            ..ToruBodyHint::unknown()
        };
        // SAFETY: the plugin lends the place for the call.
        let written = unsafe { write_result(out, hint, field_end!(ToruBodyHint, len)) };
        if written { TORU_DONE } else { TORU_INVALID }
    })
}

unsafe extern "C" fn release(body: *mut ToruBody) {
    guard_or("body.release", (), || {
        // SAFETY: called through the table of this body by its owner, once.
        let this = unsafe { Box::from_raw(body.cast::<HostBody>()) };
        let runtime = this.runtime.clone();
        let _inside = runtime.as_ref().and_then(enter);
        drop(this);
    });
}

const fn status_word(error: BodyError) -> u32 {
    match error {
        BodyError::TooLarge => TORU_TOO_LARGE,
        BodyError::Disconnected => TORU_DISCONNECTED,
        BodyError::Failed | BodyError::Invalid | BodyError::Panicked => TORU_INVALID,
    }
}
