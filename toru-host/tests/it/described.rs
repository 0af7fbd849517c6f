//! The OpenAPI document against real answers, and the authoriser against every route that it describes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use toru_host::service::{Access, Authorization, Authorizer, Identity, PluginApi, Refusal};
use toru_plugin_api::Response;
use tower_service::Service;

use crate::actor::Script;
use crate::host::{Host, soon};

/// Users by their tokens: one who may do everything, one who may read and use, one who may do nothing.
struct Roles;

impl Authorizer for Roles {
    fn authorize(&self, head: &Parts, access: Access<'_>) -> Authorization {
        let token = head.headers.get("authorization").map(|token| token.as_bytes());
        let identity = Identity::user("somebody").with_explicit_credential();
        match (token, access) {
            (Some(b"admin"), _) | (Some(b"user"), Access::Read | Access::Use { .. }) => {
                Authorization::allow(identity)
            }
            (Some(b"user" | b"guest"), _) => Authorization::refuse(Refusal::Forbidden),
            _ => Authorization::refuse(Refusal::Unauthenticated),
        }
    }
}

struct Desk {
    host: Host,
    api: PluginApi,
    document: Value,
    called: Arc<AtomicUsize>,
    /// Template, method, status and code of every answer.
    seen: Mutex<BTreeSet<(String, String, u16, String)>>,
}

impl Desk {
    async fn new() -> Self {
        let called = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&called);
        let script = Script::act(move |_, request| {
            counting.fetch_add(1, Ordering::SeqCst);
            let query = request.query().into_owned();
            async move {
                assert_ne!(query, "panic", "as asked for");
                Ok(Response::text("acted").with_status(if query == "odd" { 99 } else { 200 }))
            }
        });
        let host = script.run().await;
        let api = PluginApi::new(host.manager.clone(), Roles);
        let mut desk = Self {
            host,
            api,
            document: Value::Null,
            called,
            seen: Mutex::default(),
        };
        let (_, body) = desk
            .send("GET", "/api/plugins-openapi.json", Some("admin"), &[])
            .await;
        desk.document = serde_json::from_slice(&body).unwrap();
        desk
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        fields: &[(&str, &str)],
    ) -> (http::response::Parts, Bytes) {
        self.send_body(method, path, token, fields, "").await
    }

    async fn send_body(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        fields: &[(&str, &str)],
        body: &'static str,
    ) -> (http::response::Parts, Bytes) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in token.map(|token| ("authorization", token)).iter().chain(fields) {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let Ok(response) = soon(self.api.clone().call(request)).await;
        let (head, body) = response.into_parts();
        let is_stream = head
            .headers
            .get("content-type")
            .is_some_and(|kind| kind == "text/event-stream");
        // A stream of events never ends.
        let body = if is_stream {
            Bytes::new()
        } else {
            soon(body.collect()).await.unwrap().to_bytes()
        };
        (head, body)
    }

    /// Every operation: template, method, and what it needs.
    fn operations(&self) -> Vec<(String, String, String)> {
        let paths = self.document["paths"].as_object().unwrap();
        let mut operations = Vec::new();
        for (template, item) in paths {
            for (method, operation) in item.as_object().unwrap() {
                if let Some(access) = operation["x-toru-access"].as_str() {
                    operations.push((template.clone(), method.to_uppercase(), access.to_owned()));
                }
            }
        }
        operations
    }

    /// Sends a request and holds the answer against the document.
    async fn ask(&self, template: &str, method: &str, path: &str, fields: &[(&str, &str)]) -> u16 {
        self.ask_with(template, method, path, fields, "").await
    }

    /// Gives the plugin what may be a licence key.
    async fn give(&self, template: &str, body: &'static str) -> u16 {
        let fields = [("content-type", "application/json")];
        self.ask_with(template, "PUT", &filled(template), &fields, body)
            .await
    }

    async fn ask_with(
        &self,
        template: &str,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &'static str,
    ) -> u16 {
        let (head, body) = self.send_body(method, path, Some("admin"), fields, body).await;
        let status = head.status.as_u16();
        let operation = &self.document["paths"][template][method.to_lowercase()];
        let what = format!("{method} {path}: {status}");
        if operation.is_null() {
            assert_eq!(status, 405, "{what} of a method that is not described");
            assert!(head.headers.contains_key("allow"), "{what}");
            return status;
        }
        let replies = &operation["responses"];
        let reply = replies.get(status.to_string()).or_else(|| replies.get("default"));
        let reply = reply.unwrap_or_else(|| panic!("{what} is not described"));
        let mut code = String::new();
        if !body.is_empty() {
            let kind = head.headers["content-type"].to_str().unwrap();
            let kind = kind.split(';').next().unwrap();
            let content = reply["content"].get(kind).or_else(|| reply["content"].get("*/*"));
            let content = content.unwrap_or_else(|| panic!("{what} is {kind}, which is not described"));
            if kind.ends_with("json") && !content["schema"].is_null() {
                let value: Value = serde_json::from_slice(&body).unwrap();
                self.validate(&content["schema"], &value, &what);
                code = value["code"].as_str().unwrap_or_default().to_owned();
            }
        }
        self.seen
            .lock()
            .unwrap()
            .insert((template.to_owned(), method.to_owned(), status, code));
        status
    }

    fn validate(&self, schema: &Value, value: &Value, what: &str) {
        let schema = json!({ "allOf": [schema], "components": self.document["components"] });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{what}: {errors:?} in {value}");
    }
}

