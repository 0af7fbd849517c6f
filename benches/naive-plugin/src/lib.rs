//! The measured handlers behind a trait object, with no contract at all.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use toru_benches_work::{JSON, NaiveFuture, NaivePlugin, SuspendOnce, TENANT, VERSION, small};

struct Naive;

impl NaivePlugin for Naive {
    fn call(&self, request: Request<Bytes>) -> NaiveFuture<'_> {
        Box::pin(async move {
            let path = request.uri().path();
            let (route, id) = path.rsplit_once('/').unwrap_or_default();
            if route.ends_with("/suspended") {
                SuspendOnce::default().await;
            }
            if id == "copy" {
                return Response::new(request.body().to_vec().into());
            }
            let tenant = request.headers().get(TENANT).map(HeaderValue::as_bytes);
            let body = small(id.as_bytes(), tenant.unwrap_or_default());
            let mut response = Response::new(body.into());
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
            headers.insert(VERSION.0, HeaderValue::from_static(VERSION.1));
            response
        })
    }
}

#[expect(unsafe_code, reason = "the exported symbol is named here")]
mod export {
    /// The one function of the library.
    #[unsafe(no_mangle)]
    pub(super) fn make_naive_plugin() -> Box<dyn super::NaivePlugin> {
        Box::new(super::Naive)
    }
}
