//! Bodies: requests' for plugins to read, and plugins' for the host to send.

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::futures::OwnedNotified;
use toru_plugin_api::abi::body::{
    TORU_FRAME_BORROWED, TORU_FRAME_DATA, TORU_FRAME_TRAILERS, TORU_HINT_ENDED, TORU_HINT_EXACT, ToruBody,
    ToruBodyHint, ToruBodyVt, ToruFrame,
};
use toru_plugin_api::abi::bytes::{ToruBytes, ToruSlice};
use toru_plugin_api::abi::exchange::ToruHeader;
use toru_plugin_api::abi::op::{ToruWaker, with_std_waker};
use toru_plugin_api::abi::status::{
    TORU_DISCONNECTED, TORU_DONE, TORU_END, TORU_INVALID, TORU_PANICKED, TORU_PENDING, TORU_TOO_LARGE,
};
use toru_plugin_api::abi::{size_word, table_has};

use super::bytes::{from_plugin, to_plugin};
use super::gate::Permit;
use super::guard::{guard, guard_or};
use super::op::{checked_table, on_worker};
use super::response::{AnswerBody, read_headers};
use super::waker::SharedWaker;
use crate::error::BodyError;

/// Any error of a foreign body.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request body, whatever its type. Implemented for every `http_body::Body` that can be sent between threads.
pub(crate) trait RequestBody: Send + 'static {
    fn poll_bytes(self: Pin<&mut Self>, cx: &mut Context<'_>)
    -> Poll<Option<Result<Frame<Bytes>, BoxError>>>;
    fn is_end_stream(&self) -> bool;
    fn size_hint(&self) -> SizeHint;
}