/// A body that is too large for any key.
const LONG_KEY: &str = const { str_of(&[b'x'; 100_000]) };

const fn str_of(bytes: &'static [u8]) -> &'static str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("it is ASCII"),
    }
}

fn filled(template: &str) -> String {
    template.replace("{id}", "actor").replace("{path}", "act")
}

#[tokio::test]
async fn every_answer_is_described_and_fits_its_schema() {
    let desk = Desk::new().await;
    let base = "/api/plugins";
    let plugin = format!("{base}/{{id}}");
    let (enable, disable) = (format!("{plugin}/enable"), format!("{plugin}/disable"));
    let (bundle, route) = (format!("{plugin}/bundle.js"), format!("{plugin}/{{path}}"));
    let (scan, storage) = (format!("{base}/-/scan"), format!("{plugin}/-/storage"));
    let license = format!("{plugin}/-/license");
    let (events, openapi) = ("/api/plugin-events", "/api/plugins-openapi.json");
    for method in [
        "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE",
    ] {
        for template in [
            base, &plugin, &license, &storage, &bundle, &scan, events, openapi, &route, &disable, &enable,
        ] {
            desk.ask(template, method, &filled(template), &[]).await;
            desk.ask(
                template,
                method,
                &filled(template).replace("actor", "nobody"),
                &[],
            )
            .await;
            // No plugin has this id, and no method of it is answered.
            let of_nobody = filled(template).replace("actor", "-");
            let is_described = desk.document["paths"][template]
                .get(method.to_lowercase())
                .is_some();
            if is_described && method != "OPTIONS" {
                desk.ask(template, method, &of_nobody, &[]).await;
            }
        }
    }
    for query in ["?panic", "?odd"] {
        desk.ask(&route, "GET", &format!("{base}/actor/act{query}"), &[])
            .await;
    }
    for own in ["none", "a/%2e%2e/b", "ok"] {
        desk.ask(&route, "POST", &format!("{base}/actor/{own}"), &[])
            .await;
    }
    for (body, status) in [
        ("{\"key\": \"toru1.ed25519.2026.e30.c2ln\"}", 200),
        ("{\"key\": \" \"}", 400),
        ("{\"key\": 1}", 400),
        (LONG_KEY, 413),
    ] {
        assert_eq!(desk.give(&license, body).await, status);
    }
    desk.ask(&license, "GET", &filled(&license), &[]).await;
    desk.ask(openapi, "GET", openapi, &[("if-none-match", "*")]).await;
    desk.ask(&disable, "POST", &filled(&disable), &[]).await;
    for template in [&plugin, &bundle, &route] {
        desk.ask(template, "GET", &filled(template), &[]).await;
    }
    // Somebody edits the recorded state: nothing is overwritten.
    let file = desk.host.state_file();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n")).unwrap();
    desk.ask(&enable, "POST", &filled(&enable), &[]).await;
    desk.give(&license, "{\"key\": \"other\"}").await;
    soon(desk.host.manager.shutdown()).await;
    desk.ask(&enable, "POST", &filled(&enable), &[]).await;
    let seen = desk.seen.lock().unwrap();
    let codes: BTreeSet<&str> = seen.iter().map(|(.., code)| code.as_str()).collect();
    for expected in [
        "unknown_plugin",
        "unknown_route",
        "plugin_disabled",
        "plugin_panicked",
        "invalid_response",
        "invalid_path",
        "state_changed",
        "shutting_down",
        "method_not_allowed",
        "unsupported_media_type",
        "invalid_body",
        "invalid_license",
        "body_too_large",
    ] {
        assert!(
            codes.contains(expected),
            "{expected} was never answered: {codes:?}"
        );
    }
}

