//! Bodies of responses on their way to the client.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::request::HostBody;
use super::stream::Streaming;
use crate::error::BodyError;
use crate::ffi::gate::Permit;
use crate::ffi::response::AnswerBody;
use crate::lane::InFlight;

/// The body of a response, from a plugin or from the host itself.
///
/// While a plugin streams it, the plugin counts as busy: disabling it waits for the end, up to a limit. A stream of events
/// (`text/event-stream`) has no end to wait for: it ends when its plugin is disabled, and clients may come back.
#[derive(Default)]
pub struct ResponseBody(Repr);

#[derive(Default)]
enum Repr {
    #[default]
    Empty,
    Full(Bytes),
    /// Nothing, in the place of a body whose length is told by the header alone.
    Head,
    Stream(Streaming),
    Request(Box<HostBody>),
    Host(HostStream),
}

/// A body that the host itself streams. No plugin has a part in it.
type HostStream = Pin<Box<dyn Body<Data = Bytes, Error = BodyError> + Send>>;

impl ResponseBody {
    pub(in crate::ffi) fn new(body: AnswerBody, permit: Permit, call: InFlight) -> Self {
        Self(match body {
            AnswerBody::Empty => Repr::Empty,
            AnswerBody::Full(bytes) => Repr::Full(bytes),
            AnswerBody::Stream(stream) => Repr::Stream(Streaming::new(stream, permit, call)),
            AnswerBody::Request(body) => Repr::Request(body),
        })
    }

    /// Says that the header calls it a stream of events.
    pub(in crate::ffi) fn set_events(&self) {
        if let Repr::Stream(streaming) = &self.0 {
            streaming.set_events();
        }
    }

    /// A body that is there as a whole.
    pub(crate) const fn full(bytes: Bytes) -> Self {
        Self(Repr::Full(bytes))
    }

    /// A body that the host itself streams.
    pub(crate) fn host(body: impl Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Self(Repr::Host(Box::pin(body)))
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
            Repr::Request(body) => body.poll_back(cx),
            Repr::Host(body) => body.as_mut().poll_frame(cx),
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
            Repr::Host(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Repr::Empty => SizeHint::with_exact(0),
            Repr::Head => SizeHint::default(),
            Repr::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Repr::Stream(streaming) => streaming.size_hint(),
            Repr::Request(body) => body.size_hint(),
            Repr::Host(body) => body.size_hint(),
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
            Repr::Host(_) => "ResponseBody(host)",
        })
    }
}
