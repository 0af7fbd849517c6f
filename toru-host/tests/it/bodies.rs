//! Test bodies: requests' for the host to send, and the plugin's own streams.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use toru_plugin_api::{BodyStream, PluginError};

/// A request body made of given frames, after which it ends, or of `len` bytes in chunks of which it counts the live.
pub(crate) struct Sending {
    frames: VecDeque<Result<Frame<Bytes>, std::io::Error>>,
    left: usize,
    chunk: usize,
    pub(crate) live: Arc<Live>,
}

/// How many chunks there are, and were at most.
#[derive(Default)]
pub(crate) struct Live {
    now: AtomicUsize,
    most: AtomicUsize,
    /// How many were asked for.
    pub(crate) asked: AtomicUsize,
}

impl Live {
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

struct Chunk(Vec<u8>, Arc<Live>);

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.1.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Sending {
    pub(crate) fn frames(frames: impl IntoIterator<Item = Result<Frame<Bytes>, std::io::Error>>) -> Self {
        Self {
            frames: frames.into_iter().collect(),
            left: 0,
            chunk: 1,
            live: Arc::default(),
        }
    }

    pub(crate) fn bytes(len: usize, chunk: usize) -> Self {
        Self {
            left: len,
            chunk,
            ..Self::frames([])
        }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.live.asked.fetch_add(1, Ordering::SeqCst);
        if self.left == 0 {
            return Poll::Ready(self.frames.pop_front());
        }
        let len = self.left.min(self.chunk);
        self.left -= len;
        let now = self.live.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.live.most.fetch_max(now, Ordering::SeqCst);
        let chunk = Chunk(vec![b'x'; len], Arc::clone(&self.live));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(chunk)))))
    }
}

/// A plugin's stream of `left` bytes in chunks, which counts how often it was asked.
pub(crate) struct Streaming {
    pub(crate) left: usize,
    pub(crate) chunk: usize,
    pub(crate) asked: Arc<AtomicUsize>,
}

impl BodyStream for Streaming {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<toru_plugin_api::Frame, PluginError>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let len = self.left.min(self.chunk);
        self.left -= len;
        Poll::Ready(Some(Ok(toru_plugin_api::Frame::Data(vec![b'y'; len].into()))))
    }
}

/// A plugin's stream that passes the frames of a request on, one by one.
pub(crate) struct Passing(pub(crate) toru_plugin_api::Body);

impl BodyStream for Passing {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<toru_plugin_api::Frame, PluginError>>> {
        let mut next = std::pin::pin!(self.0.frame());
        next.as_mut()
            .poll(cx)
            .map(|frame| frame.map(|frame| frame.map_err(PluginError::from)))
    }
}
