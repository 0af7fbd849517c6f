//! Responses from those of `http`, and as such.

use std::error::Error;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::body::Body;
use crate::error::PluginError;
use crate::headers::HeaderList;
use crate::response::Response;

/// Status, header and body; the header is not copied. Extensions are dropped, so there are no upgrades.
impl<B> From<http::Response<B>> for Response
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn from(response: http::Response<B>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status.as_u16(),
            headers: HeaderList::from_map(head.headers),
            body: Body::from_http(body),
        }
    }
}

impl TryFrom<Response> for http::Response<Body> {
    type Error = PluginError;

    /// # Errors
    ///
    /// When the status, a name or a value is none that HTTP allows.
    fn try_from(response: Response) -> Result<Self, PluginError> {
        let mut headers = HeaderMap::new();
        for (name, value) in response.headers.iter() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(PluginError::other)?;
            headers.append(name, HeaderValue::from_bytes(value).map_err(PluginError::other)?);
        }
        for (name, value) in response.headers.map().into_iter().flatten() {
            headers.append(name, value.clone());
        }
        let mut converted = Self::new(response.body);
        *converted.status_mut() = StatusCode::from_u16(response.status).map_err(PluginError::other)?;
        *converted.headers_mut() = headers;
        Ok(converted)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::{Body, Response};

    #[test]
    fn fields_survive_both_ways_whatever_they_hold() {
        let mut response = http::Response::new(Body::from("text"));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        for value in [&b"one"[..], b"two", b"\xFF\x80"] {
            response
                .headers_mut()
                .append("x-many", HeaderValue::from_bytes(value).unwrap());
        }
        let ours = Response::from(response).with_header("x-more", "three");
        let theirs: http::Response<Body> = ours.try_into().unwrap();
        assert_eq!(theirs.status(), 418);
        let many: Vec<_> = theirs.headers().get_all("x-many").iter().collect();
        assert_eq!(many, [&b"one"[..], b"two", b"\xFF\x80"]);
        assert_eq!(theirs.headers()["x-more"], "three");
        assert_eq!(theirs.into_body().collect_blocking(10).unwrap().as_ref(), b"text");
    }

    #[test]
    fn what_http_does_not_allow_is_an_error() {
        for response in [
            Response::new(7),
            Response::new(200).with_header("no name", ""),
            Response::new(200).with_header("x", "a\nb"),
        ] {
            http::Response::<Body>::try_from(response).unwrap_err();
        }
    }
}
