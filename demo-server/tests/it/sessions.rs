//! Sessions: how they begin, how long they last, and that they end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody;
use axum::http::HeaderValue;
use demo_server::database::sessions::{PROOF, Proof};
use demo_server::database::users::{self, Name, Removal};
use http_body_util::BodyExt;
use serde_json::json;
use tower_sessions::Session;

use crate::site::{PASSWORD, Site, TOKEN, request, sign_in};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn signing_in_gives_a_cookie_that_scripts_and_other_sites_do_not_get() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    assert_eq!(
        site.get("/api/session", &[]).await.problem(),
        (401, "unauthenticated".to_owned())
    );
    let reply = site.sign_in_from(1, "Admin", PASSWORD).await;
    assert_eq!(reply.status, 200);
    let user = json!({"user": {"name": "admin", "role": "admin"}});
    assert_eq!(reply.json(), user);
    let cookie = reply.header("set-cookie");
    let (value, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "HttpOnly; SameSite=Strict; Path=/");
    assert_eq!(value.strip_prefix("toru-session=").unwrap().len(), 22, "128 bits");
    assert_eq!(reply.header("cache-control"), "no-store");

    let who = site.get("/api/session", &[("cookie", value)]).await;
    assert_eq!((who.status.as_u16(), who.json()), (200, user));
    assert!(!who.headers.contains_key("set-cookie"));
    assert_eq!(site.get("/api/plugins", &[("cookie", value)]).await.status, 200);
    let bearer = format!("Bearer {TOKEN}");
    let token = site.get("/api/session", &[("authorization", &bearer)]).await;
    assert_eq!(token.json(), json!({"user": {"name": "token", "role": "admin"}}));
}

#[tokio::test]
async fn behind_a_proxy_that_ends_tls_the_cookie_is_for_tls_alone() {
    let home = tempfile::tempdir().unwrap();
    let (clock, assets) = (
        demo_server::clock::Clock::manual(),
        demo_server::assets::Assets::new(&[]),
    );
    let site = Site::open_with(home.path(), clock, assets, true).await;
    let reply = site.sign_in_from(1, "admin", PASSWORD).await;
    let (value, attributes) = reply.header("set-cookie").split_once("; ").unwrap();
    assert!(value.starts_with("__Host-toru-session="));
    assert_eq!(attributes, "HttpOnly; SameSite=Strict; Secure; Path=/");
    assert_eq!(reply.header("strict-transport-security"), "max-age=31536000");
    assert_eq!(site.get("/api/session", &[("cookie", value)]).await.status, 200);
    // A name that pages of other hosts could set is not read.
    let plain = value.strip_prefix("__Host-").unwrap();
    assert_eq!(site.get("/api/session", &[("cookie", plain)]).await.status, 401);
    let out = [("cookie", value), ("sec-fetch-site", "same-origin")];
    let out = site.ask("DELETE", "/api/session", &out).await;
    assert!(
        out.header("set-cookie").contains("Secure; Path=/; Max-Age=0"),
        "{out:?}"
    );
}

#[tokio::test]
async fn a_session_survives_the_end_of_the_server_and_only_its_hash_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let (clock, cookie) = (site.clock.clone(), site.session("ada").await);
    drop(site);
    let assets = demo_server::assets::Assets::new(&[]);
    let site = Site::open_with(home.path(), clock, assets, false).await;
    assert_eq!(site.get("/api/session", &[("cookie", &cookie)]).await.status, 200);
    let id = cookie.strip_prefix("toru-session=").unwrap();
    for file in ["demo.db", "demo.db-wal"] {
        let bytes = std::fs::read(home.path().join(file)).unwrap();
        assert!(!bytes.windows(id.len()).any(|part| part == id.as_bytes()));
    }
    let kept: i64 = site
        .database
        .with(|it| it.query_row("SELECT length(id_hash) FROM sessions", [], |row| row.get(0)))
        .unwrap();
    assert_eq!(kept, 32);
}

