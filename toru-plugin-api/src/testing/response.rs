//! Responses of a plugin under test, as a client sees them.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use http::header::{ALLOW, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue};

use super::gate::{Gate, Permit};
use super::logs::{LogRecord, Logs};
use super::policy;
use super::problem::Problem;
use super::stream::Open;
use crate::body::Frame;
use crate::bytes::Bytes;
use crate::error::BodyError;
use crate::headers::Trailers;
use crate::log::Level;
use crate::shim::HostBody;
use crate::shim::mock::{AnswerBody, on_worker};

/// A response, as a client sees it.
///
/// Its body is read when it is asked for. A body that the plugin produces piece by piece is asked for one piece at a time, and
/// dropping the response is what a client does that goes away.
pub struct MockResponse {
    status: u16,
    headers: HeaderMap,
    body: Content,
    trailers: Option<Trailers>,
}

enum Content {
    Empty,
    Full(Bytes),
    /// Of the plugin, which may still be ended from outside.
    Stream(HostBody, Option<u64>),
    Open(Arc<Open>),
}

impl MockResponse {
    pub(crate) fn problem(problem: Problem) -> Self {
        let (status, headers, document) = problem.into_parts();
        let body = Content::Full(document.into());
        Self {
            status,
            headers,
            body,
            trailers: None,
        }
    }

    /// Which methods a path answers.
    pub(crate) fn options(allow: HeaderValue) -> Self {
        Self {
            status: 204,
            headers: HeaderMap::from_iter([(ALLOW, allow)]),
            body: Content::Empty,
            trailers: None,
        }
    }

    /// Leaves the body out where only the head was asked for; a stream keeps the place inside that its call had.
    pub(crate) fn finish(mut self, only_head: bool, permit: Option<Permit>, gate: Option<&Gate>) -> Self {
        if only_head && !is_bare(self.status) {
            let len = match &self.body {
                Content::Empty => Some(0),
                Content::Full(bytes) => Some(bytes.len() as u64),
                Content::Stream(_, len) => *len,
                Content::Open(_) => None,
            };
            if let Some(len) = len {
                self.headers.entry(CONTENT_LENGTH).or_insert(len.into());
            }
            let body = std::mem::replace(&mut self.body, Content::Empty);
            on_worker(|| drop(body));
        }
        self.body = match (self.body, permit, gate) {
            (Content::Stream(stream, left), Some(permit), Some(gate)) => {
                let open = Arc::new(Open::new(stream, left, permit));
                gate.watch(&open);
                Content::Open(open)
            }
            (body, ..) => body,
        };
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The first value of a header, in any case of its name; `None` also when it is not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All header fields.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    /// The next piece of the body, or `None` at its end.
    ///
    /// # Errors
    ///
    /// When the plugin failed while it produced the body: the client sees that the connection is cut.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    pub async fn frame(&mut self) -> Option<Result<Frame, BodyError>> {
        let next = match &mut self.body {
            Content::Empty | Content::Stream(..) => None,
            Content::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.body = Content::Empty;
                (!bytes.is_empty()).then_some(Ok(Frame::Data(bytes)))
            }
            Content::Open(open) => poll_fn(|cx| open.poll(cx)).await,
        };
        if let Some(Ok(Frame::Trailers(trailers))) = &next {
            self.trailers = Some(trailers.clone());
        }
        next
    }

    /// Reads the body to its end.
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame).
    pub async fn bytes(&mut self) -> Result<Bytes, BodyError> {
        let mut all = Vec::new();
        while let Some(next) = self.frame().await {
            if let Frame::Data(bytes) = next? {
                all.extend_from_slice(&bytes);
            }
        }
        Ok(all.into())
    }

    /// Reads the body to its end, as UTF-8.
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame), and when it is not UTF-8.
    pub async fn text(&mut self) -> Result<String, BodyError> {
        let bytes = self.bytes().await?.into_vec();
        String::from_utf8(bytes).map_err(|_| BodyError::Malformed)
    }

    /// Reads the body to its end, as JSON.
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame), and when it is not the JSON expected.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub async fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, BodyError> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|_| BodyError::Malformed)
    }

    /// The trailers, once the body was read to its end.
    #[must_use]
    pub const fn trailers(&self) -> Option<&Trailers> {
        self.trailers.as_ref()
    }
}

/// Makes of what a plugin answered what the client gets, or says why it is no response.
pub(crate) fn respond(
    status: u16,
    mut headers: HeaderMap,
    body: AnswerBody,
    only_head: bool,
    logs: &Logs,
) -> Result<MockResponse, String> {
    let mut body = match body {
        AnswerBody::Empty => Content::Empty,
        AnswerBody::Full(bytes) => Content::Full(bytes),
        AnswerBody::Stream(stream) => Content::Stream(stream, None),
    };
    let len = match &mut body {
        Content::Empty => Some(0),
        Content::Full(bytes) => Some(bytes.len() as u64),
        Content::Stream(stream, _) => on_worker(|| stream.hint().exact),
        Content::Open(_) => None,
    };
    let keeps = matches!(body, Content::Empty) && (only_head || status == 304);
    let promised = policy::check_length(&mut headers, len, keeps)?;
    if let Content::Stream(_, left) = &mut body {
        *left = promised;
    }
    if is_bare(status) {
        let body = std::mem::replace(&mut body, Content::Empty);
        on_worker(|| drop(body));
    }
    let has_body = match &body {
        Content::Full(bytes) => !bytes.is_empty(),
        Content::Empty => false,
        _ => true,
    };
    for name in policy::leave(&mut headers, has_body) {
        let message = "a header field of the plugin's responses is removed".to_owned();
        let mut record = LogRecord::of_host(Level::Warn, message);
        record.fields.push(("header".to_owned(), name.to_string()));
        logs.push(record);
    }
    Ok(MockResponse {
        status,
        headers,
        body,
        trailers: None,
    })
}

/// Whether a response of this status has no body, whoever asks for it.
const fn is_bare(status: u16) -> bool {
    matches!(status, 204 | 205 | 304)
}

impl fmt::Debug for MockResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
