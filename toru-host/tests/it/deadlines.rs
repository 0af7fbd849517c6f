//! Plugins that take too long. Time is the test's own: it passes when nothing else is left to do.

use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use toru_host::Builder;
use toru_host::plugin::{PluginCounters, PluginLimits};
use toru_plugin_api::{Body, BodyStream, Frame, PluginContext, PluginError, Response};

use crate::actor::{Later, Script, told};
use crate::host::{Host, get, id, poll_once, read, soon, until};
use crate::mirror::with_mirror;
use crate::support::Place;
use crate::zoo;

const HOUR: Duration = Duration::from_secs(3600);

fn counted(host: &Host) -> PluginCounters {
    host.info("actor").counters
}

/// A plugin that answers when that has passed.
fn answers_after(time: Duration) -> Script {
    Script::act(move |ctx, _| async move {
        ctx.runtime.sleep(time).await?;
        Ok(Response::text("at last"))
    })
}

#[tokio::test]
async fn a_call_that_is_not_answered_in_time_is_dropped_and_counted() {
    for path in ["actor/act", "actor/large"] {
        let (guard, dropped) = told();
        let guard = std::sync::Mutex::new(Some(guard));
        let host = Script::act(move |_, _| {
            let guard = guard.lock().unwrap().take();
            async move {
                let _guard = guard;
                std::future::pending().await
            }
        })
        .run()
        .await;
        tokio::time::pause();
        let answer = host.get(path).await;
        assert_eq!(answer.problem(), (504, "plugin_timeout".into()));
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        soon(dropped).await.unwrap();
        let after = counted(&host);
        assert_eq!((after.calls, after.timed_out, after.in_flight), (1, 1, 0));
        assert_eq!((after.cancelled, after.failed, after.rejected), (0, 0, 0));
        tokio::time::resume();
        host.disable("actor").await;
    }
}

#[tokio::test]
async fn a_detached_call_that_is_not_answered_in_time_is_told_so() {
    let Some(zoo) = zoo::running("responds_after_cancellation").await else {
        return;
    };
    tokio::time::pause();
    assert_eq!(zoo.fault(0).await.problem(), (504, "plugin_timeout".into()));
    tokio::time::resume();
    // Told once, and its answer comes too late.
    assert_eq!((zoo.count("called").await, zoo.count("status").await), (1, 21));
    let after = zoo.host.info(&zoo.id).counters;
    assert_eq!((after.timed_out, after.cancelled), (1, 0));
    zoo.host.disable(&zoo.id).await;
}

#[tokio::test]
async fn a_blocking_call_is_answered_in_time_while_its_thread_goes_on() {
    let (entered, has_entered) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = std::sync::Mutex::new(may_go_on);
    let host = Script::block(move |_, _| {
        entered.send(()).unwrap();
        // An error when the test has failed.
        let _ = may_go_on.lock().unwrap().recv();
        Ok(Response::text("too late"))
    })
    .run_with(|builder| builder.limits(PluginLimits::new().max_in_flight(1)))
    .await;
    tokio::time::pause();
    let mut call = host.call(get("actor/block"));
    assert!(poll_once(&mut call).await.is_pending());
    has_entered.recv().unwrap();
    tokio::time::advance(Duration::from_secs(29)).await;
    assert!(poll_once(&mut call).await.is_pending(), "there is a second left");
    tokio::time::advance(Duration::from_secs(2)).await;
    let Ok(response) = call.await;
    let answer = read(response).await.unwrap();
    assert_eq!(answer.problem(), (504, "plugin_timeout".into()));
    let late = counted(&host);
    assert_eq!(
        (late.timed_out, late.in_flight),
        (1, 1),
        "the thread has its place"
    );
    assert_eq!(host.get("actor/ok").await.code(), "plugin_busy");
    tokio::time::resume();
    go_on.send(()).unwrap();
    until(|| counted(&host).in_flight == 0).await;
    assert_eq!(host.get("actor/ok").await.text(), "ok");
    let after = counted(&host);
    assert_eq!((after.timed_out, after.cancelled, after.failed), (1, 0, 0));
    host.disable("actor").await;
}

/// Brings one frame an hour.
struct Hourly {
    ctx: PluginContext,
    left: u32,
    next: Option<Later<()>>,
}

