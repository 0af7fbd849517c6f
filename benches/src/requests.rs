//! The requests, built outside of what is timed.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;

use crate::server::TOKEN;

/// A request as it is measured.
pub type BenchRequest = Request<Full<Bytes>>;

/// Length of a large body, both ways, in bytes.
pub const LARGE_LEN: usize = 64 * 1024;

static LARGE: LazyLock<Bytes> = LazyLock::new(|| vec![b'x'; LARGE_LEN].into());

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// GET with six headers and a path parameter, answered with 64 bytes of JSON.
    Small,
    /// The same from a handler that suspends once.
    Suspended,
    /// POST of 64 KiB, answered with a fresh copy of them.
    Large,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Small, Self::Suspended, Self::Large];

    /// Name on command lines and in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Suspended => "suspended",
            Self::Large => "large",
        }
    }

    /// Bytes of the answer's body.
    #[must_use]
    pub const fn answer_len(self) -> usize {
        match self {
            Self::Small | Self::Suspended => toru_benches_work::SMALL_LEN,
            Self::Large => LARGE_LEN,
        }
    }

    /// How many requests are built at a time.
    #[must_use]
    pub const fn batch(self) -> usize {
        match self {
            Self::Small | Self::Suspended => 256,
            Self::Large => 64,
        }
    }

    /// A request.
    ///
    /// # Panics
    ///
    /// Never: the parts are constants.
    #[must_use]
    pub fn request(self) -> BenchRequest {
        let (method, path, body) = match self {
            Self::Small => (Method::GET, "/api/plugins/bench/small/4711", Bytes::new()),
            Self::Suspended => (Method::GET, "/api/plugins/bench/suspended/4711", Bytes::new()),
            Self::Large => (Method::POST, "/api/plugins/bench/copy", LARGE.clone()),
        };
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost:8080")
            .header("user-agent", "bench/1.0")
            .header("accept", "application/json")
            .header("accept-encoding", "gzip, br")
            .header(toru_benches_work::TENANT, "acme")
            .header("x-request-id", "0123456789abcdef")
            .body(Full::new(body))
            .expect("the parts are constants")
    }

    /// The request as a client sends it over HTTP/1.1, to handlers below `base`, with the token of
    /// [`server`](crate::server).
    #[must_use]
    pub fn message(self, base: &str) -> Bytes {
        let (method, own, body) = match self {
            Self::Small => ("GET", "small/4711", &[][..]),
            Self::Suspended => ("GET", "suspended/4711", &[][..]),
            Self::Large => ("POST", "copy", &LARGE[..]),
        };
        let length = match body.len() {
            0 => String::new(),
            len => format!("content-length: {len}\r\n"),
        };
        let head = format!(
            "{method} {base}/{own} HTTP/1.1\r\nhost: localhost:8080\r\nauthorization: {TOKEN}\r\n\
             user-agent: bench/1.0\r\naccept: application/json\r\n{tenant}: acme\r\n\
             x-request-id: 0123456789abcdef\r\n{length}\r\n",
            tenant = toru_benches_work::TENANT,
        );
        [head.as_bytes(), body].concat().into()
    }

    /// A GET request for a path below the plugin's own.
    ///
    /// # Errors
    ///
    /// When the path is none.
    pub fn get(own: &str) -> crate::Result<BenchRequest> {
        Ok(Request::get(format!("/api/plugins/bench{own}")).body(Full::default())?)
    }
}
