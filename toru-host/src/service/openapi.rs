//! The description of the API for programs: OpenAPI 3.1, made from the list of endpoints and the documents' own types.

mod replies;
mod write;

use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use sha2::{Digest, Sha256};

use super::negotiate::is_known;
use super::path::Beside;
use crate::ffi::ResponseBody;

/// The document, written when it is asked for first: applications that never ask pay nothing.
#[derive(Debug, Default)]
pub(super) struct OpenApiDocument(OnceLock<Written>);

#[derive(Debug)]
struct Written {
    bytes: Bytes,
    etag: HeaderValue,
}

impl OpenApiDocument {
    /// The document, or word that the client has it already.
    pub(super) fn answer(&self, base: &str, beside: &Beside, head: &Parts) -> Response<ResponseBody> {
        let Written { bytes, etag } = self.0.get_or_init(|| Written::new(write::document(base, beside)));
        let mut response = Response::new(ResponseBody::head());
        let headers = response.headers_mut();
        headers.insert(ETAG, etag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if is_known(&head.headers, etag.as_bytes()) {
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
