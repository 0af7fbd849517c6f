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
#[cfg(feature = "http")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hint {
    pub(crate) exact: Option<u64>,
    pub(crate) is_ended: bool,
}

#[cfg(feature = "http")]
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

    #[cfg(feature = "http")]
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
                Some(Frame::Data(bytes)) => collected.push(bytes, max_bytes)?,
                Some(Frame::Trailers(_)) => {}
            }
        }
    }
}

/// What has arrived so far: the first piece as it is, copied together only when a second one follows.
#[derive(Default)]
struct Collected {
    bytes: Bytes,
}

impl Collected {
    fn push(&mut self, more: Bytes, max_bytes: usize) -> Result<(), BodyError> {
        if self.bytes.len() + more.len() > max_bytes {
            return Err(BodyError::TooLarge);
        }
        if self.bytes.is_empty() {
            self.bytes = more;
        } else {
            let mut joined = std::mem::take(&mut self.bytes).into_vec();
            joined.extend_from_slice(&more);
            self.bytes = joined.into();
        }
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