impl<B> RequestBody for B
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn poll_bytes(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // `copy_to_bytes` does not copy where the data is `Bytes` already.
        let to_bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
        self.poll_frame(cx)
            .map(|frame| frame.map(|frame| frame.map(|f| f.map_data(to_bytes)).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        Body::is_end_stream(self)
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(self)
    }
}

/// A request body in a plugin's hands.
#[repr(C)]
pub(super) struct HostBody<B> {
    base: ToruBody,
    body: B,
    current: Bytes,
    trailers: HeaderMap,
    fields: Vec<ToruHeader>,
    ended: bool,
}

// SAFETY: the raw pointers are to a static table and into the body's own fields; nothing is tied to a thread.
unsafe impl<B: Send> Send for HostBody<B> {}

/// The table of a host body, followed by what tells one from a plugin's.
///
/// Addresses of generic tables are not unique, so they identify nothing; that of a static is.
#[repr(C)]
struct MarkedVt {
    vt: ToruBodyVt,
    mark: *const u8,
    body: fn() -> TypeId,
}

static MARK: u8 = 0;

impl<B: RequestBody> HostBody<B> {
    const VT: MarkedVt = MarkedVt {
        vt: ToruBodyVt {
            size: size_word::<MarkedVt>(),
            flags: 0,
            poll: Some(Self::poll),
            own: Some(Self::own),
            hint: Some(Self::hint),
            release: Some(Self::release),
        },
        mark: &raw const MARK,
        body: TypeId::of::<B>,
    };

    const fn table() -> *const ToruBodyVt {
        (&raw const *const { &Self::VT }).cast()
    }

    /// Makes a body that the plugin owns.
    pub(super) fn hand_over(body: B) -> *mut ToruBody {
        let this = Self {
            base: ToruBody { vt: Self::table() },
            body,
            current: Bytes::new(),
            trailers: HeaderMap::new(),
            fields: Vec::new(),
            ended: false,
        };
        Box::into_raw(Box::new(this)).cast()
    }

    /// Takes a body back that a plugin gives as its answer, if it is one of these.
    ///
    /// # Safety
    ///
    /// `body` is null or a live body that its holder gives up if this returns it.
    pub(super) unsafe fn take_back(body: *mut ToruBody) -> Option<Box<Self>> {
        if body.is_null() || !body.is_aligned() {
            return None;
        }
        // SAFETY: alive, and every table is readable up to its own size.
        let table = unsafe {
            checked_table::<_, MarkedVt>(body.cast_const(), |size| table_has!(MarkedVt, size, body))
        }?;
        if !std::ptr::eq(table.mark, &raw const MARK) || (table.body)() != TypeId::of::<B>() {
            return None;
        }
        // SAFETY: made by `hand_over` of the same type; the holder gives it up.
        Some(unsafe { Box::from_raw(body.cast::<Self>()) })
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // SAFETY: the body is pinned with the whole and never moved out; the other field is not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        if this.ended {
            return Poll::Ready(None);
        }
        // SAFETY: as above.
        let body = unsafe { Pin::new_unchecked(&mut this.body) };
        let polled = body.poll_bytes(cx);
        this.ended = matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }

    unsafe extern "C" fn poll(body: *mut ToruBody, waker: *const ToruWaker, frame: *mut ToruFrame) -> u32 {
        guard("body.poll", || {
            // SAFETY: called through the table of this body, one call at a time.
            let this = unsafe { &mut *body.cast::<Self>() };
            // SAFETY: bodies live in boxes and stay there.
            let pinned = unsafe { Pin::new_unchecked(&mut *this) };
            // SAFETY: the plugin's waker is valid for the call.
            let polled =
                unsafe { with_std_waker(waker, |waker| pinned.poll_next(&mut Context::from_waker(waker))) };
            let next = match polled {
                Poll::Pending => return TORU_PENDING,
                Poll::Ready(None) => return TORU_END,
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(error = &*error, "a request body ended early");
                    return BodyError::of(&*error).status_word();
                }
                Poll::Ready(Some(Ok(next))) => this.lend(next),
            };
            // SAFETY: the plugin lends the frame for the call.
            unsafe { frame.write(next) };
            TORU_DONE
        })
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

    unsafe extern "C" fn own(body: *mut ToruBody, out: *mut ToruBytes) -> u32 {
        guard("body.own", || {
            // SAFETY: called through the table of this body, one call at a time.
            let this = unsafe { &mut *body.cast::<Self>() };
            let owned = to_plugin(std::mem::take(&mut this.current));
            // SAFETY: the plugin lends the place for the call.
            unsafe { out.write(owned) };
            TORU_DONE
        })
    }

    unsafe extern "C" fn hint(body: *mut ToruBody, out: *mut ToruBodyHint) -> u32 {
        guard("body.hint", || {
            // SAFETY: called through the table of this body, one call at a time.
            let this = unsafe { &*body.cast::<Self>() };
            let hint = this.body.size_hint();
            let exact = if hint.exact().is_some() {
                TORU_HINT_EXACT
            } else {
                0
            };
            let ended = if this.ended || this.body.is_end_stream() {
                TORU_HINT_ENDED
            } else {
                0
            };
            let hint = ToruBodyHint {
                flags: exact | ended,
                len: hint.lower(),
                ..ToruBodyHint::unknown()
            };
            // SAFETY: the plugin lends the place for the call.
            unsafe { out.write(hint) };
            TORU_DONE
        })
    }

    unsafe extern "C" fn release(body: *mut ToruBody) {
        guard_or("body.release", (), || {
            // SAFETY: called through the table of this body by its owner, once.
            drop(unsafe { Box::from_raw(body.cast::<Self>()) });
        });
    }
}

/// A response body that a plugin produces piece by piece. Released once.
pub(super) struct PluginStream {
    raw: NonNull<ToruBody>,
    vt: &'static ToruBodyVt,
    waker: Option<SharedWaker>,
    exact: Option<u64>,
    ended: bool,
}

// SAFETY: a body may be used on any thread, one call at a time; all calls take `&mut self`.
unsafe impl Send for PluginStream {}
// SAFETY: nothing can be done with a shared reference.
unsafe impl Sync for PluginStream {}

