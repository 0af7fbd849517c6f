//! Code of a plugin that blocks, on the host's threads for that: what comes of it, and what becomes of it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::Sleep;
use toru_host::plugin::PluginLimits;
use toru_plugin_api::{BlockingTask, BodyError, PluginError, Response};

use crate::host::{post, read, soon, until};
use crate::logs;
use crate::native::Script;
use crate::runtimes::workers;

#[tokio::test]
async fn what_blocks_is_run_elsewhere_and_its_result_is_waited_for() {
    let host = Script::act(|ctx, _| async move {
        let work = move || {
            ctx.kv.blocking().set("key", "value")?;
            let stored = ctx.kv.blocking().get("key")?;
            Ok::<_, PluginError>((stored, std::thread::current().id(), workers()))
        };
        let (stored, thread, inside) = ctx.runtime.spawn_blocking(work).await??;
        assert_ne!(thread, std::thread::current().id());
        assert_eq!(inside, workers(), "inside the plugin's own runtime");
        Ok(Response::text(stored.unwrap_or_default()))
    })
    .run()
    .await;
    assert_eq!(host.get("native/act").await.text(), "value");
}

#[tokio::test]
async fn a_panic_in_what_blocks_is_told_to_whoever_waits() {
    let host = Script::act(|ctx, request| async move {
        let task: BlockingTask<u8> = ctx
            .runtime
            .spawn_blocking(|| panic!("within background.rs, blocking"));
        if request.query() == "alone" {
            drop(task);
            return Ok(Response::text("not waited for"));
        }
        Ok(Response::text(task.await.unwrap_err().to_string()))
    })
    .run()
    .await;
    let answer = host.get("native/act").await;
    let text = answer.text();
    assert!(text.contains("within background.rs, blocking"), "{text}");
    host.get("native/act?alone").await;
    assert_eq!(host.get("native/act").await.status, 200, "the plugin goes on");
    host.disable("native").await;
    assert!(!logs::containing("within background.rs, blocking").is_empty());
}

/// What a closure holds; it counts when it goes.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// With one thread for what blocks. Tasks run one at a time, so all are cancelled before the first is dropped.
#[test]
fn at_the_end_what_has_begun_is_waited_for_and_the_rest_is_cancelled() {
    let (ran, dropped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let waits: Arc<Mutex<Vec<BlockingTask<()>>>> = Arc::default();
    let (did_run, gone, kept) = (Arc::clone(&ran), Arc::clone(&dropped), Arc::clone(&waits));
    let ended = Arc::new(AtomicBool::new(false));
    let did_end = Arc::clone(&ended);
    let script = Script::act(move |ctx, _| {
        let (ran, dropped, waits) = (Arc::clone(&did_run), Arc::clone(&gone), Arc::clone(&kept));
        let ended = Arc::clone(&did_end);
        async move {
            let (end, ending) = mpsc::channel::<()>();
            ctx.runtime.spawn(async move {
                let _end = end;
                std::future::pending::<()>().await;
            })?;
            let first = ctx.runtime.spawn_blocking(move || {
                // Until the task was cancelled, and with it all that waits for a thread.
                let _ = ending.recv();
                ended.store(true, Ordering::SeqCst);
            });
            let held = Held(dropped);
            let second = ctx.runtime.spawn_blocking(move || {
                let _held = held;
                ran.store(true, Ordering::SeqCst);
            });
            waits.lock().unwrap().extend([first, second]);
            Ok(Response::text("begun"))
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let host = script.run().await;
        assert_eq!(host.get("native/act").await.text(), "begun");
        host.disable("native").await;
        assert!(ended.load(Ordering::SeqCst), "it was waited for");
        assert!(!ran.load(Ordering::SeqCst), "it never began");
        assert_eq!(dropped.load(Ordering::SeqCst), 1, "what it held is gone");
        let tasks = std::mem::take(&mut *waits.lock().unwrap());
        let mut results = Vec::new();
        for task in tasks {
            results.push(soon(task).await.map_err(|error| error.to_string()));
        }
        assert_eq!(results[0], Ok(()));
        assert!(
            results[1].as_ref().unwrap_err().contains("disabled"),
            "{results:?}"
        );
        assert_eq!(waits.lock().unwrap().len(), 0);
    });
}

#[tokio::test]
async fn a_plugin_that_was_disabled_runs_nothing_that_blocks() {
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let host = Script::act(move |ctx, _| {
        *keep.lock().unwrap() = Some(ctx);
        async { Ok(Response::text("kept")) }
    })
    .run()
    .await;
    host.get("native/act").await;
    host.disable("native").await;
    let ctx = kept.lock().unwrap().take().unwrap();
    let dropped = Arc::new(AtomicUsize::new(0));
    let held = Held(Arc::clone(&dropped));
    let refused = ctx.runtime.spawn_blocking(move || drop(held)).await;
    assert!(refused.unwrap_err().to_string().contains("disabled"));
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

/// Bytes behind a timer that is made when the body is polled: what layers in front of plugins do to limit times.
struct Timed {
    timer: Option<Pin<Box<Sleep>>>,
    is_read: bool,
    made_among: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Body for Timed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_read {
            return Poll::Ready(None);
        }
        if self.timer.is_none() {
            self.made_among.lock().unwrap().push(workers());
        }
        let timer = || Box::pin(tokio::time::sleep(Duration::from_millis(1)));
        ready!(self.timer.get_or_insert_with(timer).as_mut().poll(cx));
        self.is_read = true;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"timed")))))
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.made_among.lock().unwrap().push(workers());
    }
}

