//! `/api/session`: sign in, sign out, and who is signed in.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::cookie::SessionCookie;
use super::passwords::Password;
use super::sign_in::{Outcome, SignIn};
use super::token::{self, Token};
use super::{Gatekeeper, Visitor, origin, peer};
use crate::clock::Clock;
use crate::database::Database;
use crate::database::sessions::{Member, Sessions};
use crate::problem::Problem;

/// Largest body, in bytes.
const BODY_MAX: usize = 16 * 1024;
/// How long a client may take for it.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What signing in takes.
#[derive(Debug)]
pub struct Desk {
    /// Knows who is signed in.
    pub gatekeeper: Gatekeeper,
    /// Knows who may.
    pub sign_in: SignIn,
    /// Whether a proxy tells where requests come from.
    pub is_behind_proxy: bool,
}

impl Desk {
    /// For the users and sessions of `database`, and whoever knows `token`.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn new(database: Database, clock: Clock, token: &str, is_behind_proxy: bool) -> Result<Self> {
        let sessions = Sessions::new(database.clone(), clock.clone());
        // Such a proxy ends TLS.
        let cookie = SessionCookie::new(is_behind_proxy);
        Ok(Self {
            gatekeeper: Gatekeeper::new(Token::new(token), cookie, sessions),
            sign_in: SignIn::new(database, clock)?,
            is_behind_proxy,
        })
    }
}

#[derive(Deserialize)]
struct Form {
    username: String,
    password: String,
}

/// `/api/session`.
pub fn router(desk: Arc<Desk>) -> Router {
    let methods = get(who).post(sign_in).delete(sign_out).fallback(other);
    Router::new().route("/api/session", methods).with_state(desk)
}

async fn who(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let head = request.into_parts().0;
    match desk.gatekeeper.visitor(&head).await {
        Ok(Some(Visitor::Member(member))) => user(&member),
        Ok(Some(Visitor::Token)) => user(&Member {
            name: token::NAME.to_owned(),
            role: "admin".to_owned(),
        }),
        Ok(None) => Problem::unauthenticated().into_response(),
        Err(error) => failed(&error),
    }
}

async fn sign_in(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if origin::is_foreign(&head, desk.is_behind_proxy) {
        return foreign();
    }
    if !is_json(&head.headers) {
        return not_json();
    }
    let body = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return invalid(),
        Err(_) => return too_slow(),
    };
    let Some(form) = parse(&body) else {
        return invalid();
    };
    if desk.is_behind_proxy && peer::forwarded(&head.headers).is_none() {
        tracing::warn!(
            "the proxy adds no address to X-Forwarded-For: all clients count as one when they sign in"
        );
    }
    let address = peer::address(&head.headers, &head.extensions, desk.is_behind_proxy);
    let password = Password::typed(form.password);
    match desk.sign_in.check(&form.username, password, address).await {
        Ok(Outcome::Right(proof, member)) => match desk.gatekeeper.start(&head, proof).await {
            // Somebody changed the password meanwhile: it is a wrong one now.
            Ok(None) => wrong(),
            Ok(Some(session)) => session.id().map_or_else(
                || Problem::internal().into_response(),
                |id| ([(SET_COOKIE, desk.gatekeeper.cookie.keep(id))], user(&member)).into_response(),
            ),
            Err(error) => failed(&error),
        },
        Ok(Outcome::Wrong) => wrong(),
        Ok(Outcome::Wait(wait)) => {
            let detail = "there were too many attempts; try again later";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail);
            problem.retry_after(wait).into_response()
        }
        Err(error) => failed(&error),
    }
}

async fn sign_out(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let head = request.into_parts().0;
    if origin::is_foreign(&head, desk.is_behind_proxy) {
        return foreign();
    }
    if head.headers.contains_key(CONTENT_TYPE) && !is_json(&head.headers) {
        return not_json();
    }
    match end(&desk, &head).await {
        Ok(()) => {
            let headers = [
                (SET_COOKIE, desk.gatekeeper.cookie.forget()),
                (CACHE_CONTROL, "no-store".to_owned()),
            ];
            (StatusCode::NO_CONTENT, headers).into_response()
        }
        Err(error) => failed(&error),
    }
}

async fn end(desk: &Desk, head: &Parts) -> Result<()> {
    if let Some(Visitor::Member(member)) = desk.gatekeeper.visitor(head).await? {
        tracing::info!(user = member.name, "signed out");
    }
    desk.gatekeeper.end(head).await
}

async fn other() -> Response {
    let detail = "this path answers GET, POST and DELETE";
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
    ([(ALLOW, "GET, HEAD, POST, DELETE")], problem).into_response()
}

fn user(member: &Member) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, json!({ "user": member }).to_string()).into_response()
}

fn parse(body: &Bytes) -> Option<Form> {
    // What is wrong with it may quote it, so nobody is told.
    serde_json::from_slice(body).ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = text.and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn foreign() -> Response {
    let detail = "only pages of this site may do this";
    Problem::new(StatusCode::FORBIDDEN, "foreign_origin", detail).into_response()
}

fn not_json() -> Response {
    let (status, detail) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json");
    Problem::new(status, "unsupported_media_type", detail).into_response()
}

fn invalid() -> Response {
    let detail = "send a JSON object with the texts `username` and `password`";
    Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail).into_response()
}

fn wrong() -> Response {
    let detail = "the name or the password is wrong";
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_credentials", detail).into_response()
}

fn too_slow() -> Response {
    let detail = "the request took too long to arrive";
    Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail).into_response()
}

fn failed(error: &anyhow::Error) -> Response {
    tracing::error!("signing in or out: {error:#}");
    Problem::internal().into_response()
}
