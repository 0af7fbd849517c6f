//! A plugin's licence key: what may be seen of it, another one, none.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Buf;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::Body;
use serde::Deserialize;
use utoipa::ToSchema;

use super::management::{Changing, changed, json_response};
use super::problem::Problem;
use super::respond::{other_methods, to};
use crate::ffi::ResponseBody;
use crate::license::KEY_MAX;
use crate::manager::PluginManager;
use crate::plugin::PluginId;

/// Most bytes of a request's body: a key all of whose characters are escaped, and some room.
const BODY_MAX: usize = KEY_MAX * 6 + 1024;
/// How long a request's body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// What is answered here.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PUT, DELETE, OPTIONS");

/// What to do about a plugin's licence key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LicenseKey)]
pub(super) struct KeyDocument {
    /// The key, at most 16384 bytes. White space around it is removed.
    #[schema(write_only)]
    key: String,
}

/// Answers what is asked about the licence of that plugin, if it is known.
pub(super) fn answer<B>(manager: &PluginManager, id: &str, head: &Parts, body: B) -> Changing
where
    B: Body + Send + 'static,
{
    let (manager, method) = (manager.clone(), head.method.clone());
    let id = PluginId::new(id).ok().filter(|id| manager.status(id).is_some());
    let is_json = is_json(&head.headers);
    Box::pin(async move {
        if !matches!(method, Method::GET | Method::HEAD | Method::PUT | Method::DELETE) {
            return other_methods(&method, METHODS);
        }
        let Some(id) = id else {
            return to(&method, Problem::unknown_plugin().into_response());
        };
        match method {
            Method::PUT if !is_json => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send the key as JSON, with `Content-Type: application/json`",
            )
            .into_response(),
            Method::PUT => match read_key(&manager, body).await {
                Ok(key) => changed(&manager, &id, manager.set_license(&id, Some(key)).await),
                Err(problem) => problem.into_response(),
            },
            Method::DELETE => changed(&manager, &id, manager.set_license(&id, None).await),
            _ => to(&method, show(&manager, &id)),
        }
    })
}

fn show(manager: &PluginManager, id: &PluginId) -> Response<ResponseBody> {
    manager.license(id).map_or_else(
        || Problem::unknown_plugin().into_response(),
        |license| json_response(&license),
    )
}

/// Whether a body is JSON. A page of another site cannot send that without being asked for first.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

async fn read_key<B: Body>(manager: &PluginManager, body: B) -> Result<String, Problem> {
    let mut reading = pin!(read(body));
    let mut late = pin!({
        // The service may be polled by any executor.
        let _inside = manager.runtime().enter();
        tokio::time::sleep(BODY_TIME)
    });
    let read = poll_fn(|cx| match reading.as_mut().poll(cx) {
        Poll::Ready(read) => Poll::Ready(Some(read)),
        Poll::Pending => late.as_mut().poll(cx).map(|()| None),
    });
    let Some(text) = read.await else {
        let what = "the body did not arrive in time";
        return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", what));
    };
    let text = text?;
    let invalid = || {
        let what = "the body is `{\"key\": \"…\"}`, with the licence key in it";
        Problem::new(StatusCode::BAD_REQUEST, "invalid_body", what)
    };
    // A list of values would do for the library.
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(invalid());
    }
    // Not the error: it may quote what was sent.
    let document: KeyDocument = serde_json::from_slice(&text).map_err(|_| invalid())?;
    Ok(document.key)
}

async fn read<B: Body>(body: B) -> Result<Vec<u8>, Problem> {
    let mut body = pin!(body);
    let mut text = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::as_mut(&mut body).poll_frame(cx)).await {
        let incomplete = |_| {
            let what = "the body ended before it was complete";
            Problem::new(StatusCode::BAD_REQUEST, "invalid_body", what)
        };
        let Ok(mut data) = frame.map_err(incomplete)?.into_data() else {
            continue;
        };
        while data.has_remaining() {
            let chunk = data.chunk();
            if text.len() + chunk.len() > BODY_MAX {
                return Err(Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "body_too_large",
                    format!(
                        "the request's body is larger than {BODY_MAX} bytes, too large for a licence key"
                    ),
                ));
            }
            text.extend_from_slice(chunk);
            let len = chunk.len();
            data.advance(len);
        }
    }
    Ok(text)
}
