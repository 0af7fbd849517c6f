//! What a plugin says by `tracing` and `log`, in the host for tests.
#![cfg(all(feature = "testing", feature = "tracing", feature = "tokio"))]
#![expect(clippy::unwrap_used, reason = "tests fail by panics")]

use std::error::Error;
use std::fmt;
use std::time::Duration;

use toru_plugin_api::testing::{LogRecord, MockHost, Running};
use toru_plugin_api::{
    Level, PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response, TokioRuntime,
    ToruPlugin,
};
use tracing::Instrument as _;

struct Telling {
    ctx: PluginContext,
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no number")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// Says something when it is formatted.
struct Talkative;

impl fmt::Debug for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        log::info!("formatting");
        tracing::info!("formatting");
        f.write_str("talk")
    }
}

impl ToruPlugin for Telling {
    const METADATA: PluginMetadata = PluginMetadata::new("telling", "Telling");
    const TOKIO: Option<TokioRuntime> = Some(TokioRuntime::new());

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        tracing::info!(limit = 5, mode = "fast", "ready");
        Ok(Self { ctx })
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![
            PluginRoute::get("/spans", Self::spans),
            PluginRoute::get("/levels", Self::levels),
            PluginRoute::get("/log", Self::log),
            PluginRoute::get("/tasks", Self::tasks),
            PluginRoute::get("/errors", Self::errors),
            PluginRoute::get("/talkative", Self::talkative),
            PluginRoute::blocking_get("/blocks", Self::blocks),
        ]
    }

    async fn shutdown(&self) {
        tracing::warn!("going");
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        tracing::info!("gone");
    }
}

impl Telling {
    async fn spans(&self, _: Request) -> Result<Response, PluginError> {
        let outer = tracing::info_span!("outer", id = 7, late = tracing::field::Empty);
        let inner = tracing::debug_span!(parent: &outer, "inner");
        async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            outer.record("late", "now");
            tracing::info!(n = 1, "within");
        }
        .instrument(inner)
        .instrument(outer.clone())
        .await;
        tracing::info!(parent: &outer, "beside");
        tracing::info!("without");
        Ok(Response::new(204))
    }

    async fn levels(&self, _: Request) -> Result<Response, PluginError> {
        tracing::error!("an error");
        tracing::warn!("a warning");
        tracing::info!("an information");
        tracing::debug!("a detail");
        tracing::trace!("everything");
        let enabled = [
            tracing::enabled!(tracing::Level::DEBUG),
            log::log_enabled!(log::Level::Debug),
            log::log_enabled!(log::Level::Info),
        ];
        Ok(Response::text(format!("{enabled:?}")))
    }

    async fn log(&self, _: Request) -> Result<Response, PluginError> {
        log::warn!(target: "library", colour = "red", number = 3; "by {}", "log");
        Ok(Response::new(204))
    }

    async fn tasks(&self, _: Request) -> Result<Response, PluginError> {
        let spawned = tokio::spawn(async { tracing::info!("by a task") });
        spawned.await.map_err(PluginError::other)?;
        tokio::task::spawn_blocking(|| log::info!("by a thread of the runtime"))
            .await
            .map_err(PluginError::other)?;
        self.ctx
            .runtime
            .spawn_blocking(|| tracing::info!("by a thread of the host"))
            .await?;
        Ok(Response::new(204))
    }

    async fn errors(&self, _: Request) -> Result<Response, PluginError> {
        let error = Outer("x".parse::<u8>().unwrap_err());
        tracing::error!(error = &error as &dyn Error, "failed");
        Ok(Response::new(204))
    }

    async fn talkative(&self, _: Request) -> Result<Response, PluginError> {
        let span = tracing::info_span!("talking", value = tracing::field::Empty);
        let _inside = span.enter();
        span.record("value", tracing::field::debug(Talkative));
        span.record("value", tracing::field::debug(Talkative));
        tracing::info!("told");
        Ok(Response::new(204))
    }

    fn blocks(&self, _: Request) -> Result<Response, PluginError> {
        let _span = tracing::info_span!("blocking").entered();
        tracing::info!("by a blocking handler");
        Ok(Response::new(204))
    }
}

async fn after(host: &MockHost, path: &str) -> (Vec<LogRecord>, String) {
    let plugin: Running<Telling> = host.start().await.unwrap();
    let before = plugin.logs().len();
    let text = plugin.get(path).send().await.text().await.unwrap();
    (plugin.logs().split_off(before), text)
}

