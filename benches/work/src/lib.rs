//! What the measured handlers do, the same in every variant.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};

/// Header that a handler looks up.
pub const TENANT: &str = "x-tenant";
/// Media type of a small answer.
pub const JSON: &str = "application/json";
/// Second header of a small answer.
pub const VERSION: (&str, &str) = ("x-version", "1");
/// Length of a small answer in bytes.
pub const SMALL_LEN: usize = 64;

/// A small answer, freshly made: JSON of 64 bytes.
#[must_use]
pub fn small(id: &[u8], tenant: &[u8]) -> Vec<u8> {
    let mut json = Vec::with_capacity(SMALL_LEN);
    json.extend_from_slice(b"{\"id\":\"");
    json.extend_from_slice(id);
    json.extend_from_slice(b"\",\"tenant\":\"");
    json.extend_from_slice(tenant);
    json.extend_from_slice(b"\"");
    json.resize(SMALL_LEN - 1, b' ');
    json.push(b'}');
    json
}

/// The key of a stored value.
#[must_use]
pub fn stored_key(n: usize) -> Vec<u8> {
    format!("key-{n:08}").into_bytes()
}

/// Suspends once, with the wake-up already on its way.
#[derive(Debug, Default)]
pub struct SuspendOnce(bool);

impl Future for SuspendOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What [`NaivePlugin::call`] returns.
pub type NaiveFuture<'a> = Pin<Box<dyn Future<Output = Response<Bytes>> + Send + 'a>>;

/// A plugin without a contract: Rust types across the boundary, sound only between images of one compiler run.
pub trait NaivePlugin: Send + Sync {
    /// Answers a request.
    fn call(&self, request: Request<Bytes>) -> NaiveFuture<'_>;
}

/// Name of the one function of such a library.
pub const NAIVE_SYMBOL: &str = "make_naive_plugin";
/// Its type.
pub type MakeNaive = fn() -> Box<dyn NaivePlugin>;
