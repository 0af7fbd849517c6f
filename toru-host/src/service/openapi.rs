//! The description of the API for programs: OpenAPI 3.1, made from the list of endpoints and the documents' own types.

mod replies;
mod write;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use sha2::{Digest, Sha256};
use tower_service::Service;

use super::authorized::Authorized;
use super::negotiate::is_known;
use super::path::{Beside, Target};
use super::respond::{get, nothing};
use crate::ffi::ResponseBody;
use crate::manager::PluginManager;

/// What the API is, for programs: an OpenAPI document. It is written when it is asked for first: applications that never ask
/// pay nothing.
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct OpenApi(Arc<Document>);

#[derive(Debug)]
struct Document {
    base: Box<str>,
    beside: Beside,
    written: OnceLock<Written>,
}

#[derive(Debug)]
struct Written {
    bytes: Bytes,
    etag: HeaderValue,
}

impl OpenApi {
    /// The description of the services for the manager's plugins.
    #[must_use]
    pub fn new(manager: &PluginManager) -> Self {
        Self::from_parts(manager.base_path(), Beside::new(manager.base_path()))
    }

    pub(super) fn from_parts(base: &str, beside: Beside) -> Self {
        Self(Arc::new(Document {
            base: base.into(),
            beside,
            written: OnceLock::new(),
        }))
    }

    pub(super) fn answer<B>(&self, authorized: &Authorized<B>) -> Response<ResponseBody> {
        let Authorized { target, head, .. } = authorized;
        match *target {
            Target::OpenApi => get(&head.method, || self.0.answer(&head.headers)),
            target => nothing(&head.method, target),
        }
    }
}

impl<B> Service<Authorized<B>> for OpenApi {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Ready<Result<Response<ResponseBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, authorized: Authorized<B>) -> Self::Future {
        ready(Ok(self.answer(&authorized)))
    }
}

impl Document {
    /// The document, or word that the client has it already.
    fn answer(&self, headers: &HeaderMap) -> Response<ResponseBody> {
        let write = || Written::new(write::document(&self.base, &self.beside));
        let Written { bytes, etag } = self.written.get_or_init(write);
        let known = is_known(headers, etag.as_bytes());
        let mut response = Response::new(ResponseBody::head());
        let headers = response.headers_mut();
        headers.insert(ETAG, etag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = ResponseBody::full(bytes.clone());
        response
    }
}

impl Written {
    fn new(text: String) -> Self {
        let hash: String = Sha256::digest(&text)
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let tag = format!("\"{hash}\"");
        Self {
            bytes: text.into(),
            // There is nothing in it that a header value could not have.
            etag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\"")),
        }
    }
}