fn lines(records: &[LogRecord]) -> Vec<String> {
    records.iter().map(ToString::to_string).collect()
}

#[test]
fn events_arrive_with_level_place_and_fields() {
    MockHost::block_on(async {
        let host = MockHost::new();
        let plugin: Running<Telling> = host.start().await.unwrap();
        let records = plugin.logs();
        assert_eq!(lines(&records), ["Info: ready limit=5 mode=fast"]);
        assert_eq!(records[0].target, "traced");
        assert!(records[0].file.ends_with("traced.rs") && records[0].line > 0);
        plugin.shutdown().await;
        assert_eq!(lines(&host.logs())[1..], ["Warn: going", "Info: gone"]);
    });
}

#[test]
fn events_tell_the_spans_around_them_with_their_fields() {
    MockHost::block_on(async {
        let (records, _) = after(&MockHost::new().max_level(Level::Info), "/spans").await;
        let expected = [
            "Info: within n=1 span=outer{id=7 late=now}",
            "Info: beside span=outer{id=7 late=now}",
            "Info: without",
        ];
        assert_eq!(lines(&records), expected, "a span that nobody listens to is none");
    });
}

#[test]
fn spans_tell_how_long_they_took_to_whoever_wants_details() {
    MockHost::block_on(async {
        let (records, _) = after(&MockHost::new().max_level(Level::Debug), "/spans").await;
        let closed: Vec<_> = records
            .iter()
            .filter(|record| record.message == "close")
            .collect();
        let spans: Vec<_> = closed
            .iter()
            .map(|record| record.field("span").unwrap())
            .collect();
        assert_eq!(spans, ["outer{id=7 late=now}:inner", "outer{id=7 late=now}"]);
        for record in closed {
            assert_eq!(record.level, Level::Debug);
            assert!(record.field("time.busy").is_some() && record.field("time.idle").is_some());
        }
    });
}

#[test]
fn what_nobody_listens_to_is_not_said() {
    MockHost::block_on(async {
        for (level, expected, enabled) in [
            (Level::Error, 1, "[false, false, false]"),
            (Level::Info, 3, "[false, false, true]"),
            (Level::Trace, 5, "[true, true, true]"),
        ] {
            let (records, text) = after(&MockHost::new().max_level(level), "/levels").await;
            assert_eq!((records.len(), &*text), (expected, enabled), "{level:?}");
        }
    });
}

#[test]
fn records_of_log_arrive_with_their_values() {
    MockHost::block_on(async {
        let (records, _) = after(&MockHost::new(), "/log").await;
        assert_eq!(lines(&records), ["Warn: by log colour=red number=3"]);
        assert_eq!(records[0].target, "library");
        assert!(records[0].file.ends_with("traced.rs"));
    });
}

#[test]
fn tasks_and_threads_are_heard() {
    MockHost::block_on(async {
        let host = MockHost::new();
        let (records, _) = after(&host, "/tasks").await;
        let expected = [
            "Info: by a task",
            "Info: by a thread of the runtime",
            "Info: by a thread of the host",
        ];
        assert_eq!(lines(&records), expected);
        let (records, _) = after(&MockHost::new(), "/blocks").await;
        assert_eq!(
            lines(&records)[..1],
            ["Info: by a blocking handler span=blocking"]
        );
    });
}

#[test]
fn errors_are_told_with_their_causes() {
    MockHost::block_on(async {
        let (records, _) = after(&MockHost::new(), "/errors").await;
        assert_eq!(
            records[0].field("error"),
            Some("no number: invalid digit found in string")
        );
    });
}

#[test]
fn values_that_say_something_while_they_are_formatted_do_no_harm() {
    MockHost::block_on(async {
        let (records, _) = after(&MockHost::new().max_level(Level::Info), "/talkative").await;
        let told = records.iter().find(|record| record.message == "told");
        assert_eq!(told.unwrap().field("span"), Some("talking{value=talk}"));
    });
}

#[test]
fn plugins_side_by_side_are_told_apart() {
    MockHost::block_on(async {
        let (first, second) = (MockHost::new(), MockHost::new());
        let one: Running<Telling> = first.start().await.unwrap();
        let two: Running<Telling> = second.start().await.unwrap();
        one.get("/tasks").send().await;
        assert_eq!((one.logs().len(), two.logs().len()), (4, 1));
    });
}
