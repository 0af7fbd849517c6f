//! What all services do with their responses.

use http::header::{ALLOW, CONTENT_LENGTH};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body;

use super::path::Target;
use super::problem::Problem;
use crate::ffi::ResponseBody;

/// A response that is there already. In a box: it is rare, and a small future is cheaper to move.
pub(super) struct Later(Option<Box<Response<ResponseBody>>>);

impl Later {
    #[cold]
    pub(super) fn new(response: Response<ResponseBody>) -> Self {
        Self(Some(Box::new(response)))
    }

    /// The response; an empty one when it was taken already.
    pub(super) fn take(&mut self) -> Response<ResponseBody> {
        let response = self.0.take();
        response.map_or_else(|| Response::new(ResponseBody::default()), |response| *response)
    }
}

/// The methods of what can be read.
pub(super) const READ: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// What can be read.
pub(super) fn get(
    method: &Method,
    answer: impl FnOnce() -> Response<ResponseBody>,
) -> Response<ResponseBody> {
    match *method {
        Method::GET | Method::HEAD => to(method, answer()),
        _ => other_methods(method, READ),
    }
}

/// The response to a request of this method, which may be one for a head alone.
pub(super) fn to(method: &Method, mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    if *method == Method::HEAD {
        leave_body_out(&mut response);
    }
    response
}

/// A path that answers other methods; whoever asks which is told.
#[cold]
pub(super) fn other_methods(method: &Method, allow: HeaderValue) -> Response<ResponseBody> {
    if *method == Method::OPTIONS {
        let mut response = Response::new(ResponseBody::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().insert(ALLOW, allow);
        return response;
    }
    to(method, Problem::method_not_allowed(allow).into_response())
}

/// A path that the service does not answer.
#[cold]
pub(super) fn nothing(method: &Method, target: Target) -> Response<ResponseBody> {
    let problem = match target {
        Target::Invalid => Problem::invalid_path(),
        _ => Problem::unknown_route(),
    };
    to(method, problem.into_response())
}

/// Whether a response of this status has no body, whoever asks for it (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5).
pub(super) fn is_bare(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    )
}

/// The answer to a HEAD request: that to a GET, without the body but with its length where that is known.
pub(super) fn leave_body_out(response: &mut Response<ResponseBody>) {
    if is_bare(response.status()) {
        return;
    }
    if let Some(len) = response.body().size_hint().exact() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert(len.into());
    }
    *response.body_mut() = ResponseBody::head();
}
