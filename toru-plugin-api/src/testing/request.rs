//! Requests to a plugin under test.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::call::Prepared;
use super::gate::Refused;
use super::policy;
use super::problem::Problem;
use super::response::MockResponse;
use super::routing::{Found, method_bit};
use super::running::Inner;
use super::sent::{BODY_MAX, Sent};
use crate::body::{Body, BodyStream};
use crate::shim::mock::Head;

/// A request that is being made. Nothing happens before [`send`](Self::send).
#[must_use = "nothing happens before it is sent"]
pub struct MockRequest {
    inner: Weak<Inner>,
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    user: Option<String>,
    roles: Vec<String>,
    body: Body,
}

impl MockRequest {
    pub(crate) fn new(inner: Weak<Inner>, method: &str, path: &str) -> Self {
        assert!(path.starts_with('/'), "the path `{path}` does not start with `/`");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self {
            inner,
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            user: None,
            roles: Vec::new(),
            body: Body::empty(),
        }
    }

    /// Appends a header field.
    ///
    /// # Panics
    ///
    /// When name or value are not what HTTP allows.
    #[expect(clippy::expect_used, reason = "a test with a wrong header is to fail")]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header value");
        self.headers.append(name, value);
        self
    }

    /// Has the host say who the request is from.
    pub fn user(mut self, name: &str) -> Self {
        self.user = Some(name.to_owned());
        self
    }

    /// Has the host say that the user has a role; may be called several times.
    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.to_owned());
        self
    }

    /// Sets the body: bytes, text, or a [`Body`] that is produced piece by piece.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a body in pieces, of which the plugin gets one at a time.
    pub fn stream(self, body: impl BodyStream) -> Self {
        self.body(Body::from_stream(body))
    }

    /// Sets the body to `value` as JSON, with its media type.
    ///
    /// # Panics
    ///
    /// When the value has no JSON form.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    #[expect(clippy::expect_used, reason = "a test with a wrong body is to fail")]
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Self {
        let body = serde_json::to_vec(value).expect("a value with a JSON form");
        self.header("content-type", "application/json").body(body)
    }

    /// Sends the request, and waits for the head of the response.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels the call, as when a client goes away.
    pub fn send(self) -> impl Future<Output = MockResponse> + Send + 'static {
        let only_head = self.method == "HEAD";
        async move {
            let (response, permit, gate) = match self.prepare() {
                Err(response) => (*response, None, None),
                Ok(prepared) => {
                    let gate = prepared.gate();
                    let (response, permit) = prepared.run(only_head).await;
                    (response, permit, Some(gate))
                }
            };
            response.finish(only_head, permit, gate.as_deref())
        }
    }

    /// Finds the route and makes the request ready for it, or says why not. What it returns does not keep the plugin's
    /// instance, but in its slot.
    fn prepare(mut self) -> Result<Prepared, Box<MockResponse>> {
        let refused = |problem| Err(Box::new(MockResponse::problem(problem)));
        let Some(inner) = self.inner.upgrade() else {
            return refused(Problem::refused(Refused::Stopping));
        };
        let method = method_bit(&self.method);
        let (route, params) = match inner.routes.find(&self.path, method) {
            Found::Route(route, params) => (route, params),
            Found::Nothing(problem) => return refused(problem),
            Found::OtherMethods(allow) => {
                let allow = HeaderValue::try_from(allow).unwrap_or(HeaderValue::from_static(""));
                if self.method == "OPTIONS" {
                    return Err(Box::new(MockResponse::options(allow)));
                }
                return refused(Problem::method_not_allowed(allow));
            }
        };
        let body = Sent::new(self.body);
        // What tells its length beforehand is not even begun.
        if body
            .as_ref()
            .and_then(Sent::len)
            .is_some_and(|len| len > BODY_MAX)
        {
            return refused(Problem::body_too_large(BODY_MAX));
        }
        let permit = match inner.gate.enter() {
            Ok(permit) => permit,
            Err(reason) => return refused(Problem::refused(reason)),
        };
        policy::enter(&mut self.headers, self.user.as_deref(), &self.roles);
        let head = Head {
            method,
            method_name: self.method,
            path: self.path,
            query: self.query,
            params,
            headers: self.headers,
            body: body.map(|body| Box::pin(body) as Pin<Box<dyn BodyStream>>),
        };
        let Some((call, is_blocking)) = Arc::clone(&inner.callee).call(route, head) else {
            return refused(Problem::unknown_route());
        };
        Ok(Prepared::new(&inner, call, is_blocking, permit))
    }
}

impl fmt::Debug for MockRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