impl BodyStream for Hourly {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, PluginError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let ctx = self.ctx;
        let next = self
            .next
            .get_or_insert_with(|| Box::pin(async move { ctx.runtime.sleep(HOUR).await.unwrap() }));
        std::task::ready!(next.as_mut().poll(cx));
        (self.next, self.left) = (None, self.left - 1);
        Poll::Ready(Some(Ok(Frame::Data("tick".into()))))
    }
}

#[tokio::test]
async fn a_response_whose_head_came_in_time_may_stream_for_longer() {
    let host = Script::act(|ctx, _| async move {
        let stream = Hourly {
            ctx,
            left: 3,
            next: None,
        };
        Ok(Response::new(200).with_body(Body::from_stream(stream)))
    })
    .run()
    .await;
    tokio::time::pause();
    let response = host.respond(get("actor/act")).await;
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "tickticktick");
    assert_eq!(counted(&host).timed_out, 0);
}

/// Status and code of what is answered at some time.
async fn at_some_time(host: &Host, path: &str) -> (u16, String) {
    let Ok(response) = host.call(get(path)).await;
    read(response).await.unwrap().problem()
}

async fn with_limits(script: Script, limits: impl FnOnce(Builder) -> Builder) -> Host {
    let host = script.run_with(limits).await;
    tokio::time::pause();
    host
}

#[tokio::test]
async fn there_may_be_no_deadline_at_all() {
    for limits in [
        PluginLimits::new().timeout(Duration::MAX),
        PluginLimits::unlimited(),
    ] {
        let host = with_limits(answers_after(HOUR), |builder| builder.limits(limits)).await;
        assert_eq!(at_some_time(&host, "actor/act").await, (200, String::new()));
        assert_eq!(counted(&host).timed_out, 0);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn plugins_have_deadlines_of_their_own() {
    let ten = Duration::from_secs(10);
    let host = with_limits(answers_after(ten), |builder| builder).await;
    assert_eq!(at_some_time(&host, "actor/act").await, (200, String::new()));
    tokio::time::resume();
    let host = with_limits(answers_after(ten), |builder| {
        let strict = PluginLimits::new().timeout(Duration::from_secs(5));
        builder.plugin_limits(id("actor"), strict)
    })
    .await;
    assert_eq!(
        at_some_time(&host, "actor/act").await,
        (504, "plugin_timeout".into())
    );
    tokio::time::resume();
}

#[tokio::test]
async fn a_deadline_of_nothing_lets_through_what_never_suspends() {
    let host = with_limits(answers_after(HOUR), |builder| {
        builder.limits(PluginLimits::new().timeout(Duration::ZERO))
    })
    .await;
    assert_eq!(at_some_time(&host, "actor/ok").await, (200, String::new()));
    let late = (504, "plugin_timeout".to_owned());
    assert_eq!(at_some_time(&host, "actor/act").await, late);
}

#[tokio::test]
async fn calls_that_hang_end_one_by_one_and_make_room() {
    let host = Script::act(|_, _| std::future::pending())
        .run_with(|builder| with_mirror(builder).limits(PluginLimits::new().max_in_flight(64)))
        .await;
    host.enable("mirror").await.unwrap();
    tokio::time::pause();
    let mut calls: Vec<_> = (0..64).map(|_| host.call(get("actor/act"))).collect();
    for call in &mut calls {
        assert!(poll_once(call).await.is_pending());
    }
    assert_eq!(host.get("actor/ok").await.code(), "plugin_busy");
    assert_eq!(host.get("mirror/x").await.status, 200);
    for call in calls {
        let Ok(response) = call.await;
        assert_eq!(read(response).await.unwrap().code(), "plugin_timeout");
    }
    assert_eq!(host.get("actor/ok").await.text(), "ok");
    let after = counted(&host);
    assert_eq!((after.timed_out, after.rejected, after.in_flight), (64, 1, 0));
}

#[tokio::test]
async fn a_detached_call_answered_in_time_is_not_late() {
    let place = Place::new();
    if zoo::compile(&place, "detaches_on_a_blocking_route", &[]).is_none() {
        return;
    }
    let host = Host::new(place).await;
    host.enable("detaches-on-a-blocking-route").await.unwrap();
    assert_eq!(
        host.get("detaches-on-a-blocking-route/fault").await.text(),
        "later"
    );
    let after = host.info("detaches-on-a-blocking-route").counters;
    assert_eq!((after.timed_out, after.in_flight), (0, 0));
}
