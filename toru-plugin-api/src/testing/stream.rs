//! The body of a response that the plugin produces piece by piece.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::gate::{End, Permit};
use super::policy;
use crate::body::Frame;
use crate::error::BodyError;
use crate::headers::Trailers;
use crate::shim::HostBody;
use crate::shim::mock::on_worker;

/// A stream that has not ended, and who waits for it.
pub(crate) struct Open(Mutex<(Option<Stream>, Option<Waker>)>);

struct Stream {
    // Dropped first, while the place inside is kept.
    stream: HostBody,
    /// Bytes that have to come, if that was said.
    left: Option<u64>,
    _permit: Permit,
}

impl Open {
    /// `left` is how many bytes have to come, if that was said.
    pub(crate) fn new(stream: HostBody, left: Option<u64>, permit: Permit) -> Self {
        let stream = Stream {
            stream,
            left,
            _permit: permit,
        };
        Self(Mutex::new((Some(stream), None)))
    }

    /// The next frame, or the end.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        place.1 = Some(cx.waker().clone());
        let Some(open) = &mut place.0 else {
            // Its end was seen before, or it was ended from outside, which is no end of its own.
            return Poll::Ready(None);
        };
        let next = std::task::ready!(on_worker(|| open.stream.poll_owned(cx)));
        let next = open.count(next);
        if !matches!(next, Some(Ok(Frame::Data(_)))) {
            let ended = place.0.take();
            on_worker(|| drop(ended));
        }
        Poll::Ready(next)
    }
}

impl Stream {
    /// Takes a frame off the length that was promised; more than that is refused, and so is less.
    fn count(&mut self, next: Option<Result<Frame, BodyError>>) -> Option<Result<Frame, BodyError>> {
        let len = match &next {
            Some(Ok(Frame::Data(bytes))) => bytes.len() as u64,
            _ => 0,
        };
        let left = self.left.map(|left| left.checked_sub(len));
        let is_last = !matches!(next, Some(Ok(Frame::Data(_))));
        if left == Some(None) || (is_last && left.flatten().is_some_and(|left| left > 0)) {
            return Some(Err(BodyError::Disconnected));
        }
        self.left = left.flatten();
        match next {
            Some(Ok(Frame::Trailers(trailers))) => {
                let passed = trailers.iter().filter(|(name, _)| policy::reaches_clients(name));
                let passed = passed.map(|(name, value)| (name.to_owned(), value.to_vec()));
                let passed = passed.fold(Trailers::new(), |all, (name, value)| all.with(name, value));
                Some(Ok(Frame::Trailers(passed)))
            }
            next => next,
        }
    }
}

impl End for Open {
    fn end(&self) {
        let (open, waker) = {
            let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            (place.0.take(), place.1.take())
        };
        on_worker(|| drop(open));
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.end();
    }
}
