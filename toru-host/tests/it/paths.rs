//! Paths that pretend to be others.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use http::request::Parts;
use http::{Method, Request, Uri};
use http_body_util::Empty;
use toru_host::plugin::PluginState;
use toru_host::service::{Access, Authorization, Authorizer, Identity, PluginApi};

use crate::actor::Script;
use crate::host::{Answer, Host, ask};
use crate::mirror::{Seen, with_mirror};

/// What means `.`, `/` and the like to somebody, or seems to.
const DOTS: [&str; 12] = [
    ".",
    "..",
    "%2e",
    "%2E%2e",
    ".%2e",
    "%2e.",
    "%252e%252e",
    "%25%32%65",
    "%c0%ae%c0%ae",
    "%e0%80%ae",
    "%uff0e",
    "%ef%bc%8e%ef%bc%8e",
];
const SLASHES: [&str; 12] = [
    "/",
    "//",
    "%2f",
    "%2F",
    "%252f",
    "\\",
    "%5c",
    "%255C",
    "%c0%af",
    "%e2%88%95",
    "%ef%bc%8f",
    ";/",
];
const TARGETS: [&str; 4] = ["enable", "bundle.js", "actor/ok", "-/scan"];

/// The host's own names in disguise.
const DISGUISED: [&str; 8] = ["enable", "disable", "bundle.js", "-", "-/scan", "-/x", "", "ok"];

/// Everything that is tried below a plugin's path. Starts with what follows the id.
fn hostile() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for dots in DOTS {
        for slash in SLASHES {
            for target in TARGETS {
                paths.insert(format!("/{dots}{slash}{target}"));
                paths.insert(format!("/a{slash}{dots}{slash}{dots}{slash}{target}"));
                paths.insert(format!("{slash}{dots}/{dots}/{target}"));
            }
        }
        paths.insert(format!("/{dots}"));
        paths.insert(format!("/a/{dots}"));
        paths.insert(format!("/{dots}/"));
        paths.insert(format!("/{dots};x=1/enable"));
        paths.insert(format!("/{dots}%00/enable"));
    }
    for name in DISGUISED {
        let first = name.chars().next().unwrap_or('x');
        let escaped = format!("%{:02x}{}", u32::from(first), name.get(1..).unwrap_or_default());
        let twice = format!("%25{}", &escaped[1..]);
        for disguise in [
            escaped,
            twice,
            name.to_uppercase(),
            format!("/{name}"),
            format!("//{name}"),
            format!("{name}/"),
            format!("{name}//"),
            format!("{name}."),
            format!("{name}.."),
            format!("{name}%20"),
            format!("%20{name}"),
            format!("{name}%09"),
            format!("{name}%0d%0a"),
            format!("{name}%00"),
            format!("%00{name}"),
            format!("{name}%00.js"),
            format!("{name};"),
            format!("{name};x=1"),
            format!(";/{name}"),
            format!("{name}%2f"),
            format!("{name}%3f"),
            format!("{name}%23"),
            format!("{name}%ff"),
            format!("{name}%"),
            format!("{name}%4"),
            format!("{name}%zz"),
            format!("{name}%+1"),
            format!("%ef%bb%bf{name}"),
            format!("{name}%e2%80%8b"),
            format!("{name}\u{200b}"),
            format!("{name}\u{ff0e}"),
            format!("{name}:$DATA"),
            format!("{name}~"),
            format!("{name}*"),
            format!("{name}\""),
            format!("{name}|x"),
            format!("{name}{{x}}"),
            format!("x/{name}"),
            format!("x/%2e%2e/{name}"),
        ] {
            paths.insert(format!("/{disguise}"));
        }
    }
    for long in [1000, 30_000, 60_000, 65_000] {
        paths.insert(format!("/{}", "a".repeat(long)));
        paths.insert(format!("/{}enable", "a/../".repeat(long / 5)));
        paths.insert(format!("/{}enable", "%2e/".repeat(long / 4)));
        paths.insert(format!("{}enable", "/".repeat(long)));
    }
    // These are what they seem to be.
    for own in ["/", "/enable", "/disable", "/bundle.js", "/-", "/-/scan", "/-/x"] {
        paths.remove(own);
    }
    paths
}

