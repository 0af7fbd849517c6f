//! Bodies of requests and responses.

mod generate;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::bytes::Bytes;
use crate::error::{BodyError, PluginError};
use crate::headers::Trailers;
use crate::shim::{self, HostBody};

pub use generate::BodySender;

/// One piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// Bytes of the body.
    Data(Bytes),
    /// Fields that follow the body; nothing comes after them.
    Trailers(Trailers),
}

/// A response body that is produced piece by piece.
///
/// The host asks for a frame only when the client can take one, so a stream never runs ahead. When the client goes
/// away the stream is dropped.
pub trait BodyStream: Send + 'static {
    /// The next frame, or `None` at the end. An error cuts the response short, visibly for the client.
    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, PluginError>>>;

    /// The exact number of bytes to come, if it is known.
    fn exact_len(&self) -> Option<u64> {
        None
    }
}

/// The body of a request or a response.
///
/// A request's body can be made a response's as it is; it then streams through without being looked at.
#[derive(Default)]
pub struct Body(Inner);

#[derive(Default)]
pub(crate) enum Inner {
    #[default]
    Empty,
    Bytes(Bytes),
    Host(HostBody),
    Stream(Pin<Box<dyn BodyStream>>),
}

/// How much of a body is to come.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(feature = "http"),
    expect(
        dead_code,
        reason = "the end is told to whoever asks by the types of http-body"
    )
)]
pub(crate) struct Hint {
    pub(crate) exact: Option<u64>,
    pub(crate) is_ended: bool,
}

impl Hint {
    pub(crate) const ENDED: Self = Self {
        exact: Some(0),
        is_ended: true,
    };
}

impl Body {
    /// A body without bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Inner::Empty)
    }

    /// A body that is produced piece by piece. [`generate`](Self::generate) does it by an asynchronous function.
    pub fn from_stream(stream: impl BodyStream) -> Self {
        Self(Inner::Stream(Box::pin(stream)))
    }

    /// The next frame, or `None` at the end.
    ///
    /// # Errors
    ///
    /// When the body ends early or is too large. Nothing follows an error.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    pub async fn frame(&mut self) -> Option<Result<Frame, BodyError>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The whole body; trailers are dropped. A body that arrives in one piece is not copied.
    ///
    /// # Errors
    ///
    /// When the body ends early, or is larger than `max_bytes` or what the host allows.
    pub async fn collect(mut self, max_bytes: usize) -> Result<Bytes, BodyError> {
        let mut collected = Collected::default();
        poll_fn(|cx| self.poll_collect(cx, &mut collected, max_bytes)).await
    }

    /// Like [`collect`](Self::collect), for blocking handlers: parks the calling thread until the body is there.
    ///
    /// # Errors
    ///
    /// As [`collect`](Self::collect).
    pub fn collect_blocking(self, max_bytes: usize) -> Result<Bytes, BodyError> {
        shim::block_on(self.collect(max_bytes))
    }

    pub(crate) const fn host(body: HostBody) -> Self {
        Self(Inner::Host(body))
    }

    #[cfg(feature = "http")]
    pub(crate) const fn from_pinned(stream: Pin<Box<dyn BodyStream>>) -> Self {
        Self(Inner::Stream(stream))
    }

    pub(crate) fn hint(&self) -> Hint {
        let exact = |exact| Hint {
            exact,
            is_ended: false,
        };
        match &self.0 {
            Inner::Empty => Hint::ENDED,
            Inner::Bytes(bytes) if bytes.is_empty() => Hint::ENDED,
            Inner::Bytes(bytes) => exact(Some(bytes.len() as u64)),
            Inner::Host(body) => body.hint(),
            Inner::Stream(stream) => exact(stream.exact_len()),
        }
    }

    pub(crate) fn into_inner(self) -> Inner {
        self.0
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        match &mut self.0 {
            Inner::Empty => Poll::Ready(None),
            Inner::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Inner::Empty;
                Poll::Ready(Some(Ok(Frame::Data(bytes))))
            }
            Inner::Host(body) => body.poll_owned(cx),
            Inner::Stream(stream) => stream
                .as_mut()
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(BodyError::of_stream))),
        }
    }

    fn poll_collect(
        &mut self,
        cx: &mut Context<'_>,
        collected: &mut Collected,
        max_bytes: usize,
    ) -> Poll<Result<Bytes, BodyError>> {
        loop {
            let frame = std::task::ready!(self.poll_next(cx));
            match frame.transpose()? {
                None => return Poll::Ready(Ok(collected.take())),
                Some(Frame::Data(bytes)) => {
                    let to_come = || self.hint().exact.and_then(|len| usize::try_from(len).ok());
                    collected.push(bytes, max_bytes, to_come)?;
                }
                Some(Frame::Trailers(_)) => {}
            }
        }
    }
}

