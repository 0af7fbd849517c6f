//! The host that authors test with, and this one: the same plugin answers the same requests alike in both.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::Value;
use toru_host::service::{Authorization, Identity, PluginApi};
use toru_plugin_api::testing::{MockHost, Running};
use toru_plugin_api::{
    Body, BodyStream, Frame, KvRange, KvTransaction, PluginContext, PluginError, PluginKvStore,
    PluginMetadata, PluginRoute, Request as PluginRequest, Response, ToruPlugin, Trailers,
};

use crate::host::{Decides, Host};
use crate::support::Place;

type Reply = Result<Response, PluginError>;

struct Many {
    ctx: PluginContext,
}

impl ToruPlugin for Many {
    const METADATA: PluginMetadata = PluginMetadata::new("many", "Many");

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        Ok(Self { ctx })
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![
            PluginRoute::get("/plain", Self::seen),
            PluginRoute::post("/plain", Self::seen),
            PluginRoute::put("/put", Self::seen),
            PluginRoute::any("/any", Self::seen),
            PluginRoute::head("/head", Self::seen),
            PluginRoute::options("/options", Self::seen),
            PluginRoute::get("/one/{name}", Self::seen),
            PluginRoute::get("/one/{name}/{other}.txt", Self::seen),
            PluginRoute::get("/one/fixed", Self::seen),
            PluginRoute::get("/rest/{*rest}", Self::seen),
            PluginRoute::get("/enabled", Self::seen),
            PluginRoute::get("/{{braces}}", Self::seen),
            PluginRoute::blocking_post("/blocking", Self::blocking),
            PluginRoute::any("/echo", Self::echo),
            PluginRoute::get("/answer/{kind}", Self::answer),
            PluginRoute::get("/fail/{kind}", Self::fail),
            PluginRoute::post("/kv/{what}", Self::kv),
        ]
    }
}

impl Many {
    /// All that a request tells.
    async fn seen(&self, mut request: PluginRequest) -> Reply {
        let captures = ["name", "other", "rest"];
        let captures = captures.map(|name| request.param(name).map(String::from));
        let headers: Vec<_> = request
            .headers()
            .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
            .collect();
        let told = format!(
            "{:?} {} {} {:?} {captures:?} {headers:?} {:?} {:?}",
            request.method(),
            request.path(),
            request.query(),
            request.query_param("q"),
            request.user(),
            request.roles().collect::<Vec<_>>(),
        );
        let body = request.text().await?;
        Ok(Response::text(format!("{told} {body:?}")))
    }

    fn blocking(&self, mut request: PluginRequest) -> Reply {
        let sent = request.take_body().collect_blocking(1 << 20)?;
        self.ctx.kv.blocking().set("sent", &*sent)?;
        let stored = self.ctx.kv.blocking().get("sent")?;
        Ok(Response::text(stored.unwrap_or_default()))
    }

    async fn echo(&self, mut request: PluginRequest) -> Reply {
        Ok(Response::new(200).with_body(request.take_body()))
    }

