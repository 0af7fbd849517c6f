//! Changes as server-sent events.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use serde_json::Value;
use toru_host::service::{
    Authorization, DangerouslyAllowEveryone, Identity, PluginApi, PluginApiBuilder, ResponseBody,
};
use toru_plugin_api::Response;
use tower_service::Service;

use crate::actor::Script;
use crate::host::{Decides, Host, read, soon};

/// An event as a client reads it.
#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

struct Client(ResponseBody);

impl Client {
    async fn text(&mut self) -> Option<String> {
        let frame = soon(self.0.frame()).await?.unwrap();
        Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
    }

    /// The next event; comments and times to wait are passed over.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let text = self.text().await?;
            assert!(text.ends_with("\n\n"), "events are whole: {text}");
            let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
            if let Some(data) = line("data: ") {
                return Some(Event {
                    name: line("event: ").unwrap().to_owned(),
                    id: line("id: ").unwrap().to_owned(),
                    data: serde_json::from_str(data).unwrap(),
                });
            }
        }
    }
}

async fn host() -> Host {
    Script::act(|_, _| async { Ok(Response::text("")) })
        .load(|builder| builder)
        .await
}

fn api(host: &Host, change: impl FnOnce(PluginApiBuilder) -> PluginApiBuilder) -> PluginApi {
    change(PluginApi::builder(host.manager.clone(), DangerouslyAllowEveryone)).build()
}

async fn listen(api: &PluginApi, last: Option<&str>) -> http::Response<ResponseBody> {
    let mut request = Request::get("/api/plugin-events");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let Ok(response) = soon(api.clone().call(request.body(Empty::<Bytes>::new()).unwrap())).await;
    response
}

async fn client(api: &PluginApi, last: Option<&str>) -> Client {
    let response = listen(api, last).await;
    assert_eq!(response.status(), 200);
    let field = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(field("content-type"), "text/event-stream");
    assert_eq!(
        (&*field("cache-control"), &*field("x-accel-buffering")),
        ("no-store", "no")
    );
    Client(response.into_body())
}

#[tokio::test]
async fn a_client_gets_a_snapshot_and_then_every_change() {
    let host = host().await;
    let mut client = client(&api(&host, |builder| builder), None).await;
    let snapshot = client.next().await.unwrap();
    assert_eq!(
        (&*snapshot.name, &snapshot.data["plugins"][0]["status"]["state"]),
        ("snapshot", &"disabled".into())
    );
    host.enable("actor").await.unwrap();
    let mut states = Vec::new();
    while states.last().is_none_or(|state| state != "enabled") {
        let event = client.next().await.unwrap();
        assert_eq!((&*event.name, &event.data["id"]), ("plugin", &"actor".into()));
        states.push(event.data["status"]["state"].as_str().unwrap().to_owned());
    }
    assert!(states.contains(&"starting".to_owned()), "{states:?}");
    soon(host.manager.shutdown()).await;
    while client.next().await.is_some() {}
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed_or_a_snapshot() {
    let host = host().await;
    let api = api(&host, |builder| builder);
    let mut first = client(&api, None).await;
    let last = first.next().await.unwrap().id;
    drop(first);
    host.enable("actor").await.unwrap();
    let missed = client(&api, Some(&last)).await.next().await.unwrap();
    assert_eq!(missed.name, "plugin", "no snapshot: nothing was forgotten");
    // Ids of another run, of the future, and of nobody.
    let (sequence, run) = last.split_once('-').unwrap();
    for odd in [
        format!("{sequence}-0"),
        format!("99999-{run}"),
        "x".into(),
        String::new(),
    ] {
        let first = client(&api, Some(&odd)).await.next().await.unwrap();
        assert_eq!(first.name, "snapshot", "{odd}");
    }
    // More changes than are kept.
    for _ in 0..100 {
        host.disable("actor").await;
        host.enable("actor").await.unwrap();
    }
    assert_eq!(
        client(&api, Some(&last)).await.next().await.unwrap().name,
        "snapshot"
    );
}

#[tokio::test]
async fn streams_are_counted_and_a_place_comes_back() {
    let host = host().await;
    let api = api(&host, |builder| builder.max_event_streams(2));
    let (one, _two) = (client(&api, None).await, client(&api, None).await);
    let answer = read(listen(&api, None).await).await.unwrap();
    assert_eq!(answer.problem(), (503, "too_many_listeners".into()));
    assert!(answer.headers.contains_key("retry-after"));
    drop(one);
    client(&api, None).await;
}

#[tokio::test]
async fn one_user_does_not_take_all_places() {
    let host = host().await;
    let decides = Decides(|head: &http::request::Parts| {
        let user = head.headers["x-user"].to_str().unwrap();
        Authorization::allow(Identity::user(user))
    });
    let builder = PluginApi::builder(host.manager.clone(), decides);
    let api = builder.max_event_streams(4).max_event_streams_per_user(2).build();
    let listen = async |user: &str| {
        let request = Request::get("/api/plugin-events").header("x-user", user);
        let Ok(response) = soon(api.clone().call(request.body(Empty::<Bytes>::new()).unwrap())).await;
        response
    };
    let of_ann = [listen("ann").await, listen("ann").await];
    let answer = read(listen("ann").await).await.unwrap();
    assert_eq!(answer.problem(), (503, "too_many_listeners".into()));
    assert_eq!(listen("bob").await.status(), 200);
    drop(of_ann);
    assert_eq!(listen("ann").await.status(), 200);
}

#[tokio::test]
async fn a_stream_ends_by_itself_also_when_nobody_reads_it() {
    let host = host().await;
    let api = api(&host, |builder| {
        builder
            .max_event_streams(1)
            .max_event_stream_age(Duration::from_millis(1))
    });
    let mut unread = listen(&api, None).await.into_body();
    // Its place comes free, and whoever reads on then finds the end.
    let next = soon(async {
        loop {
            let response = listen(&api, None).await;
            if response.status() == 200 {
                break response;
            }
            tokio::task::yield_now().await;
        }
    });
    drop(next.await);
    assert!(soon(unread.frame()).await.is_none());
}

#[tokio::test]
async fn a_silent_stream_says_that_it_is_alive() {
    let host = host().await;
    let api = api(&host, |builder| {
        builder.event_keep_alive(Duration::from_millis(1))
    });
    let mut client = client(&api, None).await;
    client.next().await.unwrap();
    assert_eq!(client.text().await.unwrap(), ": keep-alive\n\n");
    assert_eq!(client.text().await.unwrap(), ": keep-alive\n\n");
}

#[tokio::test]
async fn a_head_request_has_no_stream() {
    let host = host().await;
    let request = Request::head("/api/plugin-events")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let Ok(response) = soon(api(&host, |builder| builder.max_event_streams(1)).call(request)).await;
    assert_eq!(
        (
            response.status().as_u16(),
            read(response).await.unwrap().body.len()
        ),
        (200, 0)
    );
}