/// Most bytes that are reserved for what is said to come: what hosts let requests have by default.
const RESERVED_MAX: usize = 2 << 20;

/// What has arrived so far: the first piece as it is, copied together only when a second one follows.
#[derive(Default)]
struct Collected {
    bytes: Bytes,
    pieces: usize,
}

impl Collected {
    fn push(
        &mut self,
        more: Bytes,
        max_bytes: usize,
        to_come: impl FnOnce() -> Option<usize>,
    ) -> Result<(), BodyError> {
        let len = self.bytes.len() + more.len();
        if len > max_bytes {
            return Err(BodyError::TooLarge);
        }
        if self.bytes.is_empty() {
            self.bytes = more;
        } else {
            let first = std::mem::take(&mut self.bytes);
            let mut joined = if self.pieces == 1 {
                // Room for all of it, where that is known, so that nothing is moved later on. Whoever sends may say anything.
                let to_come = to_come().unwrap_or(0).min(RESERVED_MAX);
                let mut joined = Vec::with_capacity(len.saturating_add(to_come).min(max_bytes));
                joined.extend_from_slice(&first);
                joined
            } else {
                first.into_vec()
            };
            joined.extend_from_slice(&more);
            self.bytes = joined.into();
        }
        self.pieces += 1;
        Ok(())
    }

    fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Inner::Empty => "Body(empty)",
            Inner::Bytes(_) => "Body(bytes)",
            Inner::Host(_) => "Body(request)",
            Inner::Stream(_) => "Body(stream)",
        })
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self(Inner::Bytes(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of 1000 bytes, and what it says of the bytes to come.
    struct Pieces {
        left: usize,
        told: fn(u64) -> Option<u64>,
    }

    impl BodyStream for Pieces {
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame, PluginError>>> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            self.left -= 1;
            Poll::Ready(Some(Ok(Frame::Data(vec![b'x'; 1000].into()))))
        }

        fn exact_len(&self) -> Option<u64> {
            (self.told)(self.left as u64 * 1000)
        }
    }

    fn collect(left: usize, told: fn(u64) -> Option<u64>, max_bytes: usize) -> Result<Vec<u8>, BodyError> {
        let body = Body::from_stream(Pieces { left, told });
        body.collect_blocking(max_bytes).map(Bytes::into_vec)
    }

    #[test]
    fn a_body_of_known_length_is_collected_in_one_place() {
        for left in [1, 2, 7] {
            let whole = collect(left, Some, usize::MAX).unwrap();
            assert_eq!((whole.len(), whole.capacity()), (left * 1000, left * 1000));
            assert_eq!(collect(left, |_| None, usize::MAX).unwrap(), whole);
        }
    }

    #[test]
    fn a_length_that_is_made_up_reserves_no_more_than_a_body_may_have() {
        for max_bytes in [usize::MAX, 10 << 20] {
            let whole = collect(2, |_| Some(u64::MAX), max_bytes).unwrap();
            assert_eq!(whole.len(), 2000);
            assert!(whole.capacity() <= 2000 + RESERVED_MAX, "{}", whole.capacity());
        }
    }

    #[test]
    fn a_body_is_collected_up_to_what_is_allowed() {
        assert_eq!(collect(3, Some, 3000).unwrap().len(), 3000);
        assert_eq!(collect(3, Some, 2999), Err(BodyError::TooLarge));
        assert_eq!(collect(3, |_| None, 2999), Err(BodyError::TooLarge));
    }
}