    async fn answer(&self, request: PluginRequest) -> Reply {
        let kind = request.param("kind").unwrap_or_default();
        let pieces = |told, pieces: &[&'static str]| {
            let pieces = pieces.iter().rev().copied().collect();
            let body = Body::from_stream(Pieces { told, pieces });
            Ok(Response::new(200).with_body(body))
        };
        match &*kind {
            "empty" => Ok(Response::new(200)),
            "none" => Ok(Response::text("is not sent").with_status(204)),
            "reset" => Ok(Response::text("is not sent").with_status(205)),
            "unmodified" => Ok(Response::new(304).with_header("content-length", "7")),
            "bytes" => Ok(Response::new(200).with_body(b"raw".as_slice())),
            "large" => Ok(Response::text("x".repeat(100_000))),
            "html" => Ok(Response::html("<p>").with_header("x-content-type-options", "no")),
            "headers" => Ok(Response::text("h")
                .with_header("Set-Cookie", "a=b")
                .with_header("X-Own", "1")
                .with_header("x-own", "2")
                .with_header("connection", "x-named")
                .with_header("x-named", "gone")
                .with_header("Toru-User", "me")),
            "length" => Ok(Response::text("four").with_header("content-length", "4")),
            "lies" => Ok(Response::text("four").with_header("content-length", "5")),
            "status" => Ok(Response::new(700)),
            "name" => Ok(Response::new(200).with_header("no name", "x")),
            "value" => Ok(Response::new(200).with_header("x-value", "a\nb")),
            "heavy" => Ok(Response::new(200).with_header("x-heavy", "x".repeat(20_000))),
            "stream" => pieces(None, &["one", "two", "three"]),
            "counted" => pieces(Some(11), &["one", "two", "three"]),
            "short" => pieces(Some(12), &["one", "two", "three"]),
            "long" => pieces(Some(5), &["one", "two", "three"]),
            "broken" => pieces(None, &["one", "!"]),
            "trailers" => pieces(None, &["one", "?"]),
            _ => Err(PluginError::NotFound("no such answer".to_owned())),
        }
    }

    async fn fail(&self, request: PluginRequest) -> Reply {
        let text = || "the reason".to_owned();
        Err(match &*request.param("kind").unwrap_or_default() {
            "request" => PluginError::BadRequest(text()),
            "conflict" => PluginError::Conflict(text()),
            "forbidden" => PluginError::Forbidden(text()),
            "missing" => PluginError::NotFound(text()),
            "teapot" => PluginError::Status(418, text()),
            "odd" => PluginError::Status(204, text()),
            "large" => PluginError::Body(toru_plugin_api::BodyError::TooLarge),
            "unsupported" => PluginError::Unsupported("this"),
            "other" => PluginError::other("the reason"),
            _ => panic!("the message"),
        })
    }

    async fn kv(&self, mut request: PluginRequest) -> Reply {
        let body = request.text().await?;
        let kv = self.ctx.kv;
        let shown = |shown: String| Ok(Response::text(shown));
        match &*request.param("what").unwrap_or_default() {
            "set" => {
                kv.set(&body, &body).await?;
                shown(format!("{:?}", kv.get(&body).await))
            }
            "wrong" => shown(format!(
                "{:?} {:?} {:?} {:?}",
                kv.set("", "x").await,
                kv.set(vec![b'k'; 1025], "x").await,
                kv.set("k", vec![0; (1 << 20) + 1]).await,
                kv.get_many(&vec!["k"; 10_001]).await,
            )),
            "add" => shown(format!(
                "{:?} {:?} {:?} {:?}",
                kv.increment("n", 40).await,
                kv.increment("n", 2).await,
                kv.increment("n", i64::MAX).await,
                kv.commit(&KvTransaction::new().set("n", "x").add("n", 1)).await,
            )),
            "check" => {
                let version = kv.compare_and_set("c", None, "1").await;
                shown(format!(
                    "{} {:?} {:?} {:?}",
                    version.is_ok(),
                    kv.compare_and_set("c", None, "2").await,
                    kv.compare_and_delete("c", 4711).await,
                    kv.compare_and_delete("c", version?).await,
                ))
            }
            "list" => {
                let mut all = KvTransaction::new();
                for key in ["l/a", "l/b", "l/c", "l/d", "m"] {
                    all = all.set(key, key);
                }
                kv.commit(&all).await?;
                let mut told = String::new();
                for range in [
                    KvRange::prefix("l/"),
                    KvRange::prefix("l/").descending(),
                    KvRange::all().from("l/b").until("l/d"),
                    KvRange::prefix("l/").after("l/b"),
                    KvRange::prefix("l/").after("a"),
                    KvRange::prefix("l/").after("z"),
                    KvRange::prefix("l/").descending().after("z"),
                    KvRange::all().from("z").until("a"),
                ] {
                    let page = kv.list(&range.limit(3)).await?;
                    let keys: Vec<_> = page.entries.iter().map(|entry| &entry.key).collect();
                    told += &format!("{keys:?} {:?}\n", page.cursor);
                }
                shown(told)
            }
            _ => Err(PluginError::BadRequest("what?".to_owned())),
        }
    }
}

