//! How often somebody may try to sign in.

use std::time::Duration;

use axum::body::{Body, Bytes};
use demo_server::auth::passwords::Password;
use demo_server::database::users::{self, Name};
use http_body_util::channel::Channel;

use crate::site::{PASSWORD, Site, request, sign_in};

const WRONG: &str = "wrong password";

#[tokio::test]
async fn ten_failures_stop_an_address_and_nobody_else() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    for name in ["ada", "nobody", "not a name"] {
        for _ in 0..10 {
            let reply = site.sign_in_from(1, name, WRONG).await;
            assert_eq!(reply.problem(), (401, "invalid_credentials".to_owned()), "{name}");
            // The other attempts come from elsewhere, for the limit of the address.
            assert!(!reply.headers.contains_key("set-cookie"));
        }
        let reply = site.sign_in_from(1, name, PASSWORD).await;
        assert_eq!(reply.problem(), (429, "too_many_attempts".to_owned()), "{name}");
        assert_eq!(reply.header("retry-after"), "900");
    }
    // The right password from elsewhere works: nobody can lock somebody else out.
    assert_eq!(site.sign_in_from(2, "ada", PASSWORD).await.status, 200);
    // Thirty failures are enough for an address, whatever the account.
    assert_eq!(site.sign_in_from(1, "admin", PASSWORD).await.status, 429);
    assert_eq!(site.sign_in_from(2, "admin", PASSWORD).await.status, 200);
    site.clock.advance(Duration::from_secs(899));
    let reply = site.sign_in_from(1, "admin", PASSWORD).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "1"));
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.sign_in_from(1, "admin", PASSWORD).await.status, 200);
    assert_eq!(site.sign_in_from(1, "ada", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn an_account_under_attack_gives_few_attempts_to_each_address_and_lets_its_owner_mistype() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    for last in 1..=10 {
        assert_eq!(site.sign_in_from(last, "ada", WRONG).await.status, 401);
    }
    for last in [1, 11] {
        let left = if last == 1 { 2 } else { 3 };
        for _ in 0..left {
            assert_eq!(site.sign_in_from(last, "ada", WRONG).await.status, 429);
        }
        assert_eq!(site.sign_in_from(last, "ada", PASSWORD).await.status, 429);
    }
    assert_eq!(site.sign_in_from(99, "ada", WRONG).await.status, 429);
    assert_eq!(site.sign_in_from(99, "ada", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn attempts_at_once_are_no_more_than_one_after_the_other() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    // More at once than may wait: the rest is turned away unheard. Two hash, two wait, and whoever comes after them.
    let mut attempts = tokio::task::JoinSet::new();
    let site = std::sync::Arc::new(site);
    for _ in 0..40 {
        let site = std::sync::Arc::clone(&site);
        attempts.spawn(async move { site.sign_in_from(1, "ada", WRONG).await.status.as_u16() });
    }
    let mut answers = attempts.join_all().await;
    answers.sort_unstable();
    let heard = answers.iter().filter(|status| **status == 401).count();
    assert!((4..=10).contains(&heard), "{answers:?}");
    assert!(
        answers[heard..].iter().all(|status| *status == 429),
        "{answers:?}"
    );
}

#[tokio::test]
async fn forwarded_addresses_count_behind_a_proxy_alone() {
    for is_behind_proxy in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let (clock, assets) = (
            demo_server::clock::Clock::manual(),
            demo_server::assets::Assets::new(&[]),
        );
        let site = Site::open_with(home.path(), clock, assets, is_behind_proxy).await;
        for _ in 0..10 {
            // The client writes something of its own in front of what the proxy adds.
            let fields = [("x-forwarded-for", "203.0.113.9, 203.0.113.1")];
            let reply = site.send([127, 0, 0, 1], sign_in("ada", WRONG, &fields)).await;
            assert_eq!(reply.status, 401);
        }
        for (address, expected) in [
            ("203.0.113.9, 203.0.113.1", 429),
            ("203.0.113.77, 203.0.113.1", 429),
            ("203.0.113.2", if is_behind_proxy { 200 } else { 429 }),
        ] {
            let fields = [("x-forwarded-for", address)];
            let reply = site.send([127, 0, 0, 1], sign_in("ada", PASSWORD, &fields)).await;
            assert_eq!(reply.status, expected, "{address}");
        }
    }
}

#[tokio::test]
async fn a_password_counts_to_its_last_character() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let long = format!("{} ☂ ", "abcdefgh".repeat(12));
    let hash = Password::chosen(long.clone()).unwrap().hash().unwrap();
    let ada = Name::parse("ada").unwrap();
    assert!(
        site.database
            .with(|it| users::set_password(it, &ada, &hash))
            .unwrap()
    );
    for (password, expected) in [
        (&*long, 200),
        (long.trim_end(), 401),
        (&long[..72], 401),
        (&format!("{long}x"), 401),
        ("", 401),
    ] {
        assert_eq!(
            site.sign_in_from(1, "ada", password).await.status,
            expected,
            "{password}"
        );
    }
}

#[tokio::test]
async fn a_body_that_does_not_end_is_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let endless = Channel::<Bytes>::new(1);
    let fields = [("content-type", "application/json")];
    let request = request("POST", "/api/session", &fields, Body::new(endless.1));
    // From here on time passes by itself while nobody has anything to do: without a limit there were no end.
    tokio::time::pause();
    let reply = site.send([192, 0, 2, 1], request).await;
    assert_eq!(reply.problem(), (408, "request_timeout".to_owned()));
    drop(endless.0);
}

