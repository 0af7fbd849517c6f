//! Samples as server-sent events.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use toru_plugin_api::{BodyStream, Frame, PluginError};

use crate::sampler::Listener;

/// One event per sample. The host drops it when the client is gone, and with it the listener.
#[derive(Debug)]
pub(crate) struct Live(Listener);

impl Live {
    pub(crate) const fn new(listener: Listener) -> Self {
        Self(listener)
    }
}

impl BodyStream for Live {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, PluginError>>> {
        let sample = ready!(self.0.poll_sample(cx));
        Poll::Ready(sample.map(|sample| Ok(Frame::Data(format!("data: {sample}\n\n").into()))))
    }
}
