//! The host for tests, from the side of a test.
#![cfg(all(feature = "testing", feature = "json"))]
#![expect(clippy::unwrap_used, reason = "tests fail by panics")]

#[path = "mock/sample.rs"]
mod sample;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, UNIX_EPOCH};

use sample::{Reply, Sample};
use toru_plugin_api::testing::{MockHost, Running, StartError};
use toru_plugin_api::{
    Frame, KvError, KvRange, KvTransaction, Level, PluginContext, PluginError, PluginKvStore, PluginMetadata,
    PluginRoute, Request, Response, ToruPlugin,
};

async fn running(host: &MockHost) -> Running<Sample> {
    host.start().await.unwrap()
}

async fn text(plugin: &Running<Sample>, path: &str) -> String {
    plugin.get(path).send().await.text().await.unwrap()
}

fn messages(host: &MockHost) -> Vec<String> {
    host.logs().into_iter().map(|record| record.message).collect()
}

#[test]
fn configuration_identity_and_facts_reach_the_plugin() {
    MockHost::block_on(async {
        let host = MockHost::new()
            .config_of(&serde_json::json!({ "greeting": "Moin" }))
            .instance_id("some-id")
            .host("shop", "1.2.3");
        let plugin = running(&host).await;
        let ask = plugin.get("/hello/J%C3%B6rg").user("ann b").role("x,y").role("z");
        let text = ask
            .header("Toru-User", "mallory")
            .send()
            .await
            .text()
            .await
            .unwrap();
        assert_eq!(text, r#"Moin Jörg ann b ["x,y", "z"]"#);
        let ctx = plugin.plugin().ctx;
        assert_eq!((ctx.instance_id, ctx.host_name()), ("some-id", "shop"));
        assert_eq!(
            (ctx.host_version(), ctx.base_path()),
            ("1.2.3", "/api/plugins/sample")
        );
        let record = &host.logs()[0];
        assert_eq!((record.level, &*record.message), (Level::Info, "ready"));
        assert_eq!(record.field("greeting"), Some("Moin"));
        assert!(record.file.ends_with("sample.rs"));
    });
}

#[test]
fn a_plugin_that_does_not_start_says_why() {
    MockHost::block_on(async {
        let start = async |greeting: &str| {
            let config = format!(r#"{{"greeting":"{greeting}"}}"#);
            MockHost::new()
                .config(&config)
                .start::<Sample>()
                .await
                .unwrap_err()
        };
        assert_eq!(start("panic").await, StartError::Panicked("asked to".to_owned()));
        let error = start("twice").await;
        assert_eq!(error.code(), "invalid_route");
        assert!(error.to_string().contains("collides"), "{error}");
        let wrong = MockHost::new().config(r#"{"greeting":1}"#).start::<Sample>();
        assert!(
            matches!(wrong.await.unwrap_err(), StartError::Init(words) if words.contains("configuration"))
        );
    });
}

#[test]
fn entries_have_versions_pages_limits_and_an_end() {
    MockHost::block_on(async {
        let host = MockHost::new().time(UNIX_EPOCH + Duration::from_secs(1000));
        let plugin = running(&host).await;
        let kv = plugin.plugin().ctx.kv;
        kv.set("a", "1").await.unwrap();
        let first = kv.get_entry("a").await.unwrap().unwrap();
        kv.delete("a").await.unwrap();
        kv.set("a", "1").await.unwrap();
        let second = kv.get_entry("a").await.unwrap().unwrap();
        assert!(second.version > first.version, "versions never repeat");
        assert_eq!(
            kv.compare_and_set("a", first.version, "2").await,
            Err(KvError::Conflict)
        );
        let both = KvTransaction::new().set("b", "2").check("c", 7);
        assert_eq!(kv.commit(&both).await, Err(KvError::Conflict));
        assert_eq!(host.stored("b"), None, "all or nothing");
        assert_eq!(kv.increment("n", 41).await, Ok(41));
        assert_eq!(kv.increment("n", 1).await, Ok(42));
        host.store("n", "many");
        assert_eq!(kv.increment("n", 1).await, Err(KvError::NotANumber));
        assert_eq!(kv.get("").await, Err(KvError::KeySize));
        assert_eq!(kv.set("k", vec![0; (1 << 20) + 1]).await, Err(KvError::ValueSize));

        for i in 0..25 {
            kv.set(format!("page/{i:02}"), "").await.unwrap();
        }
        for range in [KvRange::prefix("page/"), KvRange::prefix("page/").descending()] {
            let (mut pages, mut keys) = (kv.pages(range.clone().limit(10)), Vec::new());
            let mut count = 0;
            while let Some(page) = pages.next().await.unwrap() {
                count += usize::from(!page.entries.is_empty());
                keys.extend(page.entries.into_iter().map(|entry| entry.key.into_vec()));
            }
            assert_eq!(count, 3);
            assert_eq!(keys.len(), 25);
            let is_sorted = keys.is_sorted() || keys.is_sorted_by(|a, b| a > b);
            assert!(is_sorted);
        }

        kv.set_for("short", "x", Duration::from_secs(60)).await.unwrap();
        host.advance(Duration::from_secs(30));
        assert!(kv.get("short").await.unwrap().is_some());
        host.advance(Duration::from_secs(30));
        assert_eq!(kv.get("short").await, Ok(None));
    });
}

#[test]
fn data_outlives_the_plugin_and_its_services_do_not() {
    MockHost::block_on(async {
        let host = MockHost::new();
        let plugin = running(&host).await;
        let ctx = plugin.plugin().ctx;
        ctx.kv.set("kept", "yes").await.unwrap();
        let late = plugin.get("/hello/late");
        assert!(plugin.shutdown().await.is_clean());
        assert_eq!(ctx.kv.get("kept").await, Err(KvError::Gone));
        assert!(ctx.config.to_json().is_err() && ctx.runtime.spawn(async {}).is_err());
        assert!(ctx.runtime.sleep(Duration::from_secs(1)).await.is_err());
        assert_eq!(late.send().await.status(), 404);
        let again = running(&host).await;
        let kept = again.plugin().ctx.kv.get("kept").await.unwrap();
        assert_eq!(&*kept.unwrap(), b"yes");
    });
}

#[test]
fn a_plugin_that_listens_goes_on_and_any_other_is_started_anew() {
    MockHost::block_on(async {
        let host = MockHost::new().license(" first\n");
        let plugin = running(&host).await;
        assert_eq!(text(&plugin, "/key").await, "first");
        let plugin = plugin.set_license(Some("accepted")).await.unwrap();
        assert_eq!(text(&plugin, "/key").await, "first", "the same value runs on");
        let plugin = plugin.set_license(Some("third")).await.unwrap();
        assert_eq!(text(&plugin, "/key").await, "third");
        assert_eq!(messages(&host), ["ready", "goodbye", "ready"]);
        let refused = plugin.set_license(Some("expired")).await.unwrap_err();
        assert_eq!(refused.code(), "license_expired");
        assert!(refused.to_string().contains("it has ended"));
    });
}

#[test]
fn what_is_left_behind_is_told() {
    MockHost::block_on(async {
        let host = MockHost::new().config(r#"{"greeting":"task"}"#);
        let plugin = running(&host).await;
        assert_eq!(plugin.tasks(), 1);
        let ended = plugin.shutdown().await;
        assert_eq!((ended.tasks, ended.error), (1, None));
        let host = MockHost::new().config(r#"{"greeting":"rude"}"#);
        let ended = running(&host).await.shutdown().await;
        assert!(!ended.is_clean());
        assert!(ended.error.unwrap().contains("no goodbye"));
    });
}

#[test]
fn a_task_runs_beside_requests() {
    MockHost::block_on(async {
        let plugin = running(&MockHost::new()).await;
        let ctx = plugin.plugin().ctx;
        let (sender, receiver) = mpsc::channel();
        ctx.runtime
            .spawn(async move {
                let set = ctx.kv.set("from", "task").await;
                sender.send((set, ctx.kv.blocking().get("from"))).unwrap();
            })
            .unwrap();
        let (set, blocking) = receiver.recv().unwrap();
        assert_eq!(set, Ok(()));
        assert_eq!(blocking, Err(KvError::WouldBlock), "tasks must not block");
        plugin.tasks_ended().await;
        assert!(plugin.shutdown().await.is_clean());
    });
}

#[test]
fn the_misuse_of_blocking_calls_is_found() {
    MockHost::block_on(async {
        let host = MockHost::new();
        let plugin = running(&host).await;
        assert_eq!(plugin.get("/wrong").send().await.status(), 500);
        assert!(
            messages(&host)
                .iter()
                .any(|message| message.contains("must not be blocked"))
        );
        assert_eq!(host.stored("a"), None);
        assert_eq!(plugin.get("/right").send().await.status(), 204);
        assert!(host.stored("a").is_some());
    });
}

#[test]
fn waits_end_when_the_clock_is_moved_on_or_at_once() {
    MockHost::block_on(async {
        let plugin = running(&MockHost::new()).await;
        let mut waiting = pin!(plugin.get("/wait").send());
        let polled = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
        plugin.advance(Duration::from_secs(20));
        assert_eq!(waiting.await.text().await.unwrap(), "waited");
        let plugin = running(&MockHost::new().skip_waits()).await;
        assert_eq!(text(&plugin, "/wait").await, "waited");
    });
}

#[test]
fn a_handler_that_takes_too_long_is_cancelled() {
    MockHost::block_on(async {
        let plugin = running(&MockHost::new()).await;
        for (seconds, status) in [(60, 504), (29, 200)] {
            let path = format!("/wait?s={seconds}");
            let mut waiting = pin!(plugin.get(&path).send());
            let polled = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
            plugin.advance(Duration::from_secs(31));
            assert_eq!(waiting.await.status(), status);
        }
    });
}

#[test]
fn bodies_are_read_piece_by_piece_and_dropped_by_whoever_goes_away() {
    MockHost::block_on(async {
        let host = MockHost::new().skip_waits();
        let plugin = running(&host).await;
        let mut response = plugin.get("/ticks").send().await;
        for expected in ["1", "2", "3"] {
            let Some(Ok(Frame::Data(data))) = response.frame().await else {
                panic!("no data");
            };
            assert_eq!(&*data, expected.as_bytes());
        }
        assert_eq!(response.bytes().await.unwrap().len(), 0);
        let trailers = response.trailers().unwrap();
        assert_eq!(trailers.get("x-sum"), Some(&b"6"[..]));
        assert_eq!(trailers.get("set-cookie"), None);

        let mut leaves = plugin.get("/ticks").send().await;
        leaves.frame().await.unwrap().unwrap();
        drop(leaves);
        let ended = messages(&host);
        assert_eq!(ended[1..], ["4 ticks", "1 ticks"]);
    });
}

#[test]
fn what_is_suspended_is_cancelled_at_the_end() {
    MockHost::block_on(async {
        let host = MockHost::new();
        let plugin = running(&host).await;
        let mut waiting = pin!(plugin.get("/wait").send());
        assert!(
            poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx)))
                .await
                .is_pending()
        );
        let mut stream = plugin.get("/ticks").send().await;
        assert!(plugin.shutdown().await.is_clean());
        assert_eq!(waiting.await.status(), 503);
        assert!(stream.frame().await.is_none_or(|frame| frame.is_err()));
        let messages = messages(&host);
        let at = |text: &str| messages.iter().position(|message| message == text).unwrap();
        assert!(at("0 ticks") < at("goodbye"), "{messages:?}");
    });
}

#[test]
fn as_many_requests_as_a_host_lets_in_are_let_in() {
    MockHost::block_on(async {
        let plugin = running(&MockHost::new()).await;
        let mut waiting: Vec<_> = (0..64).map(|_| Box::pin(plugin.get("/wait").send())).collect();
        for request in &mut waiting {
            let polled = poll_fn(|cx| Poll::Ready(request.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
        }
        let mut busy = plugin.get("/hello/x").send().await;
        assert_eq!((busy.status(), busy.header("retry-after")), (503, Some("1")));
        assert!(busy.text().await.unwrap().contains("plugin_busy"));
        // Whoever goes away makes room.
        drop(waiting.pop());
        assert_eq!(plugin.get("/hello/x").send().await.status(), 200);
    });
}

#[test]
fn a_plugin_that_is_dropped_leaves_nothing_running() {
    MockHost::block_on(async {
        let host = MockHost::new().config(r#"{"greeting":"task"}"#);
        let plugin = running(&host).await;
        let ctx = plugin.plugin().ctx;
        let mut stream = plugin.get("/ticks").send().await;
        drop(plugin);
        assert!(ctx.runtime.spawn(async {}).is_err());
        assert_eq!(ctx.kv.get("a").await, Err(KvError::Gone));
        assert!(stream.frame().await.is_none_or(|frame| frame.is_err()));
        assert!(!messages(&host).contains(&"goodbye".to_owned()));
    });
}

#[cfg(feature = "tokio")]
mod tokio_plugin {
    use toru_plugin_api::TokioRuntime;

    use super::*;

    struct Spawns;

    impl ToruPlugin for Spawns {
        const METADATA: PluginMetadata = PluginMetadata::new("spawns", "Spawns");
        const TOKIO: Option<TokioRuntime> = Some(TokioRuntime::new());

        async fn init(_: PluginContext) -> Result<Self, PluginError> {
            Ok(Self)
        }

        fn register_routes(&self) -> Vec<PluginRoute<Self>> {
            vec![
                PluginRoute::get("/", Self::spawn),
                PluginRoute::get("/spawn", Self::spawn),
            ]
        }
    }

    impl Spawns {
        async fn spawn(&self, _: Request) -> Reply {
            let made = tokio::spawn(async { "made elsewhere" }).await;
            Ok(Response::text(made.map_err(|error| error.to_string())?))
        }
    }

    #[test]
    fn a_plugin_has_its_own_runtime_here_too() {
        MockHost::block_on(async {
            let plugin = MockHost::new().start::<Spawns>().await.unwrap();
            let mut response = plugin.get("/spawn").send().await;
            assert_eq!(response.text().await.unwrap(), "made elsewhere");
            assert_eq!(plugin.get("/").send().await.status(), 404, "the host's own path");
            assert!(plugin.shutdown().await.is_clean());
        });
    }
}