#[tokio::test]
async fn only_pages_of_the_site_sign_in_and_out() {
    let home = tempfile::tempdir().unwrap();
    let site = Site::open(home.path()).await;
    let cookie = site.session("ada").await;
    let body = || {
        let body = serde_json::json!({"username": "admin", "password": PASSWORD});
        Body::from(body.to_string())
    };
    for field in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("cookie", &cookie),
    ] {
        let fields = [("content-type", "application/json"), field];
        let reply = site
            .send([192, 0, 2, 1], request("POST", "/api/session", &fields, body()))
            .await;
        assert_eq!(reply.problem(), (403, "foreign_origin".to_owned()), "{field:?}");
        assert!(!reply.headers.contains_key("set-cookie"));
        let fields = [("cookie", &*cookie), field];
        let fields = if field.0 == "cookie" {
            &fields[..1]
        } else {
            &fields
        };
        let reply = site.ask("DELETE", "/api/session", fields).await;
        assert_eq!(reply.problem(), (403, "foreign_origin".to_owned()), "{field:?}");
    }
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
    ] {
        let fields = [("content-type", media_type), ("origin", "http://app.example")];
        for method in ["POST", "DELETE"] {
            let fields = [fields[0], fields[1], ("cookie", &cookie)];
            let reply = site
                .send([192, 0, 2, 1], request(method, "/api/session", &fields, body()))
                .await;
            assert_eq!(reply.status, 415, "{method} {media_type}");
        }
    }
    assert_eq!(
        site.get("/api/session", &[("cookie", &cookie)]).await.status,
        200,
        "still signed in"
    );
    // Nor does a page of another site manage plugins with somebody's cookie.
    let fields = [("cookie", &*cookie), ("sec-fetch-site", "cross-site")];
    let reply = site.ask("POST", "/api/plugins/hello/x", &fields).await;
    assert_eq!(reply.problem(), (403, "foreign_origin".to_owned()));
    for body in [
        "",
        "{}",
        "[]",
        "{\"username\":1,\"password\":\"x\"}",
        &"x".repeat(20_000),
    ] {
        let fields = [("content-type", "application/json; charset=utf-8")];
        let request = request("POST", "/api/session", &fields, Body::from(body.to_owned()));
        let reply = site.send([192, 0, 2, 1], request).await;
        assert_eq!(reply.problem(), (400, "invalid_request".to_owned()), "{body:.20}");
    }
}