/// What stands where a plugin's id should, and what follows.
fn ids() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for id in [
        "",
        "%6dirror",
        "mirro%72",
        "%256dirror",
        "MIRROR",
        "Mirror",
        "mirror.",
        "mirror%20",
        "mirror%00",
        "mirror;",
        "mirror;x=1",
        "mirror%2f",
        "mirror%2fx",
        "mirror%5c",
        "mirror\\",
        ".",
        "..",
        "%2e",
        "%2e%2e",
        "%2d",
        "%2D",
        "-%2f",
        "-%2fscan",
        "--",
        "-.",
        "-;",
        "-%20",
        "mirror%2f..%2factor",
        "..%2fplugins%2fmirror",
        "mirror:80",
        "mirror@actor",
        "*",
        "{id}",
        "%ef%bd%8dirror",
        "m%C4%B1rror",
        "mırror",
        "mirror\u{200b}",
        "%",
        "%zz",
        "api%2fplugins%2fmirror",
    ] {
        for own in [
            "/x",
            "/enable",
            "/disable",
            "/bundle.js",
            "/scan",
            "/-/scan",
            "//x",
            "/ok",
        ] {
            paths.insert(format!("{id}{own}"));
        }
        for before in [
            "/",
            "./",
            "../plugins/",
            "nobody/../",
            "%2e%2e/plugins/",
            "nobody/%2e%2e/",
            "//",
            "-/../",
        ] {
            paths.insert(format!("{before}{id}/x"));
            paths.insert(format!("{before}mirror/enable"));
            paths.insert(format!("{before}mirror{id}/x"));
        }
    }
    paths.retain(|path| !path.starts_with("mirror/"));
    paths
}

/// Remembers what it was asked about, and allows everything.
#[derive(Clone, Default)]
struct Remembers(Arc<Mutex<Vec<String>>>);

impl Authorizer for Remembers {
    fn authorize(&self, _: &Parts, access: Access<'_>) -> Authorization {
        self.0.lock().unwrap().push(format!("{access:?}"));
        Authorization::allow(Identity::user("tester").with_explicit_credential())
    }
}

impl Remembers {
    fn last(&self) -> String {
        self.0.lock().unwrap().pop().unwrap()
    }
}

/// Two plugins, one of which would answer any path, and a file that a scan would find.
async fn host() -> (Host, PluginApi, Remembers) {
    let host = Script::default().run_with(with_mirror).await;
    host.enable("mirror").await.unwrap();
    host.place.write("new.so", "no library");
    let remembers = Remembers::default();
    let api = PluginApi::new(host.manager.clone(), remembers.clone());
    (host, api, remembers)
}

/// Nothing was managed, and nobody else was called.
fn is_untouched(host: &Host) {
    for plugin in ["actor", "mirror"] {
        assert_eq!(host.state(plugin), PluginState::Enabled);
        assert_eq!(host.info(plugin).counters.starts, 1);
    }
    assert_eq!(host.info("actor").counters.calls, 0);
    assert!(
        host.manager.rejected().is_empty(),
        "somebody looked at the folder"
    );
}

async fn sent(api: &PluginApi, method: &Method, uri: &Uri) -> Answer {
    let request = Request::builder().method(method).uri(uri.clone());
    ask(api, request.body(Empty::<bytes::Bytes>::new()).unwrap()).await
}

