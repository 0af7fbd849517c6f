//! Response bodies that plugins produce piece by piece.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use toru_plugin_api::abi::body::{
    TORU_FRAME_DATA, TORU_FRAME_TRAILERS, TORU_HINT_EXACT, ToruBody, ToruBodyHint, ToruBodyVt, ToruFrame,
};
use toru_plugin_api::abi::status::{TORU_DONE, TORU_END, TORU_PANICKED, TORU_PENDING};
use toru_plugin_api::abi::table_has;

use super::request::{data_len, trailers_of};
use crate::error::BodyError;
use crate::ffi::bytes::from_plugin;
use crate::ffi::faults::Fault;
use crate::ffi::gate::Permit;
use crate::ffi::op::{checked_table, on_worker};
use crate::ffi::response::{StaticNames, read_headers};
use crate::ffi::waker::SharedWaker;
use crate::ffi::watch::inside;
use crate::fields::{clean_trailers, response_rule};
use crate::lane::InFlight;

/// Most bytes of names and values in trailers.
const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// A stream on its way out, shared with the instance that it comes from.
///
/// The instance can end it at any time, also while a client that reads nothing keeps everybody from polling it.
#[derive(Debug)]
pub(crate) struct Streaming(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Empty once the stream has ended.
    open: Mutex<Option<Open>>,
    waker: SharedWaker,
    /// Whether it consists of events, and so has no end of its own.
    is_events: AtomicBool,
    /// Whether it was ended as such.
    is_over: AtomicBool,
}

/// A stream that has not ended. It is released before the permit is given back, while the instance is still there.
#[derive(Debug)]
struct Open {
    stream: PluginStream,
    permit: Permit,
    _call: InFlight,
    /// Since when there is something for the client that it has not taken, if there is.
    offered: Option<Instant>,
}

/// The streams of an instance.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    all: Mutex<Vec<Weak<Shared>>>,
    /// Whether streams of events are to end.
    is_closing: AtomicBool,
}

impl Streams {
    fn add(&self, stream: &Arc<Shared>) {
        let mut streams = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|stream| stream.strong_count() > 0);
        streams.push(Arc::downgrade(stream));
    }

    /// Ends all streams. One that is being polled right now ends itself when that returns.
    pub(in crate::ffi) fn end(&self) {
        let streams = std::mem::take(&mut *self.all.lock().unwrap_or_else(PoisonError::into_inner));
        for stream in streams.iter().filter_map(Weak::upgrade) {
            let open = match stream.open.try_lock() {
                Ok(mut open) => open.take(),
                Err(TryLockError::Poisoned(open)) => open.into_inner().take(),
                Err(TryLockError::WouldBlock) => None,
            };
            drop(open);
            stream.waker.wake();
        }
    }
}

impl Streams {
    /// Ends streams of events, which nobody can wait for: those that are there, and those to come.
    pub(in crate::ffi) fn end_events(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
        for stream in self.alive() {
            if stream.is_events.load(Ordering::SeqCst) {
                stream.is_over.store(true, Ordering::SeqCst);
                // One that is being polled right now ends itself when that returns.
                let open = stream.open.try_lock().map_or(None, |mut open| open.take());
                drop(open);
                stream.waker.wake();
            }
        }
    }

    fn alive(&self) -> Vec<Arc<Shared>> {
        let streams = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        streams.iter().filter_map(Weak::upgrade).collect()
    }

    /// Ends streams whose clients have taken nothing for longer than that. Tells whether there were any.
    #[cold]
    pub(crate) fn end_stalled(&self, limit: Duration) -> bool {
        let streams = self.alive();
        let mut ended = false;
        for stream in streams {
            // One that is being polled does not stand still.
            let Ok(mut open) = stream.open.try_lock() else {
                continue;
            };
            let is_stalled = |offered: Instant| offered.elapsed() > limit;
            let stalled = open.take_if(|open| open.offered.is_some_and(is_stalled));
            drop(open);
            ended |= stalled.is_some();
            drop(stalled);
            stream.waker.wake();
        }
        ended
    }
}

impl Streaming {
    pub(super) fn new(stream: PluginStream, permit: Permit, call: InFlight) -> Self {
        let instance = Arc::clone(permit.instance());
        let shared = Arc::new(Shared {
            open: Mutex::new(Some(Open {
                stream,
                permit,
                _call: call,
                offered: Some(Instant::now()),
            })),
            waker: SharedWaker::new(),
            is_events: false.into(),
            is_over: false.into(),
        });
        instance.streams().add(&shared);
        let streaming = Self(shared);
        // Either whoever ends all streams finds this one, or it finds here that they were ended.
        if instance.is_cancelled() {
            drop(streaming.open().take());
        }
        streaming
    }

