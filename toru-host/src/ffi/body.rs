//! Bodies: requests' for plugins to read, and plugins' for the host to send.

mod request;
mod response;
mod stream;

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

pub(super) use request::HostBody;
pub use response::ResponseBody;
pub(super) use stream::{PluginStream, Streams};

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

impl BodyError {
    fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        error
            .downcast_ref::<Self>()
            .copied()
            .unwrap_or(Self::Disconnected)
    }
}