#[tokio::test]
async fn signing_in_always_makes_a_new_id_and_ends_the_session_of_before() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    // Somebody else's session, and an id that somebody made up.
    let planted = site.session("ada").await;
    let made_up = "toru-session=AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    for cookie in [planted, made_up] {
        let reply = site
            .send([192, 0, 2, 1], sign_in("admin", PASSWORD, &[("cookie", &cookie)]))
            .await;
        assert_eq!(reply.status, 200);
        assert_ne!(reply.cookie(), cookie);
        assert_eq!(site.get("/api/session", &[("cookie", &cookie)]).await.status, 401);
        let own = reply.cookie();
        let who = site.get("/api/session", &[("cookie", &own)]).await;
        assert_eq!(who.json()["user"]["name"], "admin");
    }
    // A failure ends nothing.
    let own = site.session("ada").await;
    let wrong = sign_in("ada", "wrong password", &[("cookie", &own)]);
    assert_eq!(site.send([192, 0, 2, 1], wrong).await.status, 401);
    assert_eq!(site.get("/api/session", &[("cookie", &own)]).await.status, 200);
}

#[tokio::test]
async fn after_signing_out_a_copy_of_the_cookie_is_worth_nothing() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let (cookie, other) = (site.session("admin").await, site.session("admin").await);
    let fields = [("cookie", &*cookie), ("sec-fetch-site", "same-origin")];
    let out = site.ask("DELETE", "/api/session", &fields).await;
    assert_eq!((out.status.as_u16(), out.body.len()), (204, 0));
    assert_eq!(out.cookie(), "toru-session=");
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    for path in [
        "/api/session",
        "/api/plugins",
        "/api/plugin-events",
        "/api/nothing",
    ] {
        let reply = site.get(path, &[("cookie", &cookie)]).await;
        assert_eq!(reply.problem(), (401, "unauthenticated".to_owned()), "{path}");
    }
    // Whichever of two was meant, neither is left.
    let (one, two) = (site.session("ada").await, site.session("ada").await);
    let both = format!("{one}; {two}");
    let both = [("cookie", &*both), ("sec-fetch-site", "same-origin")];
    assert_eq!(site.ask("DELETE", "/api/session", &both).await.status, 204);
    for cookie in [one, two] {
        assert_eq!(site.get("/api/session", &[("cookie", &cookie)]).await.status, 401);
    }
    let again = site.ask("DELETE", "/api/session", &fields).await;
    assert_eq!(again.status, 204, "there is nothing left to end");
    assert_eq!(site.get("/api/session", &[("cookie", &other)]).await.status, 200);
}

#[tokio::test]
async fn a_session_is_found_beside_cookies_that_are_no_text() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let send = async |method: &str, cookie: &str| {
        let mut request = match method {
            "POST" => sign_in("ada", PASSWORD, &[]),
            _ => request(method, "/api/session", &[], axum::body::Body::empty()),
        };
        let bytes = [b"theme=d\xe9j\xe0; ", cookie.as_bytes(), b"; x=\xff"].concat();
        let headers = request.headers_mut();
        headers.insert("cookie", HeaderValue::from_bytes(&bytes).unwrap());
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        site.send([192, 0, 2, 1], request).await
    };
    // Signing in ends the session of before, and signing out the one that there is.
    let before = site.session("ada").await;
    assert_eq!(send("GET", &before).await.status, 200);
    let own = send("POST", &before).await.cookie();
    assert_eq!(site.get("/api/session", &[("cookie", &before)]).await.status, 401);
    assert_eq!(send("GET", &own).await.status, 200);
    assert_eq!(send("DELETE", &own).await.status, 204);
    assert_eq!(site.get("/api/session", &[("cookie", &own)]).await.status, 401);
    // Of two there still is none, whatever one of them is.
    let own = site.session("ada").await;
    assert_eq!(
        send("GET", &format!("{own}; toru-session=\u{e9}")).await.status,
        401
    );
}