    /// Says that it consists of events: it ends when its plugin is to stop, and nobody waits for more.
    #[cold]
    pub(super) fn set_events(&self) {
        self.0.is_events.store(true, Ordering::SeqCst);
        let mut open = self.open();
        // Either whoever ends streams of events finds it to be one, or it is found here that they were ended.
        let is_closing = |open: &mut Open| open.permit.instance().streams().is_closing.load(Ordering::SeqCst);
        let over = open.take_if(is_closing);
        if over.is_some() {
            self.0.is_over.store(true, Ordering::SeqCst);
        }
        drop(open);
        drop(over);
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let instance = self
            .open()
            .as_ref()
            .map(|open| Arc::clone(open.permit.instance()));
        let polled = self.poll_open(cx);
        // Whoever ends all streams may have come while this one was locked: either it is found unlocked there, or the end is
        // seen here.
        fence(Ordering::SeqCst);
        let is_over = self.0.is_over.load(Ordering::SeqCst);
        if is_over || instance.is_some_and(|instance| instance.is_cancelled()) {
            drop(self.open().take());
        }
        polled
    }

    fn poll_open(&self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut open = self.open();
        let stopped = Poll::Ready(Some(Err(BodyError::Failed)));
        let Some(Open {
            stream,
            permit,
            offered,
            ..
        }) = &mut *open
        else {
            return if self.0.is_over.load(Ordering::SeqCst) {
                Poll::Ready(None)
            } else {
                stopped
            };
        };
        let context = permit.instance().context();
        if permit.instance().is_cancelled() {
            *open = None;
            return stopped;
        }
        let mut polled = inside(context, || stream.poll_next(&self.0.waker, cx));
        *offered = polled.is_ready().then(Instant::now);
        context.lane().bytes_out.add(data_len(&polled));
        if permit.instance().is_cancelled() {
            // Told to stop while it was polled.
            *open = None;
            return stopped;
        }
        if let Some(trailers) = trailers_of(&mut polled) {
            clean_trailers(trailers, response_rule, |name| context.note_removed(name));
        }
        if let Poll::Ready(Some(Err(error))) = &polled {
            context.lane().broken_bodies.add(1);
            if *error == BodyError::Panicked {
                context.lane().panicked.add(1);
                context.faults().report(Fault::Panicked);
            }
        }
        polled
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let exact = self.open().as_ref().and_then(|open| open.stream.exact);
        exact.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// A response body that a plugin produces piece by piece. Released once.
#[derive(Debug)]
pub(crate) struct PluginStream {
    raw: NonNull<ToruBody>,
    vt: &'static ToruBodyVt,
    exact: Option<u64>,
    /// Bytes that may still come.
    left: u64,
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
    pub(in crate::ffi) unsafe fn new(raw: *mut ToruBody) -> Option<Self> {
        let required = |size| table_has!(ToruBodyVt, size, release);
        // SAFETY: as the caller guarantees; tables of plugins live as long as the process.
        let vt = unsafe { checked_table::<_, ToruBodyVt>(raw.cast_const(), required) }?;
        if vt.poll.is_none() || vt.release.is_none() {
            return None;
        }
        Some(Self {
            raw: NonNull::new(raw)?,
            vt,
            exact: None,
            left: u64::MAX,
            ended: false,
        })
    }

    /// Asks how long the body is, and lets it have at most `max` bytes. Not done while the plugin hands it over: no
    /// function of ours calls back.
    pub(in crate::ffi) fn learn_length(&mut self, max: u64) -> Option<u64> {
        self.left = max;
        let hint = self.vt.hint?;
        let mut given = ToruBodyHint::unknown();
        let raw = self.raw.as_ptr();
        // SAFETY: the body is alive and not in use; the struct outlives the call.
        let status = on_worker(|| unsafe { hint(raw, &raw mut given) });
        self.exact = (status == TORU_DONE && given.flags & TORU_HINT_EXACT != 0).then_some(given.len);
        self.exact
    }

    /// Holds the plugin to a length that it told otherwise.
    pub(in crate::ffi) const fn promise(&mut self, len: u64) {
        self.exact = Some(len);
    }

    fn poll_next(
        &mut self,
        waker: &SharedWaker,
        cx: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let (false, Some(poll)) = (self.ended, self.vt.poll) else {
            return Poll::Ready(None);
        };
        let mut frame = ToruFrame::empty();
        let raw = self.raw.as_ptr();
        let status = waker.poll(cx, |waker| {
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
        // Nothing follows trailers, whatever the plugin still has.
        self.ended = next
            .as_ref()
            .is_none_or(|next| next.as_ref().map_or(true, Frame::is_trailers));
        Poll::Ready(next)
    }

    /// Takes a frame off the length that was promised; more than that is refused, and so is less.
    fn count(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        let len = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.left = self.left.checked_sub(len).ok_or(BodyError::TooLarge)?;
        if let Some(left) = &mut self.exact {
            let len = frame.data_ref().map_or(*left, |data| data.len() as u64);
            let rest = left.checked_sub(len).filter(|_| frame.is_data() || *left == 0);
            *left = rest.ok_or(BodyError::Invalid)?;
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
            unsafe {
                read_headers(
                    frame.headers,
                    frame.n_headers,
                    TRAILER_BYTES_MAX,
                    &StaticNames::default(),
                )
            }
            .map(|fields| Frame::trailers(fields.headers))
            .map_err(|reason| {
                tracing::warn!(reason, "a plugin's trailers were refused");
                BodyError::Invalid
            })
        }
        _ => Err(BodyError::Invalid),
    }
}
