//! What a handler answers.

use std::borrow::Cow;

use crate::body::Body;
use crate::headers::HeaderList;

/// A response.
///
/// Status, header names and values are checked by the host; a wrong one turns the answer into a 502 for the client
/// and an entry in the log.
///
/// # Examples
///
/// ```
/// use toru_plugin_api::Response;
///
/// let created = Response::text("made").with_status(201).with_header("location", "/things/1");
/// ```
#[derive(Debug)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderList,
    pub(crate) body: Body,
}

impl Response {
    /// An empty response with that status, 200 to 599.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: HeaderList::default(),
            body: Body::empty(),
        }
    }

    /// 200 with a body of that media type.
    pub fn with_type(media_type: impl Into<Cow<'static, str>>, body: impl Into<Body>) -> Self {
        let mut response = Self::new(200);
        response
            .headers
            .push("content-type".into(), into_bytes(media_type.into()));
        response.body = body.into();
        response
    }

    /// 200 with plain text.
    pub fn text(text: impl Into<Body>) -> Self {
        Self::with_type("text/plain; charset=utf-8", text)
    }

    /// 200 with HTML.
    pub fn html(html: impl Into<Body>) -> Self {
        Self::with_type("text/html; charset=utf-8", html)
    }

    /// 200 with `value` as JSON.
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON, a map with keys other than strings for example.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, crate::PluginError> {
        Ok(Self::with_type("application/json", serde_json::to_vec(value)?))
    }

    /// Sets the status, 200 to 599.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Appends a header field; fields of the same name are all sent.
    #[must_use]
    pub fn with_header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.headers.push(name.into(), into_bytes(value.into()));
        self
    }

    /// Appends a header field whose value is not text.
    #[must_use]
    pub fn with_header_bytes(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, [u8]>>,
    ) -> Self {
        self.headers.push(name.into(), value.into());
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }
}

fn into_bytes(text: Cow<'static, str>) -> Cow<'static, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}
