//! The script of a plugin's frontend, as clients and caches get it.

use http::{HeaderMap, Request};
use http_body_util::Empty;
use serde_json::Value;
use sha2::{Digest, Sha256};
use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, PluginRoute, ToruPlugin};

use crate::host::{Answer, Host, read, until};
use crate::support::Place;

/// Long enough to be worth compressing.
static SCRIPT: &[u8] = &{
    let mut script = [b' '; 20_000];
    let words = b"window.ToruPlugins.framed = { mount() {} };";
    let mut at = 0;
    while at < script.len() {
        script[at] = words[at % words.len()];
        at += 1;
    }
    script
};

struct Framed;

impl ToruPlugin for Framed {
    const METADATA: PluginMetadata = PluginMetadata::new("framed", "Framed");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        Vec::new()
    }

    fn frontend_bundle(&self) -> Option<&'static [u8]> {
        Some(SCRIPT)
    }
}

async fn framed() -> Host {
    let plugin = toru_plugin_api::static_plugin!(Framed);
    let host = Host::with(Place::new(), |builder| builder.register_static(plugin)).await;
    host.enable("framed").await.unwrap();
    host
}

async fn ask(host: &Host, query: &str, fields: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(format!("/api/plugins/framed/bundle.js{query}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    read(
        host.respond(request.body(Empty::<bytes::Bytes>::new()).unwrap())
            .await,
    )
    .await
    .unwrap()
}

fn field<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_bundle_is_a_script_with_a_tag_and_is_not_sent_twice() {
    let host = framed().await;
    let first = ask(&host, "", &[]).await;
    assert_eq!((first.status, &first.body[..]), (200, SCRIPT));
    let headers = &first.headers;
    assert_eq!(field(headers, "content-type"), "text/javascript; charset=utf-8");
    assert_eq!(field(headers, "cache-control"), "private, no-cache");
    assert_eq!(field(headers, "vary"), "Accept-Encoding");
    assert_eq!(field(headers, "x-content-type-options"), "nosniff");
    assert_eq!(field(headers, "cross-origin-resource-policy"), "same-origin");
    let tag = field(headers, "etag").to_owned();
    for known in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".into(),
    ] {
        let again = ask(&host, "", &[("if-none-match", &known)]).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
        assert_eq!(field(&again.headers, "etag"), tag);
        assert_eq!(field(&again.headers, "vary"), "Accept-Encoding");
    }
    assert_eq!(ask(&host, "", &[("if-none-match", "\"x\"")]).await.status, 200);
}

#[tokio::test]
async fn a_url_that_names_the_content_is_good_for_ever() {
    let host = framed().await;
    let hash: String = Sha256::digest(SCRIPT)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let plugin: Value = serde_json::from_slice(&host.get("framed").await.body).unwrap();
    let url = format!("/api/plugins/framed/bundle.js?v={hash}");
    assert_eq!(
        (&plugin["bundle_url"], &plugin["bundle_sha256"]),
        (&url.into(), &hash.clone().into())
    );
    let named = ask(&host, &format!("?v={hash}"), &[]).await;
    assert_eq!(
        field(&named.headers, "cache-control"),
        "private, max-age=31536000, immutable"
    );
    for other in ["?v=", "?v=0", "?w=1", "?"] {
        assert_eq!(
            field(&ask(&host, other, &[]).await.headers, "cache-control"),
            "private, no-cache"
        );
    }
}

#[tokio::test]
async fn smaller_forms_are_sent_to_whom_they_are_welcome() {
    let host = framed().await;
    let encodings = [("accept-encoding", "gzip, br;q=0.9")];
    until(|| {
        // Compressed some time after the start, while requests are answered as they are.
        let found = futures_now(ask(&host, "", &encodings));
        found.is_some_and(|answer| field(&answer.headers, "content-encoding") == "gzip")
    })
    .await;
    let zipped = ask(&host, "", &encodings).await;
    assert!(zipped.body.len() < SCRIPT.len() / 2);
    let brotli = ask(&host, "", &[("accept-encoding", "br")]).await;
    assert_eq!(field(&brotli.headers, "content-encoding"), "br");
    let plain = ask(&host, "", &[("accept-encoding", "identity")]).await;
    let tags = [&zipped, &brotli, &plain].map(|answer| field(&answer.headers, "etag").to_owned());
    assert!(
        tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2],
        "{tags:?}"
    );
    let refused = ask(&host, "", &[("accept-encoding", "identity;q=0, zstd")]).await;
    assert_eq!(refused.problem(), (406, "not_acceptable".into()));
}

/// The output of a future that needs nobody else.
fn futures_now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut cx) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_disabled_plugin_has_no_bundle() {
    let host = framed().await;
    host.disable("framed").await;
    let gone = ask(&host, "", &[]).await;
    assert_eq!(gone.problem(), (404, "plugin_disabled".into()));
    let plugin: Value = serde_json::from_slice(&host.get("framed").await.body).unwrap();
    assert_eq!(plugin["bundle_url"], Value::Null);
}
