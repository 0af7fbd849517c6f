//! The future of a response.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Response};
use http_body::Body;

use super::api::PluginApi;
use super::authorize::{Identity, Refusal};
use super::path::Target;
use super::problem::Problem;
use crate::ffi::{BoxError, CallFuture, ResponseBody};
use crate::plugin::PluginId;

/// The response of [`PluginApi`]. Dropping it cancels the call to the plugin.
pub struct ResponseFuture<B>(Kind<B>);

/// What the response waits for.
pub(super) enum Kind<B> {
    /// A plugin's handler.
    Calling { call: CallFuture<B>, only_head: bool },
    /// The authoriser.
    Deciding {
        decision: Pin<Box<dyn Future<Output = Result<Identity, Refusal>> + Send>>,
        rest: Option<Box<(PluginApi, Target, Parts, B)>>,
    },
    /// A change of a plugin's state.
    Managing(Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>>),
    /// Nothing. In a box: it is rare, and a small future is cheaper to move.
    Ready(Option<Box<Response<ResponseBody>>>),
}

impl<B> ResponseFuture<B> {
    pub(super) const fn new(kind: Kind<B>) -> Self {
        Self(kind)
    }
}

impl<B> Future for ResponseFuture<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut self.0 {
                Kind::Calling { call, only_head } => {
                    return Poll::Ready(Ok(match std::task::ready!(Pin::new(call).poll(cx)) {
                        Ok(mut response) => {
                            finish(&mut response, *only_head);
                            response
                        }
                        Err(failure) => {
                            let plugin = failure.plugin.as_ref().map(PluginId::as_str).unwrap_or_default();
                            Problem::call(plugin, &failure.error).into_response()
                        }
                    }));
                }
                Kind::Managing(change) => return change.as_mut().poll(cx).map(Ok),
                Kind::Ready(response) => {
                    return Poll::Ready(Ok(response
                        .take()
                        .map_or_else(|| Response::new(ResponseBody::default()), |response| *response)));
                }
                Kind::Deciding { decision, rest } => {
                    let decided = std::task::ready!(decision.as_mut().poll(cx));
                    self.0 = match (decided, rest.take()) {
                        (Err(refusal), _) => Kind::refused(refusal),
                        (Ok(_), Some(rest)) => {
                            let (api, target, head, body) = *rest;
                            api.dispatch(target, head, body)
                        }
                        (Ok(_), None) => Kind::Ready(None),
                    };
                }
            }
        }
    }
}

/// Makes of a plugin's answer what reaches the client.
#[inline]
fn finish(response: &mut Response<ResponseBody>, only_head: bool) {
    let has_body = !response.body().is_end_stream();
    let headers = response.headers_mut();
    // Walking a few names is cheaper than looking two up.
    let (mut has_options, mut has_type) = (false, false);
    for name in headers.keys() {
        has_options |= *name == X_CONTENT_TYPE_OPTIONS;
        has_type |= *name == CONTENT_TYPE;
    }
    if !has_options {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    if has_body && !has_type {
        let unknown = HeaderValue::from_static("application/octet-stream");
        headers.insert(CONTENT_TYPE, unknown);
    }
    if only_head {
        leave_body_out(response);
    }
}

/// The answer to a HEAD request: that to a GET, without the body but with its length where that is known.
pub(super) fn leave_body_out(response: &mut Response<ResponseBody>) {
    if let Some(len) = response.body().size_hint().exact() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert(len.into());
    }
    *response.body_mut() = ResponseBody::head();
}

impl<B> fmt::Debug for ResponseFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Calling { .. } => "ResponseFuture(calling)",
            Kind::Deciding { .. } => "ResponseFuture(deciding)",
            Kind::Managing(_) => "ResponseFuture(managing)",
            Kind::Ready(_) => "ResponseFuture(ready)",
        })
    }
}

// The boxed futures are pinned by their boxes, the call by its cell; a body is moved only before it is polled.
impl<B> Unpin for ResponseFuture<B> {}