impl PluginStream {
    /// Takes a plugin's body over. `None` when its table lacks what it must have; it stays the plugin's then.
    ///
    /// # Safety
    ///
    /// `raw` is null or a live body that its holder gives up if this returns it.
    pub(super) unsafe fn new(raw: *mut ToruBody) -> Option<Self> {
        let required = |size| table_has!(ToruBodyVt, size, release);
        // SAFETY: as the caller guarantees; tables of plugins live as long as the process.
        let vt = unsafe { checked_table::<_, ToruBodyVt>(raw.cast_const(), required) }?;
        if vt.poll.is_none() || vt.release.is_none() {
            return None;
        }
        Some(Self {
            raw: NonNull::new(raw)?,
            vt,
            waker: None,
            exact: None,
            ended: false,
        })
    }

    /// Asks how long the body is. Not done while the plugin hands it over: no function of ours calls back.
    fn learn_length(&mut self) {
        let Some(hint) = self.vt.hint else { return };
        let mut given = ToruBodyHint::unknown();
        let raw = self.raw.as_ptr();
        // SAFETY: the body is alive and not in use; the struct outlives the call.
        let status = on_worker(|| unsafe { hint(raw, &raw mut given) });
        self.exact = (status == TORU_DONE && given.flags & TORU_HINT_EXACT != 0).then_some(given.len);
    }

    fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let (false, Some(poll)) = (self.ended, self.vt.poll) else {
            return Poll::Ready(None);
        };
        let mut frame = ToruFrame::empty();
        let raw = self.raw.as_ptr();
        let status = self.waker.get_or_insert_with(SharedWaker::new).poll(cx, |waker| {
            // SAFETY: the body is alive and polled by one thread at a time; the frame outlives the call.
            let status = on_worker(|| unsafe { poll(raw, waker, &raw mut frame) });
            (status, status == TORU_PENDING)
        });
        let next = match status {
            TORU_PENDING => return Poll::Pending,
            // Less than was promised is not the end.
            TORU_END => self
                .exact
                .is_some_and(|left| left > 0)
                .then_some(Err(BodyError::Invalid)),
            // SAFETY: the plugin filled the frame in and says that it keeps the contract.
            TORU_DONE => Some(unsafe { take_frame(&frame) }.and_then(|frame| self.count(frame))),
            TORU_PANICKED => Some(Err(BodyError::Panicked)),
            _ => Some(Err(BodyError::Failed)),
        };
        self.ended = matches!(next, None | Some(Err(_)));
        Poll::Ready(next)
    }

    /// Takes a frame off the length that was promised; more than that is refused.
    fn count(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        if let (Some(left), Some(data)) = (&mut self.exact, frame.data_ref()) {
            *left = left.checked_sub(data.len() as u64).ok_or(BodyError::Invalid)?;
        }
        Ok(frame)
    }
}

impl Drop for PluginStream {
    fn drop(&mut self) {
        if let Some(release) = self.vt.release {
            // SAFETY: ours, and released once.
            on_worker(|| unsafe { release(self.raw.as_ptr()) });
        }
    }
}

/// # Safety
///
/// A plugin filled the frame in: its bytes are ours, its fields are readable.
unsafe fn take_frame(frame: &ToruFrame) -> Result<Frame<Bytes>, BodyError> {
    match frame.kind {
        TORU_FRAME_DATA if frame.flags == 0 => {
            // SAFETY: owned or static, as a frame from a plugin has to be.
            unsafe { from_plugin(frame.bytes) }
                .map(Frame::data)
                .ok_or(BodyError::Invalid)
        }
        TORU_FRAME_TRAILERS if frame.flags == 0 => {
            // SAFETY: valid until the next call to the body.
            unsafe { read_headers(frame.headers, frame.n_headers) }
                .map(Frame::trailers)
                .map_err(|reason| {
                    tracing::warn!(reason, "a plugin's trailers were refused");
                    BodyError::Invalid
                })
        }
        _ => Err(BodyError::Invalid),
    }
}

