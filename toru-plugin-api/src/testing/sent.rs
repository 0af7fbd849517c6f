//! The body of a request on its way to the plugin.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::body::{Body, BodyStream, Frame, Inner};
use crate::error::{BodyError, PluginError};

/// Most bytes of a request's body, as hosts have it by default.
pub(crate) const BODY_MAX: u64 = 2 << 20;

/// A request's body on its way to the plugin.
pub(crate) struct Sent {
    body: Inner,
    left: u64,
}

impl Sent {
    /// `None` for a body without anything in it.
    pub(crate) fn new(body: Body) -> Option<Self> {
        let body = body.into_inner();
        let is_empty = match &body {
            Inner::Empty => true,
            Inner::Bytes(bytes) => bytes.is_empty(),
            _ => false,
        };
        let left = BODY_MAX;
        (!is_empty).then_some(Self { body, left })
    }

    /// How long it is, if that is known.
    pub(crate) fn len(&self) -> Option<u64> {
        match &self.body {
            Inner::Empty => Some(0),
            Inner::Bytes(bytes) => Some(bytes.len() as u64),
            Inner::Host(_) => None,
            Inner::Stream(stream) => stream.exact_len(),
        }
    }
}

impl BodyStream for Sent {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, PluginError>>> {
        let next = match &mut self.body {
            Inner::Empty => None,
            Inner::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.body = Inner::Empty;
                Some(Ok(Frame::Data(bytes)))
            }
            Inner::Host(body) => {
                std::task::ready!(body.poll_owned(cx)).map(|next| next.map_err(PluginError::Body))
            }
            Inner::Stream(stream) => std::task::ready!(stream.as_mut().poll_frame(cx)),
        };
        if let Some(Ok(Frame::Data(bytes))) = &next {
            match self.left.checked_sub(bytes.len() as u64) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(BodyError::TooLarge.into()))),
            }
        }
        Poll::Ready(next)
    }

    fn exact_len(&self) -> Option<u64> {
        self.len()
    }
}
