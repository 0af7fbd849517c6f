//! What a handler gets.

use std::borrow::Cow;
use std::fmt;

use crate::abi::route as abi;
use crate::body::Body;
use crate::bytes::Bytes;
use crate::error::BodyError;
use crate::percent;
use crate::shim::Exchange;

/// Most bytes that [`Request::bytes`] and its relatives read. The host may allow less.
const MAX_BYTES: usize = 64 << 20;

/// A request method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// CONNECT
    Connect,
    /// DELETE
    Delete,
    /// GET
    Get,
    /// HEAD
    Head,
    /// OPTIONS
    Options,
    /// Any other, by name.
    Other(String),
    /// PATCH
    Patch,
    /// POST
    Post,
    /// PUT
    Put,
    /// TRACE
    Trace,
}

/// A request to one of the plugin's routes.
///
/// Nothing of it is copied until it is asked for. It may be kept and moved to other threads freely.
pub struct Request {
    exchange: Exchange,
    pattern: &'static str,
    #[cfg(feature = "tower")]
    ctx: Option<crate::shim::Ctx>,
}

impl Request {
    pub(crate) const fn new(exchange: Exchange, pattern: &'static str) -> Self {
        Self {
            exchange,
            pattern,
            #[cfg(feature = "tower")]
            ctx: None,
        }
    }

    #[cfg(feature = "tower")]
    pub(crate) fn with_ctx(mut self, ctx: Option<crate::shim::Ctx>) -> Self {
        self.ctx = ctx;
        self
    }

    #[cfg(feature = "tower")]
    pub(crate) const fn ctx(&self) -> Option<crate::shim::Ctx> {
        self.ctx
    }

    #[cfg(feature = "http")]
    pub(crate) const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.exchange.method() {
            abi::TORU_CONNECT => Method::Connect,
            abi::TORU_DELETE => Method::Delete,
            abi::TORU_GET => Method::Get,
            abi::TORU_HEAD => Method::Head,
            abi::TORU_OPTIONS => Method::Options,
            abi::TORU_PATCH => Method::Patch,
            abi::TORU_POST => Method::Post,
            abi::TORU_PUT => Method::Put,
            abi::TORU_TRACE => Method::Trace,
            _ => Method::Other(String::from_utf8_lossy(self.exchange.method_name()).into_owned()),
        }
    }

    /// The raw path below the plugin's own, starting with `/`, still percent-encoded.
    #[must_use]
    pub fn path(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.exchange.path())
    }

    /// The raw query without its question mark; empty when there is none.
    #[must_use]
    pub fn query(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.exchange.query())
    }

    /// The first value of a name in the query, decoded.
    #[must_use]
    pub fn query_param(&self, name: &str) -> Option<Cow<'_, str>> {
        percent::query_value(self.exchange.query(), name)
    }

    /// What the route's pattern captured as `{name}` or `{*name}`, decoded.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        self.raw_param(name).map(|raw| percent::decode(raw, false))
    }

    /// What the route's pattern captured, as it was sent.
    #[must_use]
    pub fn raw_param(&self, name: &str) -> Option<&[u8]> {
        self.exchange
            .param(capture_index(self.pattern.as_bytes(), name.as_bytes())?)
    }

    /// The user that the host says the request is from; `None` for somebody unnamed. Nobody else can set this.
    #[must_use]
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.header("toru-user").map(|user| percent::decode(user, false))
    }

    /// The roles that the host says the user has. Nobody else can set this.
    pub fn roles(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let roles = self.header("toru-roles").into_iter();
        let roles = roles.flat_map(|roles| roles.split(|byte| *byte == b','));
        roles.map(|role| percent::decode(role, false))
    }

    /// The first value of a header, in any case of its name. Header values need not be UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.exchange.header(name.as_bytes())
    }

    /// All header fields in order; the names are in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.exchange.headers()
    }

    /// Takes the body. A second call gives an empty one.
    #[must_use]
    pub fn take_body(&mut self) -> Body {
        self.exchange.take_body().map_or_else(Body::empty, Body::host)
    }

    /// The body alone.
    #[must_use]
    pub fn into_body(mut self) -> Body {
        self.take_body()
    }

    /// Reads the whole body.
    ///
    /// # Errors
    ///
    /// When it ends early, or is larger than the host allows.
    pub async fn bytes(&mut self) -> Result<Bytes, BodyError> {
        self.take_body().collect(MAX_BYTES).await
    }

    /// Reads the whole body as UTF-8.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and when it is not UTF-8.
    pub async fn text(&mut self) -> Result<String, BodyError> {
        let bytes = self.bytes().await?;
        String::from_utf8(bytes.into_vec()).map_err(|_| BodyError::Malformed)
    }

    /// Reads the whole body as JSON.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and when it is not the JSON expected.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub async fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, BodyError> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|_| BodyError::Malformed)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

/// Which of a pattern's captures has that name.
fn capture_index(pattern: &[u8], name: &[u8]) -> Option<usize> {
    let mut index = 0;
    let mut rest = pattern;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        if *byte != b'{' {
            continue;
        }
        if let [b'{', behind @ ..] = rest {
            rest = behind;
            continue;
        }
        let (capture, behind) = rest.split_at(rest.iter().position(|byte| *byte == b'}')?);
        if capture.strip_prefix(b"*").unwrap_or(capture) == name {
            return Some(index);
        }
        index += 1;
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::capture_index;

    #[test]
    fn captures_are_numbered_in_order() {
        let index = |pattern: &str, name: &str| capture_index(pattern.as_bytes(), name.as_bytes());
        assert_eq!(index("/a/{b}/c/{*d}", "b"), Some(0));
        assert_eq!(index("/a/{b}/c/{*d}", "d"), Some(1));
        assert_eq!(index("/a/{b}/c/{*d}", "a"), None);
        assert_eq!(index("/{{literal}}/{x}.{y}", "x"), Some(0));
        assert_eq!(index("/{{literal}}/{x}.{y}", "y"), Some(1));
        assert_eq!(index("/{{literal}}/{x}.{y}", "literal"), None);
        assert_eq!(index("/plain", ""), None);
    }
}