#[tokio::test]
async fn a_stream_of_events_ends_with_the_session_that_opened_it() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let (cookie, other) = (site.session("ada").await, site.session("ada").await);
    let bearer = format!("Bearer {TOKEN}");
    let mut streams = Vec::new();
    for field in [
        ("cookie", &*cookie),
        ("cookie", &*other),
        ("authorization", &*bearer),
    ] {
        let request = request("GET", "/api/plugin-events", &[field], axum::body::Body::empty());
        let response = site.response([192, 0, 2, 1], request).await;
        assert_eq!(response.status(), 200);
        let mut body = response.into_body();
        body.frame().await.unwrap().unwrap();
        streams.push(body);
    }
    let fields = [("cookie", &*cookie), ("sec-fetch-site", "same-origin")];
    assert_eq!(site.ask("DELETE", "/api/session", &fields).await.status, 204);
    while let Some(frame) = streams[0].frame().await {
        frame.unwrap();
    }
    for stream in &streams[1..] {
        assert!(!stream.is_end_stream());
    }
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_after_half_a_day_in_any_case() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let idle = site.session("ada").await;
    let used = site.session("ada").await;
    let status = async |cookie: &str| {
        let reply = site.get("/api/plugins", &[("cookie", cookie)]).await;
        reply.status.as_u16()
    };
    // 12 hours in steps of 29 minutes, of which the last one is not whole.
    for step in 1..=24 {
        site.clock.advance(29 * MINUTE);
        assert_eq!(status(&used).await, 200, "{step}");
        if step == 2 {
            assert_eq!(status(&idle).await, 401);
        }
    }
    site.clock.advance(23 * MINUTE);
    assert_eq!(status(&used).await, 200, "11 hours, 59 minutes");
    site.clock.advance(MINUTE);
    assert_eq!(status(&used).await, 401, "12 hours");

    let fresh = site.session("ada").await;
    site.clock.advance(30 * MINUTE - Duration::from_millis(1));
    assert_eq!(status(&fresh).await, 200);
    site.clock.advance(30 * MINUTE);
    assert_eq!(status(&fresh).await, 401);
    let sessions = site.desk.gatekeeper.sessions();
    assert_eq!(
        sessions.remove_expired().await.unwrap(),
        1,
        "the others went when somebody signed in"
    );
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_session_last_longer() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let cookie = site.session("ada").await;
    let status = async || site.get("/api/plugins", &[("cookie", &cookie)]).await.status;
    let sessions = site.desk.gatekeeper.sessions();
    site.clock.set_back(MINUTE);
    assert_eq!(sessions.remove_expired().await.unwrap(), 0);
    assert_eq!(status().await, 200, "set by a little");
    site.clock.set_back(Duration::from_millis(1));
    assert_eq!(status().await, 401);
    assert_eq!(sessions.remove_expired().await.unwrap(), 1);
}

#[tokio::test]
async fn tampered_and_doubled_cookies_are_nobody() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let cookie = site.session("admin").await;
    let id = cookie.strip_prefix("toru-session=").unwrap();
    let (first, rest) = id.split_at(1);
    let other = if first == "A" { "B" } else { "A" };
    for value in [
        format!("toru-session={other}{rest}"),
        format!("toru-session={first}"),
        format!("toru-session={id}{id}"),
        format!("toru-session={id}%00"),
        format!("TORU-SESSION={id}"),
        format!("toru-session='{id}' OR 1"),
        format!("{cookie}; {cookie}"),
        "toru-session=".to_owned(),
        "toru-session".to_owned(),
    ] {
        for path in ["/api/session", "/api/plugins"] {
            let reply = site.get(path, &[("cookie", &value)]).await;
            assert_eq!(reply.status, 401, "{value} {path}");
        }
    }
    assert_eq!(site.get("/api/session", &[("cookie", &cookie)]).await.status, 200);
}

