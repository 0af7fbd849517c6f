//! Clients that go away: what the plugin was doing for them is dropped at once, and the plugin can be disabled.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use toru_host::Builder;
use toru_plugin_api::{Body, BodyStream, Bytes, Frame, PluginError, Response};

use crate::actor::{Script, Told};
use crate::host::{get, until};

/// Counts how often something was made and dropped.
#[derive(Clone, Default)]
struct Count(Arc<(AtomicU32, AtomicU32)>);

struct Counted(Count);

impl Count {
    fn made(&self) -> Counted {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        Counted(self.clone())
    }

    fn is(&self, made: u32, dropped: u32) -> bool {
        self.0.0.load(Ordering::SeqCst) == made && self.0.1.load(Ordering::SeqCst) == dropped
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// Nothing is cancelled by time: disabling can only end when nothing is in flight.
fn patient(builder: Builder) -> Builder {
    builder.drain_timeout(Duration::from_secs(3600))
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

#[tokio::test]
async fn a_call_that_was_never_polled_never_reaches_the_plugin() {
    let count = Count::default();
    let counting = count.clone();
    let host = Script::act(move |_, _| {
        let counted = counting.made();
        async move {
            drop(counted);
            Ok(Response::text("never"))
        }
    })
    .run_with(patient)
    .await;
    drop(host.call(get("actor/act")));
    assert!(count.is(0, 0));
    host.disable("actor").await;
}

#[tokio::test]
async fn a_suspended_call_is_dropped_with_its_future() {
    for path in ["actor/act", "actor/large"] {
        for polls in 1..4 {
            let count = Count::default();
            let counting = count.clone();
            let host = Script::act(move |_, _| {
                let counted = counting.made();
                async move {
                    let _counted = counted;
                    std::future::pending().await
                }
            })
            .run_with(patient)
            .await;
            let mut call = host.call(get(path));
            for _ in 0..polls {
                assert!(poll_once(&mut call).await.is_pending());
            }
            assert!(count.is(1, 0));
            drop(call);
            assert!(count.is(1, 1), "at once, {polls} polls");
            host.disable("actor").await;
        }
    }
}

#[tokio::test]
async fn a_blocking_call_goes_on_and_is_waited_for() {
    let (entered, has_entered) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let (ended, has_ended) = mpsc::channel();
    let may_go_on = std::sync::Mutex::new(may_go_on);
    let host = Script::block(move |_, _| {
        entered.send(()).unwrap();
        // An error when the test has failed.
        let _ = may_go_on.lock().unwrap().recv();
        let _ = ended.send(());
        Ok(Response::text("nobody waits"))
    })
    .run_with(patient)
    .await;
    let mut call = host.call(get("actor/block"));
    assert!(poll_once(&mut call).await.is_pending());
    tokio::task::spawn_blocking(move || has_entered.recv().unwrap())
        .await
        .unwrap();
    drop(call);
    let disabling = host.manager.clone();
    let disabling = tokio::spawn(async move { disabling.disable(&crate::host::id("actor")).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!disabling.is_finished(), "the handler is still running");
    go_on.send(()).unwrap();
    crate::host::soon(disabling).await.unwrap().unwrap();
    has_ended.try_recv().unwrap();
}

/// Endless; tells when it is dropped.
struct Endless(
    #[expect(dead_code, reason = "it is there to be dropped")] Told,
    Counted,
    bool,
);

impl BodyStream for Endless {
    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame, PluginError>>> {
        self.1.0.0.0.fetch_add(1, Ordering::SeqCst);
        if self.2 {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::Data(Bytes::from_static(b"frame")))))
    }
}

#[tokio::test]
async fn a_response_that_is_half_read_is_dropped_with_its_stream() {
    for read in [0, 1, 5] {
        let count = Count::default();
        let counting = count.clone();
        let host = Script::act(move |_, _| {
            let stream = Endless(crate::actor::told().0, counting.made(), false);
            std::future::ready(Ok(Response::new(200).with_body(Body::from_stream(stream))))
        })
        .run_with(patient)
        .await;
        let mut body = host.respond(get("actor/act")).await.into_body();
        for _ in 0..read {
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "frame");
        }
        assert!(count.is(1 + read, 0), "no frame before it is asked for");
        drop(body);
        assert!(count.is(1 + read, 1));
        host.disable("actor").await;
    }
}

#[tokio::test]
async fn an_answer_that_nobody_fetches_is_dropped_with_its_call() {
    // The plugin answers with a stream, wakes, and is never polled for it: the stream waits in the host.
    let count = Count::default();
    let counting = count.clone();
    let requests = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = Arc::clone(&requests);
    let host = Script::block(move |_, request| {
        // Kept beyond the call, which keeps the host's side of it alive.
        keep.lock().unwrap().push(request);
        let stream = Endless(crate::actor::told().0, counting.made(), false);
        Ok(Response::new(200).with_body(Body::from_stream(stream)))
    })
    .run_with(patient)
    .await;
    for n in 1..50 {
        let before = requests.lock().unwrap().len();
        let mut call = host.call(get("actor/block"));
        let _ = poll_once(&mut call).await;
        if n % 2 == 0 {
            until(|| requests.lock().unwrap().len() > before).await;
        }
        drop(call);
    }
    let made = || requests.lock().unwrap().len();
    host.disable("actor").await;
    let made = u32::try_from(made()).unwrap();
    assert!(
        made > 0 && count.is(made, made),
        "{made} streams, all dropped before the plugin"
    );
}

#[tokio::test]
async fn a_handler_that_waits_for_the_hosts_timer_is_dropped_with_it() {
    let host = Script::act(|ctx, _| async move {
        ctx.runtime.sleep(Duration::from_secs(3600)).await?;
        Ok(Response::text("an hour later"))
    })
    .run_with(patient)
    .await;
    let mut call = host.call(get("actor/act"));
    assert!(poll_once(&mut call).await.is_pending());
    drop(call);
    host.disable("actor").await;
}