/// A body in pieces, the last one first.
struct Pieces {
    told: Option<u64>,
    pieces: Vec<&'static str>,
}

impl BodyStream for Pieces {
    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame, PluginError>>> {
        let next = self.pieces.pop().map(|piece| match piece {
            "!" => Err(PluginError::other("cut short")),
            "?" => {
                let last = Trailers::new().with("x-sum", b"1".as_slice());
                Ok(Frame::Trailers(last.with("set-cookie", b"a=b".as_slice())))
            }
            piece => Ok(Frame::Data(piece.into())),
        });
        std::task::Poll::Ready(next)
    }

    fn exact_len(&self) -> Option<u64> {
        self.told
    }
}

/// What a client sees: status, header in order of names, body or that it was cut short, and trailers.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    headers: Vec<(String, String)>,
    body: Option<String>,
    trailers: Vec<(String, String)>,
}

fn seen(
    status: u16,
    headers: impl Iterator<Item = (String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    trailers: impl Iterator<Item = (String, Vec<u8>)>,
) -> Seen {
    let text = |(name, value): (String, Vec<u8>)| (name, value.escape_ascii().to_string());
    let (mut headers, trailers): (Vec<_>, _) = (headers.map(text).collect(), trailers.map(text).collect());
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    // A problem's reference is another one each time.
    let body = body.map(|body| match serde_json::from_slice::<Value>(&body) {
        Ok(mut problem) if problem["reference"].is_string() => {
            problem["reference"] = "…".into();
            problem.to_string()
        }
        _ => body.escape_ascii().to_string(),
    });
    Seen {
        status,
        headers,
        body,
        trailers,
    }
}

/// A request.
#[derive(Clone, Copy)]
struct Sent<'a> {
    method: &'a str,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

async fn really(api: &PluginApi, sent: Sent<'_>) -> Seen {
    let uri = format!("/api/plugins/many{}", sent.path);
    let mut request = Request::builder().method(sent.method).uri(uri);
    for (name, value) in sent.headers {
        request = request.header(*name, *value);
    }
    let body = Full::new(Bytes::copy_from_slice(sent.body));
    let Ok(response) = tower_service::Service::call(&mut api.clone(), request.body(body).unwrap()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let pairs = |map: &http::HeaderMap| -> Vec<_> {
        let pairs = map.iter();
        pairs
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect()
    };
    let answer = crate::host::read(response).await.ok();
    let trailers = answer.as_ref().and_then(|answer| answer.trailers.as_ref());
    let trailers = trailers.map(&pairs).unwrap_or_default();
    let body = answer.as_ref().map(|answer| answer.body.to_vec());
    seen(status, pairs(&headers).into_iter(), body, trailers.into_iter())
}

async fn mocked(plugin: &Running<Many>, sent: Sent<'_>) -> Seen {
    let mut request = plugin.request(sent.method, sent.path).body(sent.body.to_vec());
    for (name, value) in sent.headers {
        request = request.header(name, value);
    }
    let request = request.user("Jörg %").role("a,b").role("c");
    let mut response = request.send().await;
    let body = response.bytes().await.ok().map(|bytes| bytes.to_vec());
    let trailers: Vec<_> = response
        .trailers()
        .filter(|_| body.is_some())
        .map(|trailers| {
            let fields = trailers.iter();
            fields
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect()
        })
        .unwrap_or_default();
    let headers = response
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_vec()));
    seen(response.status(), headers, body, trailers.into_iter())
}

