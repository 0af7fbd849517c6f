//! Bodies: this crate's as one of `http-body`, and any of those as this crate's.

use std::any::Any;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::Buf as _;
use http_body::SizeHint;
use pin_project_lite::pin_project;

use super::error::of_service;
use super::trailers;
use crate::body::{Body, BodyStream, Frame};
use crate::error::{BodyError, PluginError};

impl http_body::Body for Body {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
        let next = ready!(self.get_mut().poll_next(cx));
        Poll::Ready(next.map(|frame| match frame? {
            Frame::Data(bytes) => Ok(http_body::Frame::data(bytes.into())),
            Frame::Trailers(last) => trailers::to_map(&last).map(http_body::Frame::trailers),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.hint().is_ended
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.hint();
        match hint.exact {
            Some(len) => SizeHint::with_exact(len),
            None => SizeHint::default(),
        }
    }
}

impl Body {
    /// A body that comes from any [`http_body::Body`], frame by frame, trailers included.
    ///
    /// One that is there as a whole is taken out of it, so that nothing has to be polled for it later.
    pub fn from_http<B>(body: B) -> Self
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut body = Some(body);
        // A body of this crate is one already: that of a request goes back as it is.
        if let Some(own) = (&mut body as &mut dyn Any).downcast_mut::<Option<Self>>() {
            return own.take().unwrap_or_default();
        }
        let Some(body) = body.filter(|body| !body.is_end_stream()) else {
            return Self::empty();
        };
        let exact = body.size_hint().exact();
        let mut stream = Box::pin(HttpStream { first: None, body });
        if exact.is_some() {
            // Whoever polls the stream later registers a waker of their own, as always.
            let polled = stream
                .as_mut()
                .poll_frame(&mut Context::from_waker(Waker::noop()));
            match polled {
                Poll::Pending => {}
                Poll::Ready(None) => return Self::empty(),
                Poll::Ready(Some(Ok(Frame::Data(bytes)))) if stream.body.is_end_stream() => {
                    return bytes.into();
                }
                Poll::Ready(first) => *stream.as_mut().project().first = Some(first),
            }
        }
        Self::from_pinned(stream)
    }
}

type Next = Option<Result<Frame, PluginError>>;

pin_project! {
    /// A body of another crate as a stream.
    struct HttpStream<B> {
        // What was polled already.
        first: Option<Next>,
        #[pin]
        body: B,
    }
}

impl<B> BodyStream for HttpStream<B>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Next> {
        let this = self.project();
        if let Some(first) = this.first.take() {
            return Poll::Ready(first);
        }
        let next = ready!(this.body.poll_frame(cx));
        Poll::Ready(next.map(|next| {
            let data = match next.map_err(of_service)?.into_data() {
                // Not copied where it is one piece of `Bytes` already.
                Ok(mut data) => Frame::Data(data.copy_to_bytes(data.remaining()).into()),
                Err(other) => {
                    let last = other.into_trailers().unwrap_or_default();
                    Frame::Trailers(trailers::from_map(&last))
                }
            };
            Ok(data)
        }))
    }

    fn exact_len(&self) -> Option<u64> {
        let left = self.body.size_hint().exact()?;
        match &self.first {
            Some(Some(Ok(Frame::Data(bytes)))) => left.checked_add(bytes.len() as u64),
            _ => Some(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http_body::Body as _;

    use super::*;
    use crate::headers::Trailers;

    /// Frames, the first of them after a poll that ends pending, if there is one.
    struct Frames {
        pending: bool,
        left: Vec<http_body::Frame<bytes::Bytes>>,
        exact: Option<u64>,
    }

    impl http_body::Body for Frames {
        type Data = bytes::Bytes;
        type Error = BodyError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
            if std::mem::take(&mut self.pending) {
                return Poll::Pending;
            }
            Poll::Ready((!self.left.is_empty()).then(|| Ok(self.left.remove(0))))
        }

        fn is_end_stream(&self) -> bool {
            self.left.is_empty()
        }

        fn size_hint(&self) -> SizeHint {
            self.exact.map_or_else(SizeHint::default, SizeHint::with_exact)
        }
    }

    fn data(bytes: &'static [u8]) -> http_body::Frame<bytes::Bytes> {
        http_body::Frame::data(bytes.into())
    }

    fn next(body: &mut Body) -> Poll<Option<Result<Frame, BodyError>>> {
        body.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_body_that_is_there_as_a_whole_is_no_stream() {
        let mut frames = Frames {
            pending: false,
            left: vec![data(b"whole")],
            exact: Some(5),
        };
        assert_eq!(format!("{:?}", Body::from_http(frames)), "Body(bytes)");
        frames = Frames {
            pending: false,
            left: Vec::new(),
            exact: None,
        };
        assert_eq!(format!("{:?}", Body::from_http(frames)), "Body(empty)");
    }

    #[test]
    fn a_body_of_this_crate_stays_what_it_is() {
        let body = Body::from_http(Body::from("text"));
        assert_eq!(format!("{body:?}"), "Body(bytes)");
        let hint = body.size_hint();
        assert_eq!((hint.exact(), body.is_end_stream()), (Some(4), false));
        assert!(Body::empty().is_end_stream());
    }

    #[test]
    fn all_frames_come_in_order_whatever_the_length_says() {
        let mut last = HeaderMap::new();
        last.insert("x-sum", "7".parse().unwrap());
        for exact in [None, Some(4)] {
            for pending in [false, true] {
                let left = vec![data(b"ab"), data(b"cd"), http_body::Frame::trailers(last.clone())];
                let mut body = Body::from_http(Frames { pending, left, exact });
                if pending && exact.is_none() {
                    assert!(next(&mut body).is_pending());
                }
                for part in [b"ab", b"cd"] {
                    let Poll::Ready(Some(Ok(Frame::Data(bytes)))) = next(&mut body) else {
                        panic!("no data: {exact:?} {pending}")
                    };
                    assert_eq!(bytes.as_ref(), part);
                }
                let sum = Frame::Trailers(Trailers::new().with("x-sum", b"7".as_slice()));
                assert_eq!(next(&mut body), Poll::Ready(Some(Ok(sum))));
                assert_eq!(next(&mut body), Poll::Ready(None));
            }
        }
    }

    #[test]
    fn what_was_looked_at_already_counts_for_the_length() {
        let left = vec![data(b"ab"), data(b"cd")];
        let body = Body::from_http(Frames {
            pending: false,
            left,
            exact: Some(2),
        });
        assert_eq!(body.size_hint().exact(), Some(4), "two are left behind the first");
    }
}
