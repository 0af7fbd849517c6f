//! Streams of events end with the session that opened them: who has signed out learns nothing more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};

use super::Gatekeeper;

/// Binds the streams of what is behind it to sessions.
pub async fn bind(State(gatekeeper): State<Gatekeeper>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let id = if gatekeeper.has_token(&head) {
        None
    } else {
        gatekeeper.cookie.id(&head)
    };
    let response = next.run(Request::from_parts(head, body)).await;
    let media_type = response.headers().get(CONTENT_TYPE);
    let is_stream = media_type.is_some_and(|it| it.as_bytes().starts_with(b"text/event-stream"));
    match id {
        Some(id) if is_stream => {
            let sessions = gatekeeper.sessions().clone();
            let ended = Box::pin(async move { sessions.ended(&id).await });
            response.map(|inner| Body::new(Bound { inner, ended }))
        }
        _ => response,
    }
}

/// A body, until a session ends.
struct Bound {
    inner: Body,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl http_body::Body for Bound {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.ended.as_mut().poll(context).is_ready() {
            self.inner = Body::empty();
            self.ended = Box::pin(std::future::pending());
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