#[tokio::test]
async fn a_request_body_finds_the_hosts_runtime_on_any_thread_of_the_plugin() {
    let host = Script::act(|ctx, mut request| async move {
        let body = request.take_body();
        let reading = match &*request.query() {
            "thread" => ctx.runtime.spawn_blocking(|| {
                let thread = std::thread::spawn(|| body.collect_blocking(100));
                thread.join().unwrap_or(Err(BodyError::Disconnected))
            }),
            _ => {
                let task = tokio::spawn(body.collect(100));
                let bytes = task.await.map_err(PluginError::other)??;
                ctx.runtime.spawn_blocking(move || Ok(bytes))
            }
        };
        Ok(Response::text(reading.await??))
    })
    .run()
    .await;
    for query in ["thread", "task"] {
        let made_among = Arc::<Mutex<_>>::default();
        let body = Timed {
            timer: None,
            is_read: false,
            made_among: Arc::clone(&made_among),
        };
        let answer = read(host.respond(post(&format!("native/act?{query}"), body)).await).await;
        assert_eq!(answer.unwrap().text(), "timed", "{query}");
        // Of the test's own runtime, when it was polled and when it was dropped.
        assert_eq!(*made_among.lock().unwrap(), [Some(1), Some(1)], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_blocks_at_a_time_than_the_plugin_may_have_requests() {
    const MOST: usize = 2;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, seen) = (Arc::clone(&now), Arc::clone(&most));
    let host = Script::act(move |ctx, _| {
        let (running, seen) = (Arc::clone(&running), Arc::clone(&seen));
        async move {
            let tasks: Vec<_> = (0..10)
                .map(|_| {
                    let (running, seen) = (Arc::clone(&running), Arc::clone(&seen));
                    ctx.runtime.spawn_blocking(move || {
                        seen.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        // Long enough for another one to begin, if it could.
                        (0..100).for_each(|_| std::thread::yield_now());
                        running.fetch_sub(1, Ordering::SeqCst);
                    })
                })
                .collect();
            for task in tasks {
                task.await?;
            }
            Ok(Response::text("all have run"))
        }
    })
    .run_with(|builder| builder.limits(PluginLimits::default().max_in_flight(MOST)))
    .await;
    assert_eq!(host.get("native/act").await.text(), "all have run");
    assert!(most.load(Ordering::SeqCst) <= MOST);
}

/// One of many, none of which ends before the plugin is disabled.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_turn_is_cancelled_at_the_end() {
    let (dropped, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (gone, did_run) = (Arc::clone(&dropped), Arc::clone(&ran));
    let (end, ending) = mpsc::channel::<()>();
    let ending = Arc::new(Mutex::new(ending));
    let host = Script::act(move |ctx, _| {
        for _ in 0..10 {
            let (held, ran) = (Held(Arc::clone(&gone)), Arc::clone(&did_run));
            let ending = Arc::clone(&ending);
            drop(ctx.runtime.spawn_blocking(move || {
                let _held = held;
                ran.fetch_add(1, Ordering::SeqCst);
                let _ = ending.lock().unwrap().recv();
            }));
        }
        async { Ok(Response::text("begun")) }
    })
    .run_with(|builder| builder.limits(PluginLimits::default().max_in_flight(1)))
    .await;
    assert_eq!(host.get("native/act").await.text(), "begun");
    until(|| ran.load(Ordering::SeqCst) == 1).await;
    let (_, ()) = tokio::join!(host.disable("native"), async {
        // The nine that wait go at once; the one that runs is waited for.
        until(|| dropped.load(Ordering::SeqCst) == 9).await;
        drop(end);
    });
    assert_eq!(
        (dropped.load(Ordering::SeqCst), ran.load(Ordering::SeqCst)),
        (10, 1)
    );
}