const PATHS: [&str; 43] = [
    "/plain",
    "/plain?q=a%20b&q=c",
    "/plain/",
    "/nowhere",
    "/any",
    "/head",
    "/options",
    "/one/J%C3%B6rg",
    "/one/a+b",
    "/one/a/b.txt",
    "/one/a/b.pdf",
    "/one/fixed",
    "/one/",
    "/one//b.txt",
    "/rest/",
    "/rest/a/b/c?",
    "/rest/a//b",
    "/rest/%2e%2e/x",
    "/rest/a%2fb",
    "/rest/%zz",
    "/rest/../x",
    "/enabled",
    "/enabled/x",
    "/-/x",
    "/{braces}",
    "/fail/request",
    "/fail/conflict",
    "/fail/forbidden",
    "/fail/missing",
    "/fail/teapot",
    "/fail/odd",
    "/fail/large",
    "/fail/unsupported",
    "/fail/other",
    "/answer/empty",
    "/answer/none",
    "/answer/reset",
    "/answer/unmodified",
    "/answer/bytes",
    "/answer/large",
    "/answer/html",
    "/answer/headers",
    "/answer/length",
];

const ODD: [&str; 11] = [
    "/answer/lies",
    "/answer/status",
    "/answer/name",
    "/answer/value",
    "/answer/heavy",
    "/answer/stream",
    "/answer/counted",
    "/answer/short",
    "/answer/long",
    "/answer/broken",
    "/answer/trailers",
];

#[tokio::test]
async fn a_plugin_answers_alike_in_the_host_for_tests() {
    let host = Host::with(Place::new(), |builder| {
        builder.register_static(toru_plugin_api::static_plugin!(Many))
    })
    .await;
    host.enable("many").await.unwrap();
    let identity = Identity::user("Jörg %").with_role("a,b").with_role("c");
    // Nobody asks which site it comes from; authors' tests are no browsers.
    let identity = identity.with_explicit_credential();
    let api = PluginApi::new(
        host.manager.clone(),
        Decides(move |_: &_| Authorization::allow(identity.clone())),
    );
    let mock = MockHost::new().start::<Many>().await.unwrap();
    let headers = [
        ("Accept", "text/html"),
        ("X-Own", "1"),
        ("cookie", "secret"),
        ("authorization", "secret"),
        ("toru-user", "mallory"),
        ("connection", "close, x-named"),
        ("x-named", "1"),
        ("te", "trailers"),
        ("x-own", "2"),
    ];
    let large = vec![b'x'; (2 << 20) + 1];
    let full = &large[..2 << 20];
    let request = |method, path, body| Sent {
        method,
        path,
        headers: &headers,
        body,
    };
    let mut all = Vec::new();
    for path in PATHS.into_iter().chain(ODD) {
        all.push(request("GET", path, b"".as_slice()));
        all.push(request("HEAD", path, b""));
    }
    for path in ["/plain", "/any", "/head", "/options", "/echo", "/one/x"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"] {
            all.push(request(method, path, b"body"));
        }
    }
    for what in ["set", "wrong", "add", "add", "check", "list", "what"] {
        let path: &str = match what {
            "set" => "/kv/set",
            "wrong" => "/kv/wrong",
            "add" => "/kv/add",
            "check" => "/kv/check",
            "list" => "/kv/list",
            _ => "/kv/what",
        };
        all.push(request("POST", path, b"a key"));
    }
    all.push(request("POST", "/kv/set", b"\xFF"));
    all.push(request("POST", "/blocking", b"to be stored"));
    all.push(request("POST", "/echo", full));
    all.push(request("POST", "/echo", &large));
    all.push(request("POST", "/nowhere", &large));
    all.push(request("GET", "/fail/panic", b""));
    for sent in all {
        let (real, mock) = (really(&api, sent).await, mocked(&mock, sent).await);
        assert_eq!(real, mock, "{} {}", sent.method, sent.path);
    }
    // What is compared differs where it should.
    let other = request("GET", "/plain?other", b"");
    assert_ne!(
        really(&api, other).await,
        mocked(&mock, request("GET", "/plain", b"")).await
    );

    assert!(mock.shutdown().await.is_clean());
}
