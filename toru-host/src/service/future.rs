//! The future of a response.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{ALLOW, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body;

use super::api::PluginApi;
use super::authorize::{Identity, Refusal};
use super::management::Changing;
use super::path::Target;
use super::problem::Problem;
use super::span::CallSpan;
use crate::ffi::{BoxError, CallFuture, ResponseBody};

/// The response of [`PluginApi`]. Dropping it cancels the call to the plugin.
pub struct ResponseFuture<B> {
    kind: Kind<B>,
    api: PluginApi,
    /// Whether the request is one for a head alone.
    only_head: bool,
}

/// What the response waits for.
pub(super) enum Kind<B> {
    /// A plugin's handler.
    Calling(CallFuture<B>, CallSpan),
    /// The authoriser.
    Deciding {
        decision: Pin<Box<dyn Future<Output = Result<Identity, Refusal>> + Send>>,
        rest: Option<Box<(Target, Parts, B)>>,
    },
    /// A change of a plugin's state.
    Managing(Changing),
    /// Nothing. In a box: it is rare, and a small future is cheaper to move.
    Ready(Option<Box<Response<ResponseBody>>>),
}

impl<B> ResponseFuture<B> {
    pub(super) const fn new(api: PluginApi, kind: Kind<B>, only_head: bool) -> Self {
        Self { kind, api, only_head }
    }
}

impl<B> Kind<B> {
    fn ready(response: Response<ResponseBody>) -> Self {
        Self::Ready(Some(Box::new(response)))
    }

    #[cold]
    pub(super) fn problem(problem: Problem) -> Self {
        Self::ready(problem.into_response())
    }

    /// What can be read.
    pub(super) fn get(method: &Method, answer: impl FnOnce() -> Response<ResponseBody>) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::ready(answer()),
            _ => Self::other_methods(method, HeaderValue::from_static("GET, HEAD, OPTIONS")),
        }
    }

    /// What can be done.
    pub(super) fn post(method: &Method, change: impl FnOnce() -> Changing) -> Self {
        match *method {
            Method::POST => Self::Managing(change()),
            _ => Self::other_methods(method, HeaderValue::from_static("POST, OPTIONS")),
        }
    }

    /// A path that answers other methods; whoever asks which is told.
    #[cold]
    pub(super) fn other_methods(method: &Method, allow: HeaderValue) -> Self {
        if *method == Method::OPTIONS {
            let mut response = Response::new(ResponseBody::default());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response.headers_mut().insert(ALLOW, allow);
            return Self::ready(response);
        }
        Self::problem(Problem::method_not_allowed(allow))
    }
}

impl<B> Future for ResponseFuture<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { kind, api, only_head } = self.get_mut();
        loop {
            match kind {
                Kind::Calling(call, span) => {
                    let answered = {
                        let _inside = span.enter();
                        ready!(Pin::new(&mut *call).poll(cx))
                    };
                    let called = call.called();
                    let mut response = match answered {
                        Ok((mut response, remarkable)) => {
                            if is_bare(response.status()) {
                                *response.body_mut() = ResponseBody::default();
                            }
                            span.end("answered", response.status());
                            let has_body = !response.body().is_end_stream();
                            api.policy()
                                .leave(response.headers_mut(), remarkable, has_body, called);
                            response
                        }
                        Err(error) => {
                            let problem = {
                                let _inside = span.enter();
                                Problem::call(called, &error).into_response()
                            };
                            span.end(error.code(), problem.status());
                            problem
                        }
                    };
                    if *only_head {
                        leave_body_out(&mut response);
                    }
                    return Poll::Ready(Ok(response));
                }
                Kind::Managing(change) => return change.as_mut().poll(cx).map(Ok),
                Kind::Ready(response) => {
                    let mut response = response
                        .take()
                        .map_or_else(|| Response::new(ResponseBody::default()), |response| *response);
                    if *only_head {
                        leave_body_out(&mut response);
                    }
                    return Poll::Ready(Ok(response));
                }
                Kind::Deciding { decision, rest } => {
                    let decided = ready!(decision.as_mut().poll(cx));
                    *kind = match (decided, rest.take()) {
                        (Err(refusal), _) => Kind::problem(Problem::refused(refusal)),
                        (Ok(identity), Some(rest)) => {
                            let (target, head, body) = *rest;
                            api.dispatch(target, head, body, &identity)
                        }
                        (Ok(_), None) => Kind::Ready(None),
                    };
                }
            }
        }
    }
}

/// Whether a response of this status has no body, whoever asks for it (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5).
fn is_bare(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    )
}

/// The answer to a HEAD request: that to a GET, without the body but with its length where that is known.
fn leave_body_out(response: &mut Response<ResponseBody>) {
    if is_bare(response.status()) {
        return;
    }
    if let Some(len) = response.body().size_hint().exact() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert(len.into());
    }
    *response.body_mut() = ResponseBody::head();
}

impl<B> fmt::Debug for ResponseFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Calling(..) => "ResponseFuture(calling)",
            Kind::Deciding { .. } => "ResponseFuture(deciding)",
            Kind::Managing(_) => "ResponseFuture(managing)",
            Kind::Ready(_) => "ResponseFuture(ready)",
        })
    }
}

// The boxed futures are pinned by their boxes, the call by its cell; a body is moved only before it is polled.
impl<B> Unpin for ResponseFuture<B> {}
