//! The application: a page of its own, and plugins beside it.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use toru_host::service::{PluginApi, ResponseBody};
use tower_service::Service as _;

/// A plugin's body, which may stream, or one of the application's own.
pub type Body = Either<ResponseBody, Full<Bytes>>;

/// Answers one request: everything below the plugins' base path by the plugins, the rest by the application.
///
/// # Errors
///
/// Never.
pub async fn answer(
    mut plugins: PluginApi,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    // The path stays whole: plugins are told where they are mounted.
    if plugins.answers(request.uri().path()) {
        return Ok(plugins.call(request).await?.map(Either::Left));
    }
    Ok(own(&request, &plugins).map(|text| Either::Right(Full::new(text.into()))))
}

/// The application's own page.
fn own<B>(request: &Request<B>, plugins: &PluginApi) -> Response<String> {
    match (request.uri().path(), request.method()) {
        ("/", &Method::GET | &Method::HEAD) => {
            let count = plugins.manager().list().len();
            text(StatusCode::OK, format!("hyper, and {count} plugins\n"))
        }
        ("/", _) => {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "GET it\n".to_owned());
            let allow = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allow);
            response
        }
        _ => text(StatusCode::NOT_FOUND, "there is no such page\n".to_owned()),
    }
}

fn text(status: StatusCode, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