#[tokio::test]
async fn nobody_gets_through_a_route_that_is_described_without_the_right_to() {
    let desk = Desk::new().await;
    let operations = desk.operations();
    assert!(operations.len() > 20, "{operations:?}");
    let called = desk.called.load(Ordering::SeqCst);
    let recorded = desk.host.recorded();
    for (template, method, access) in &operations {
        let path = filled(template);
        for (token, expected) in [
            (None, 401),
            (Some("forged"), 401),
            (Some(""), 401),
            (Some("guest"), 403),
        ] {
            let (head, body) = desk.send(method, &path, token, &[]).await;
            assert_eq!(head.status.as_u16(), expected, "{method} {path} as {token:?}");
            if *method != Method::HEAD.as_str() {
                let problem: Value = serde_json::from_slice(&body).unwrap();
                let code = if expected == 401 {
                    "unauthenticated"
                } else {
                    "forbidden"
                };
                assert_eq!(problem["code"], code, "{method} {path}");
            }
        }
        let (head, _) = desk.send(method, &path, Some("user"), &[]).await;
        let is_refused = head.status.as_u16() == 403;
        assert_eq!(
            is_refused,
            access == "manage",
            "{method} {path} as a user, which needs {access}"
        );
    }
    let used = operations
        .iter()
        .filter(|(template, method, _)| template.ends_with("{path}") && method != "OPTIONS");
    let calls = desk.called.load(Ordering::SeqCst) - called;
    assert!(calls <= used.count() + 1, "refused requests reached the plugin");
    assert_eq!(
        desk.host.recorded(),
        recorded,
        "refused requests changed something"
    );
    assert_eq!(
        desk.host.status("actor").state,
        toru_host::plugin::PluginState::Enabled
    );
}

#[tokio::test]
async fn no_answer_tells_where_the_host_keeps_its_files() {
    use std::os::unix::fs::PermissionsExt;

    let desk = Desk::new().await;
    let folder = desk.host.state_file().ancestors().nth(2).unwrap().to_owned();
    // Refused with words that name the file, and a state that somebody edited, which is told as a notice.
    let open = folder.join("open.so");
    std::fs::write(&open, "\x7fELF").unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    std::fs::write(desk.host.state_file(), "{").unwrap();
    let _ = desk.host.scan().await;
    let rejected = desk.host.manager.rejected();
    let hidden = folder.to_str().unwrap();
    assert!(
        rejected.iter().any(|file| file.message.contains(hidden)),
        "the host itself knows where: {rejected:?}"
    );
    for path in ["/api/plugins", "/api/plugins/actor"] {
        let (_, body) = desk.send("GET", path, Some("user"), &[]).await;
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(!text.contains(hidden), "{path}: {text}");
        if path == "/api/plugins" {
            assert!(text.contains("open.so"), "{text}");
        }
    }
}
