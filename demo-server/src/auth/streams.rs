//! Streams of events, and others, end with the session that opened them: who has signed out learns nothing more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Body as _, Frame, SizeHint};

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
    match id {
        Some(id) if is_stream(&response) => {
            let sessions = gatekeeper.sessions().clone();
            let ended = Box::pin(async move { sessions.ended(&id).await });
            response.map(|inner| Body::new(Bound { inner, ended }))
        }
        _ => response,
    }
}

/// Whether an answer may go on for longer than a session: events, and whatever does not say how long it is.
fn is_stream(response: &Response) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE);
    let essence = media_type.and_then(|it| it.as_bytes().split(|byte| *byte == b';').next());
    essence.is_some_and(|it| it.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
        || response.body().size_hint().exact().is_none()
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

#[cfg(test)]
mod tests {
    use http_body_util::channel::Channel;

    use super::{Body, Bytes, CONTENT_TYPE, Response, is_stream};

    fn is(media_type: &'static str, body: Body) -> bool {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, media_type.parse().unwrap());
        is_stream(&response)
    }

    #[test]
    fn streams_are_known_however_they_are_called() {
        for media_type in [
            "text/event-stream",
            "Text/Event-Stream",
            "text/event-stream ; charset=utf-8",
        ] {
            assert!(is(media_type, Body::from("data")), "{media_type}");
        }
        assert!(!is("text/event-streams", Body::from("data")));
        assert!(!is("application/json", Body::empty()));
        assert!(is("application/json", Body::new(Channel::<Bytes>::new(1).1)));
    }
}