#[tokio::test]
async fn a_new_password_and_a_removal_sign_out_at_once() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let ada = Name::parse("ada").unwrap();
    let cookie = site.session("ada").await;
    site.database
        .with(|it| users::set_password(it, &ada, "$argon2id$nothing"))
        .unwrap();
    assert_eq!(site.get("/api/session", &[("cookie", &cookie)]).await.status, 401);
    // Nor does a sign-in that began with the password of before end with a session.
    let ada = site
        .database
        .with(|it| users::credential(it, &ada))
        .unwrap()
        .unwrap();
    let store = Arc::new(site.desk.gatekeeper.sessions().clone());
    for (version, is_made) in [(ada.version - 1, false), (ada.version, true)] {
        let proof = Proof {
            user: ada.user,
            version,
        };
        let session = Session::new(None, Arc::clone(&store), None);
        session.insert(PROOF, proof).await.unwrap();
        assert_eq!(session.save().await.is_ok(), is_made);
    }
    let admin = site.session("admin").await;
    let removed = site.database.with(|it| {
        it.execute(
            "INSERT INTO users (name, role, password) VALUES ('b', 'admin', '')",
            [],
        )?;
        users::remove(it, &Name::parse("admin").unwrap())
    });
    assert_eq!(removed.unwrap(), Removal::Removed);
    assert_eq!(site.get("/api/session", &[("cookie", &admin)]).await.status, 401);
}

#[tokio::test]
async fn a_password_that_is_changed_during_the_sign_in_is_wrong_and_ends_nothing() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let own = site.session("ada").await;
    // Stands for the change: no session is made, just as when the user has another password by then.
    let change = "CREATE TEMP TRIGGER change BEFORE INSERT ON sessions BEGIN SELECT RAISE(IGNORE); END";
    site.database.with(|it| it.execute_batch(change)).unwrap();
    let reply = sign_in("ada", PASSWORD, &[("cookie", &own)]);
    let reply = site.send([192, 0, 2, 1], reply).await;
    assert_eq!(reply.problem(), (401, "invalid_credentials".to_owned()));
    assert!(!reply.headers.contains_key("set-cookie"));
    assert_eq!(site.get("/api/session", &[("cookie", &own)]).await.status, 200);
}

#[tokio::test]
async fn every_route_of_the_api_wants_somebody_who_is_known() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let bearer = format!("Bearer {TOKEN}");
    let known = [("authorization", &*bearer)];
    let api = site.get("/api/plugins-openapi.json", &known).await.json();
    let expired = site.session("admin").await;
    let signed_out = site.session("admin").await;
    let fields = [("cookie", &*signed_out), ("sec-fetch-site", "same-origin")];
    assert_eq!(site.ask("DELETE", "/api/session", &fields).await.status, 204);
    site.clock.advance(31 * MINUTE);
    let mut count = 0;
    for (path, methods) in api["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "hello").replace("{path}", "x");
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_ascii_uppercase();
            if !matches!(
                &*method,
                "GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "HEAD" | "OPTIONS"
            ) {
                continue;
            }
            for cookie in ["", &expired, &signed_out, "toru-session=AAAAAAAAAAAAAAAAAAAAAA"] {
                let fields = [("cookie", cookie), ("sec-fetch-site", "same-origin")];
                let reply = site.ask(&method, &path, &fields).await;
                assert_eq!(reply.status, 401, "{method} {path} {cookie}");
            }
            count += 1;
        }
    }
    assert!(count >= 7, "{count} operations: {api:#}");
}

#[tokio::test]
async fn methods_that_mean_nothing_are_told_so() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let put = request("PUT", "/api/session", &[], axum::body::Body::empty());
    let reply = site.send([192, 0, 2, 1], put).await;
    assert_eq!(reply.problem(), (405, "method_not_allowed".to_owned()));
    assert_eq!(reply.header("allow"), "GET, HEAD, POST, DELETE");
}