#[tokio::test]
async fn a_hostile_path_below_a_plugin_leads_to_its_own_route_or_nowhere() {
    let (host, api, remembers) = host().await;
    let (mut refused, mut nowhere, mut own, mut unsendable) = (0, 0, 0, 0);
    for below in hostile() {
        let Ok(uri) = format!("/api/plugins/mirror{below}").parse::<Uri>() else {
            unsendable += 1;
            continue;
        };
        for method in [Method::GET, Method::POST] {
            let answer = sent(&api, &method, &uri).await;
            // The application was asked about what is then done.
            let is_route = uri.path().starts_with("/api/plugins/mirror/");
            let asked = remembers.last();
            let is_the_hosts = below.starts_with("/-/");
            assert!(asked != "Manage" || is_the_hosts, "{below:?}");
            match (answer.status, &*answer.code()) {
                (400, "invalid_path") => refused += 1,
                (404, "unknown_route" | "unknown_plugin") => nowhere += 1,
                (200, _) if is_route => {
                    let seen = Seen::of(&answer);
                    assert_eq!(format!("/api/plugins/mirror{}", seen.text("path")), uri.path());
                    assert_eq!(format!("/{}", seen.text("rest")), seen.text("path"));
                    assert_eq!(asked, r#"Use { plugin: "mirror" }"#, "{below:?}");
                    own += 1;
                }
                _ => panic!("{below:?} was answered with {answer:?}"),
            }
        }
        is_untouched(&host);
    }
    println!("{refused} refused, {nowhere} nowhere, {own} its own, {unsendable} no request can have");
    assert!(refused >= 600 && own >= 100, "{refused} {own}");
}

#[tokio::test]
async fn what_stands_in_for_an_id_is_no_plugin() {
    let (host, api, remembers) = host().await;
    let (mut refused, mut unsendable) = (0, 0);
    for below in ids() {
        let Ok(uri) = format!("/api/plugins/{below}").parse::<Uri>() else {
            unsendable += 1;
            continue;
        };
        for method in [Method::GET, Method::POST] {
            let answer = sent(&api, &method, &uri).await;
            let asked = remembers.last();
            // Whether there is such a plugin is looked at after the method.
            assert!(matches!(answer.status, 400 | 404 | 405), "{below:?}: {answer:?}");
            assert!(!asked.contains("\"mirror\""), "{below:?}: {asked}");
            refused += 1;
        }
        is_untouched(&host);
        assert_eq!(host.info("mirror").counters.calls, 0, "{below:?}");
    }
    println!("{refused} refused, {unsendable} no request can have");
    assert!(refused >= 600, "{refused}");
}

#[tokio::test]
async fn a_plugin_without_a_route_for_everything_is_not_even_called() {
    let (host, api, _) = host().await;
    for below in hostile() {
        let Ok(uri) = format!("/api/plugins/actor{below}").parse::<Uri>() else {
            continue;
        };
        for method in [Method::GET, Method::DELETE] {
            let answer = sent(&api, &method, &uri).await;
            assert!(matches!(answer.status, 400 | 404), "{below:?}: {answer:?}");
        }
    }
    is_untouched(&host);
}

#[tokio::test]
async fn the_bundle_has_one_path() {
    let (host, api, _) = host().await;
    let bundle: Uri = "/api/plugins/mirror/bundle.js?v=1".parse().unwrap();
    assert_eq!(sent(&api, &Method::GET, &bundle).await.text(), "the bundle");
    for below in hostile() {
        for plugin in ["mirror", "actor", "nobody"] {
            let Ok(uri) = format!("/api/plugins/{plugin}{below}").parse::<Uri>() else {
                continue;
            };
            let answer = sent(&api, &Method::GET, &uri).await;
            assert_ne!(answer.body, "the bundle", "{below:?}");
        }
    }
    is_untouched(&host);
}

#[tokio::test]
async fn a_path_beside_the_mount_point_is_not_below_it() {
    let (host, api, _) = host().await;
    for path in [
        "/",
        "/api",
        "/api/plugin",
        "/api/pluginsx/mirror/x",
        "/api/plugins.mirror/x",
        "/api/plugins;/mirror/x",
        "/api/plugins%2fmirror/x",
        "/api//plugins/mirror/x",
        "//api/plugins/mirror/x",
        "/./api/plugins/mirror/x",
        "/x/../api/plugins/mirror/x",
        "/API/plugins/mirror/x",
        "/api/%70lugins/mirror/x",
        "*",
    ] {
        let uri: Uri = path.parse().unwrap();
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let answer = sent(&api, &method, &uri).await;
            assert_eq!(answer.problem(), (404, "unknown_route".into()), "{path}");
        }
    }
    // As a proxy sends it, and what is left of a CONNECT.
    let absolute: Uri = "http://elsewhere/api/plugins/mirror/x".parse().unwrap();
    assert_eq!(sent(&api, &Method::GET, &absolute).await.status, 200);
    let authority: Uri = "mirror:80".parse().unwrap();
    assert_eq!(sent(&api, &Method::CONNECT, &authority).await.status, 404);
    is_untouched(&host);
}

#[tokio::test]
async fn a_query_is_no_path() {
    let (host, api, _) = host().await;
    for query in ["../enable", "/../enable", "%2e%2e/enable", "x#/enable"] {
        let uri: Uri = format!("/api/plugins/mirror/x?{query}").parse().unwrap();
        let answer = sent(&api, &Method::POST, &uri).await;
        assert_eq!(Seen::of(&answer).text("path"), "/x", "{query}");
    }
    is_untouched(&host);
}
