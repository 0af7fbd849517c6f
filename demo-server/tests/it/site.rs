//! The application without a socket: its router, with a time that stands still.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use demo_server::app;
use demo_server::assets::Assets;
use demo_server::auth::passwords::Password;
use demo_server::auth::session::Desk;
use demo_server::clock::Clock;
use demo_server::database::Database;
use demo_server::database::users::{self, Name, Role};
use demo_server::hosts::Hosts;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use toru_host::PluginManager;
use tower::ServiceExt;

pub(crate) const TOKEN: &str = "a-token-of-more-than-16-characters";
/// The password of everybody here.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A running application with the users `admin` and `ada`, who is none.
pub(crate) struct Site {
    router: Router,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    pub(crate) database: Database,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Site {
    pub(crate) async fn open(home: &Path) -> Self {
        Self::open_with(home, Clock::manual(), Assets::new(&[]), false).await
    }

    pub(crate) async fn open_with(home: &Path, clock: Clock, assets: Assets, is_behind_proxy: bool) -> Self {
        let database = Database::open(home).unwrap();
        for (name, role) in [("admin", Role::Admin), ("ada", Role::User)] {
            let hash = Password::chosen(PASSWORD.to_owned()).unwrap().hash().unwrap();
            let name = Name::parse(name).unwrap();
            // It may have been opened before.
            database.with(|it| users::add(it, &name, role, &hash)).unwrap();
        }
        let desk = Desk::new(database.clone(), clock.clone(), TOKEN, is_behind_proxy).unwrap();
        let desk = Arc::new(desk);
        let manager = PluginManager::builder(home.join("plugins"))
            .start()
            .await
            .unwrap();
        let parts = app::Parts {
            desk: Arc::clone(&desk),
            assets,
            hosts: Hosts::any(),
        };
        Self {
            router: app::router(manager, None, parts),
            desk,
            clock,
            database,
        }
    }

    pub(crate) async fn send(&self, from: impl Into<IpAddr>, request: Request<Body>) -> Reply {
        let (head, body) = self.response(from, request).await.into_parts();
        Reply {
            status: head.status,
            headers: head.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    /// An answer that may not end.
    pub(crate) async fn response(&self, from: impl Into<IpAddr>, mut request: Request<Body>) -> Response {
        let peer = SocketAddr::new(from.into(), 40_000);
        request.extensions_mut().insert(ConnectInfo(peer));
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// A request with these header fields and no body.
    pub(crate) async fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send([192, 0, 2, 1], request(method, path, fields, Body::empty()))
            .await
    }

    pub(crate) async fn get(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.ask("GET", path, fields).await
    }

    /// Signs in from the last part of an address.
    pub(crate) async fn sign_in_from(&self, last: u8, name: &str, password: &str) -> Reply {
        self.send([192, 0, 2, last], sign_in(name, password, &[])).await
    }

    /// Signs in and returns the cookie.
    pub(crate) async fn session(&self, name: &str) -> String {
        let reply = self.sign_in_from(1, name, PASSWORD).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.cookie()
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of a problem, with its status.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let document = self.json();
        assert_eq!(document["status"], self.status.as_u16());
        (
            self.status.as_u16(),
            document["code"].as_str().unwrap().to_owned(),
        )
    }

    /// Name and value of the cookie that it sets.
    pub(crate) fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "app.example");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

/// A request to sign in, as pages of the site send it.
pub(crate) fn sign_in(name: &str, password: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut all = vec![
        ("content-type", "application/json"),
        ("sec-fetch-site", "same-origin"),
    ];
    all.extend_from_slice(fields);
    let body = json!({ "username": name, "password": password }).to_string();
    request("POST", "/api/session", &all, body.into())
}
