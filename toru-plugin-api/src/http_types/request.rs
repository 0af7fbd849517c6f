//! Requests as those of `http`.

use bytes::BufMut as _;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use crate::abi::route as abi;
use crate::body::Body;
use crate::error::PluginError;
use crate::request::Request;
use crate::shim::Exchange;

/// The request as it is, its path the one below the plugin's own.
impl TryFrom<Request> for http::Request<Body> {
    type Error = PluginError;

    /// # Errors
    ///
    /// [`PluginError::BadRequest`], when the host lets something through that `http` has no place for.
    fn try_from(request: Request) -> Result<Self, PluginError> {
        below("", request)
    }
}

/// The request without `prefix` in front of its path.
pub(crate) fn below(prefix: &str, mut request: Request) -> Result<http::Request<Body>, PluginError> {
    let exchange = request.exchange();
    let mut converted = http::Request::new(Body::empty());
    *converted.method_mut() = method(exchange)?;
    *converted.uri_mut() = uri(prefix.as_bytes(), exchange)?;
    *converted.version_mut() = match exchange.version() {
        10 => Version::HTTP_10,
        20 => Version::HTTP_2,
        30 => Version::HTTP_3,
        _ => Version::HTTP_11,
    };
    *converted.headers_mut() = headers(exchange)?;
    *converted.body_mut() = request.take_body();
    Ok(converted)
}

fn method(exchange: &Exchange) -> Result<Method, PluginError> {
    Ok(match exchange.method() {
        abi::TORU_CONNECT => Method::CONNECT,
        abi::TORU_DELETE => Method::DELETE,
        abi::TORU_GET => Method::GET,
        abi::TORU_HEAD => Method::HEAD,
        abi::TORU_OPTIONS => Method::OPTIONS,
        abi::TORU_PATCH => Method::PATCH,
        abi::TORU_POST => Method::POST,
        abi::TORU_PUT => Method::PUT,
        abi::TORU_TRACE => Method::TRACE,
        _ => Method::from_bytes(exchange.method_name()).map_err(|_| odd("method"))?,
    })
}

fn uri(prefix: &[u8], exchange: &Exchange) -> Result<Uri, PluginError> {
    let (path, query) = (exchange.path(), exchange.query());
    let path = path.strip_prefix(prefix).unwrap_or(path);
    let path = if path.is_empty() { b"/" } else { path };
    let mut both = Vec::with_capacity(path.len() + 1 + query.len());
    both.put_slice(path);
    if !query.is_empty() {
        both.put_u8(b'?');
        both.put_slice(query);
    }
    let both = PathAndQuery::from_maybe_shared(bytes::Bytes::from(both)).map_err(|_| odd("path"))?;
    Ok(both.into())
}

fn headers(exchange: &Exchange) -> Result<HeaderMap, PluginError> {
    let fields = exchange.headers();
    let mut headers = HeaderMap::with_capacity(fields.size_hint().0);
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| odd("header"))?;
        let value = HeaderValue::from_bytes(value).map_err(|_| odd("header"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn odd(what: &str) -> PluginError {
    PluginError::BadRequest(format!("the host let a {what} through that HTTP does not allow"))
}
