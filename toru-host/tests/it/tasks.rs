//! Tasks and work that blocks, in a plugin's own tokio runtime: what becomes of them.

use std::panic::panic_any;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use toru_plugin_api::{Body, BodyStream, Frame, PluginError, PluginKvStore as _, Response};

use crate::host::{Host, post, read, soon, until};
use crate::logs;
use crate::native::{Script, ServiceOf, served};
use crate::runtimes::workers;

/// Spawns a task that counts itself while it lives, and goes on for good.
fn spawn_counted(alive: &Arc<AtomicUsize>) {
    struct Alive(Arc<AtomicUsize>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    alive.fetch_add(1, Ordering::SeqCst);
    let alive = Alive(Arc::clone(alive));
    tokio::spawn(async move {
        let _alive = alive;
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

/// A plugin that spawns wherever it can.
fn spawning(alive: &Arc<AtomicUsize>) -> Script {
    let (at_init, at_act, at_shutdown) = (Arc::clone(alive), Arc::clone(alive), Arc::clone(alive));
    let at_drop = Arc::clone(alive);
    Script {
        init: Some(Box::new(move |_| {
            spawn_counted(&at_init);
            Box::pin(std::future::ready(()))
        })),
        act: Some(Box::new(move |_, _| {
            spawn_counted(&at_act);
            Box::pin(std::future::ready(Ok(Response::new(204))))
        })),
        shutdown: Some(Box::new(move |_| {
            spawn_counted(&at_shutdown);
            Box::pin(std::future::ready(()))
        })),
        dropped: Some(Box::new(move |_| spawn_counted(&at_drop))),
        ..Script::default()
    }
}

#[tokio::test]
async fn tasks_outlive_the_call_that_spawned_them_and_not_the_plugin() {
    let alive = Arc::new(AtomicUsize::new(0));
    let host = spawning(&alive).run().await;
    assert_eq!(host.get("native/act").await.status, 204);
    assert_eq!(alive.load(Ordering::SeqCst), 2);
    for _ in 0..10 {
        host.disable("native").await;
        assert_eq!(
            alive.load(Ordering::SeqCst),
            0,
            "gone when `disable` has returned"
        );
        host.enable("native").await.unwrap();
        assert_eq!(host.get("native/act").await.status, 204);
    }
    soon(host.manager.shutdown()).await;
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_runtime_is_ended_also_where_its_plugin_does_not_start() {
    let alive = Arc::new(AtomicUsize::new(0));
    let spawned = Arc::clone(&alive);
    let host = Script {
        registered: Some(Box::new(|_| panic!("no routes today"))),
        ..spawning(&spawned)
    }
    .load(|builder| builder)
    .await;
    host.enable("native").await.unwrap_err();
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_panic_in_a_task_ends_the_task_alone() {
    let host = Script::act(|_, request| async move {
        let failed = tokio::spawn(async move {
            if request.query() == "odd" {
                panic_any(7);
            }
            panic!("in a task");
        });
        let is_panic = failed.await.unwrap_err().is_panic();
        Ok(Response::text(is_panic.to_string()))
    })
    .run()
    .await;
    for path in ["native/act", "native/act?odd", "native/act"] {
        assert_eq!(host.get(path).await.text(), "true");
    }
    assert_eq!(host.info("native").counters.panicked, 0, "the handler went on");
}

#[tokio::test]
async fn a_panic_in_a_handler_leaves_the_runtime() {
    let host = Script::act(|_, _| async { panic!("inside of the runtime") })
        .run()
        .await;
    for _ in 0..3 {
        assert_eq!(host.get("native/act").await.status, 500);
        assert_eq!(workers(), Some(1), "the test's own");
    }
}

#[tokio::test]
async fn a_task_that_panics_when_it_is_dropped_does_not_keep_the_plugin_from_ending() {
    struct Panics(Arc<AtomicBool>);
    impl Drop for Panics {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
            panic!("in the drop of a task");
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let drops = Arc::clone(&dropped);
    let host = Script::act(move |_, _| {
        let panics = Panics(Arc::clone(&drops));
        tokio::spawn(async move {
            let _panics = panics;
            std::future::pending::<()>().await;
        });
        std::future::ready(Ok(Response::new(204)))
    })
    .run()
    .await;
    assert_eq!(host.get("native/act").await.status, 204);
    host.disable("native").await;
    assert!(dropped.load(Ordering::SeqCst));
    host.enable("native").await.unwrap();
}

#[tokio::test]
async fn work_that_blocks_is_waited_for_and_left_to_itself_when_it_takes_too_long() {
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Arc::new(Mutex::new(may_go_on));
    let (started, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (starts, ends) = (Arc::clone(&started), Arc::clone(&done));
    let host = Script::act(move |_, _| {
        let (may_go_on, starts, ends) = (Arc::clone(&may_go_on), Arc::clone(&starts), Arc::clone(&ends));
        tokio::task::spawn_blocking(move || {
            starts.store(true, Ordering::SeqCst);
            let _ = may_go_on.lock().unwrap().recv();
            ends.store(true, Ordering::SeqCst);
        });
        std::future::ready(Ok(Response::new(204)))
    })
    .run()
    .await;
    assert_eq!(host.get("native/act").await.status, 204);
    until(|| started.load(Ordering::SeqCst)).await;
    host.disable("native").await;
    assert!(!done.load(Ordering::SeqCst));
    let left = logs::containing("is left to itself");
    assert!(
        left.iter().any(|record| record.field("plugin.id") == "native"),
        "{left:?}"
    );
    // It holds nothing of the instance, and goes on.
    go_on.send(()).unwrap();
    until(|| done.load(Ordering::SeqCst)).await;
    host.enable("native").await.unwrap();
}

#[tokio::test]
async fn a_task_calls_the_host_as_long_as_its_plugin_runs() {
    let host = Script::act(|ctx, _| async move {
        let task = tokio::spawn(async move {
            ctx.runtime.sleep(Duration::from_millis(1)).await?;
            ctx.kv.set("key", "value").await?;
            Ok::<_, PluginError>(ctx.kv.get("key").await?)
        });
        let stored = task.await.map_err(PluginError::other)??;
        Ok(Response::text(stored.unwrap_or_default()))
    })
    .run()
    .await;
    assert_eq!(host.get("native/act").await.text(), "value");
}

#[tokio::test]
async fn a_request_body_is_read_in_a_task() {
    let host = Script::serve(ServiceOf::new(|request| async {
        let read = tokio::spawn(BodyExt::collect(request.into_body()));
        let bytes = read.await??.to_bytes();
        Ok(served(Full::new(bytes)))
    }))
    .run()
    .await;
    assert_eq!(host.post("native/served", "text").await.text(), "text");
}

#[tokio::test]
async fn a_body_that_is_kept_after_the_plugin_was_disabled_touches_nothing_of_it() {
    let host: Host = Script::act(|_, _| async {
        let ticks = tokio::time::interval(Duration::from_millis(1));
        struct Ticking(tokio::time::Interval);
        impl BodyStream for Ticking {
            fn poll_frame(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame, PluginError>>> {
                self.0.poll_tick(cx).map(|_| Some(Ok(Frame::Data("tick".into()))))
            }
        }
        Ok(Response::new(200).with_body(Body::from_stream(Ticking(ticks))))
    })
    .run_with(|builder| builder.drain_timeout(Duration::ZERO))
    .await;
    let mut response = host.respond(post("native/act", Empty::<Bytes>::new())).await;
    for _ in 0..3 {
        soon(response.body_mut().frame()).await.unwrap().unwrap();
    }
    host.disable("native").await;
    read(response).await.unwrap_err();
}