impl BodyError {
    fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        error
            .downcast_ref::<Self>()
            .copied()
            .unwrap_or(Self::Disconnected)
    }

    const fn status_word(self) -> u32 {
        match self {
            Self::TooLarge => TORU_TOO_LARGE,
            Self::Disconnected => TORU_DISCONNECTED,
            Self::Failed | Self::Invalid | Self::Panicked => TORU_INVALID,
        }
    }
}

/// The body of a response from a plugin.
///
/// While it streams, the plugin counts as busy: disabling it waits for the end, up to a limit.
#[derive(Default)]
pub struct ResponseBody(Repr);

#[derive(Default)]
enum Repr {
    #[default]
    Empty,
    Full(Bytes),
    /// Nothing, in the place of a body whose length is told by the header alone.
    Head,
    Stream(Box<Streaming>),
    Request(Pin<Box<dyn DynBody>>),
}

/// A plugin's stream on its way out.
struct Streaming {
    // The stream stands before the permit: it is released while the instance is still there.
    stream: PluginStream,
    permit: Permit,
    /// Resolves when the instance cancels what is left; made when the stream suspends for the first time.
    cancelled: Option<Pin<Box<OwnedNotified>>>,
}

impl Streaming {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let instance = self.permit.instance();
        let stopped = Poll::Ready(Some(Err(BodyError::Failed)));
        if instance.is_cancelled() {
            return stopped;
        }
        let polled = self.stream.poll_next(cx);
        if polled.is_pending() {
            let cancelled = self
                .cancelled
                .get_or_insert_with(|| Box::pin(instance.cancellation()));
            if cancelled.as_mut().poll(cx).is_ready() || instance.is_cancelled() {
                return stopped;
            }
        }
        polled
    }
}

/// A request body on its way back, its type erased.
trait DynBody: Send {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>>;
    fn hint(&self) -> SizeHint;
}

impl<B: RequestBody> DynBody for HostBody<B> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.poll_next(cx)
    }

    fn hint(&self) -> SizeHint {
        if self.ended {
            SizeHint::with_exact(0)
        } else {
            self.body.size_hint()
        }
    }
}

impl ResponseBody {
    pub(super) fn new<B: RequestBody>(body: AnswerBody<B>, permit: Permit) -> Self {
        Self(match body {
            AnswerBody::Empty => Repr::Empty,
            AnswerBody::Full(bytes) => Repr::Full(bytes),
            AnswerBody::Stream(mut stream) => {
                stream.learn_length();
                Repr::Stream(Box::new(Streaming {
                    stream,
                    permit,
                    cancelled: None,
                }))
            }
            AnswerBody::Request(body) => Repr::Request(Box::into_pin(body)),
        })
    }

    /// A body that is there as a whole.
    pub(crate) const fn full(bytes: Bytes) -> Self {
        Self(Repr::Full(bytes))
    }

    /// What is left of a body in the answer to a HEAD request. Whatever produced it is released.
    pub(crate) const fn head() -> Self {
        Self(Repr::Head)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = match &mut self.0 {
            Repr::Empty | Repr::Head => return Poll::Ready(None),
            Repr::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Repr::Empty;
                return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
            }
            Repr::Stream(streaming) => streaming.poll(cx),
            Repr::Request(body) => body
                .as_mut()
                .poll(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|error| BodyError::of(&*error)))),
        };
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = Repr::Empty;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Repr::Empty | Repr::Head => true,
            Repr::Full(bytes) => bytes.is_empty(),
            Repr::Stream(..) | Repr::Request(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Repr::Empty => SizeHint::with_exact(0),
            Repr::Head => SizeHint::default(),
            Repr::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Repr::Stream(streaming) => streaming
                .stream
                .exact
                .map(SizeHint::with_exact)
                .unwrap_or_default(),
            Repr::Request(body) => body.hint(),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Repr::Empty | Repr::Head => "ResponseBody(empty)",
            Repr::Full(_) => "ResponseBody(bytes)",
            Repr::Stream(..) => "ResponseBody(stream)",
            Repr::Request(_) => "ResponseBody(request)",
        })
    }
}
