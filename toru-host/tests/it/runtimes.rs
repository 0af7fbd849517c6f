//! The tokio runtime of a plugin's own.
//!
//! The plugin shares these tests' copy of tokio, so its runtime is entered on threads that are inside another one already.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use toru_plugin_api::{Body, BodyStream, Frame, PluginError, Request, Response};

use crate::host::{get, poll_once, soon, until};
use crate::native::{Script, WORKERS};

/// How many workers the current runtime has, if there is one.
pub(crate) fn workers() -> Option<usize> {
    Handle::try_current()
        .ok()
        .map(|handle| handle.metrics().num_workers())
}

/// Where code of the plugin ran: a name for each place, and the workers of the runtime there.
#[derive(Clone, Default)]
struct Places(Arc<Mutex<Vec<Noted>>>);

type Noted = (&'static str, Option<usize>);

impl Places {
    fn note(&self, place: &'static str) {
        self.0.lock().unwrap().push((place, workers()));
    }

    /// Notes when what it returns is dropped.
    fn on_drop(&self, place: &'static str) -> OnDrop {
        OnDrop(self.clone(), place)
    }

    fn names(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().iter().map(|(place, _)| *place).collect()
    }
}

struct OnDrop(Places, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

/// Pending once, then ready.
struct Twice(bool);

impl Future for Twice {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A stream that notes where it is asked and dropped.
struct Noting {
    places: Places,
    left: usize,
    _dropped: OnDrop,
}

impl BodyStream for Noting {
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame, PluginError>>> {
        self.places.note("stream poll");
        let frame = (self.left > 0).then(|| Ok(Frame::Data("x".into())));
        self.left = self.left.saturating_sub(1);
        Poll::Ready(frame)
    }

    fn exact_len(&self) -> Option<u64> {
        self.places.note("stream length");
        None
    }
}

/// A plugin that notes wherever it is called.
fn noting(places: &Places) -> Script {
    let noted = |place| {
        let places = places.clone();
        Box::new(move |_| places.note(place))
    };
    let (at_init, at_act, at_block) = (places.clone(), places.clone(), places.clone());
    let at_shutdown = places.clone();
    Script {
        init: Some(Box::new(move |ctx| {
            let places = at_init.clone();
            places.note("init start");
            Box::pin(async move {
                Twice(false).await;
                places.note("init second poll");
                let dropped = places.on_drop("task drop");
                let task = async move {
                    places.note("task poll");
                    Twice(false).await;
                    places.note("task second poll");
                    let _dropped = dropped;
                    std::future::pending::<()>().await;
                };
                ctx.runtime.spawn(task).unwrap();
            })
        })),
        registered: Some(noted("routes")),
        act: Some(Box::new(move |_, request: Request| {
            let places = at_act.clone();
            places.note("handler start");
            let dropped = places.on_drop("handler drop");
            Box::pin(async move {
                let _dropped = dropped;
                Twice(false).await;
                places.note("handler second poll");
                if request.query() == "hang" {
                    std::future::pending::<()>().await;
                }
                let stream = Noting {
                    left: 1,
                    _dropped: places.on_drop("stream drop"),
                    places,
                };
                Ok(Response::new(200).with_body(Body::from_stream(stream)))
            })
        })),
        block: Some(Box::new(move |_, _| {
            at_block.note("blocking handler");
            // Allowed there, and nowhere else.
            Handle::current().block_on(tokio::time::sleep(Duration::from_millis(1)));
            Ok(Response::text("blocked"))
        })),
        shutdown: Some(Box::new(move |_| {
            let places = at_shutdown.clone();
            places.note("shutdown start");
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                places.note("shutdown second poll");
            })
        })),
        dropped: Some(noted("plugin drop")),
        ..Script::default()
    }
}

const PLACES: [&str; 16] = [
    "blocking handler",
    "handler drop",
    "handler second poll",
    "handler start",
    "init second poll",
    "init start",
    "plugin drop",
    "routes",
    "shutdown second poll",
    "shutdown start",
    "stream drop",
    "stream length",
    "stream poll",
    "task drop",
    "task poll",
    "task second poll",
];

#[tokio::test]
async fn all_code_of_a_plugin_runs_inside_its_runtime_and_the_hosts_is_back_afterwards() {
    let places = Places::default();
    let host = noting(&places).run().await;
    let here = || assert_eq!(workers(), Some(1), "the test's own");
    here();
    until(|| places.names().contains(&"task second poll")).await;

    let whole = host.get("native/act").await;
    assert_eq!((whole.status, whole.text()), (200, "x"));
    here();
    assert_eq!(host.get("native/block").await.text(), "blocked");
    here();
    // Dropped before its end, and a stream that nobody reads.
    let mut call = host.call(get("native/act?hang"));
    while !places.names().ends_with(&["handler second poll"]) {
        assert!(poll_once(&mut call).await.is_pending());
    }
    drop(call);
    here();
    drop(host.respond(get("native/act")).await);
    here();
    host.disable("native").await;
    here();

    let mut names = places.names();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, PLACES);
    for (place, workers) in places.0.lock().unwrap().iter() {
        assert_eq!(*workers, Some(WORKERS), "{place}");
    }
}

#[tokio::test]
async fn a_plugin_that_asks_for_no_runtime_gets_none() {
    let host = crate::actor::Script::act(|_, _| {
        let workers = workers().map_or("none".to_owned(), |workers| workers.to_string());
        std::future::ready(Ok(Response::text(workers)))
    })
    .run()
    .await;
    // That of the test, since they share a copy of tokio.
    assert_eq!(host.get("actor/act").await.text(), "1");
}

#[tokio::test]
async fn timers_sockets_and_tasks_work_in_handlers() {
    let host = Script::act(|_, _| async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
            stream.write_all(b"from a task").await
        });
        let mut text = String::new();
        let mut stream = TcpStream::connect(address).await?;
        stream.read_to_string(&mut text).await?;
        server.await.map_err(PluginError::other)??;
        let blocking = tokio::task::spawn_blocking(|| std::thread::current().name().map(str::to_owned));
        let name = blocking.await.map_err(PluginError::other)?.unwrap_or_default();
        Ok(Response::text(format!("{text}, on {name}")))
    })
    .run()
    .await;
    assert_eq!(host.get("native/act").await.text(), "from a task, on native");
}

#[tokio::test]
async fn a_timer_that_a_handler_waits_for_is_dropped_safely_with_it() {
    let host = Script::act(|_, _| async {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        Ok(Response::new(204))
    })
    .run_with(|builder| builder.drain_timeout(Duration::ZERO))
    .await;
    for _ in 0..100 {
        let mut call = host.call(get("native/act"));
        assert!(poll_once(&mut call).await.is_pending());
    }
    let mut call = host.call(get("native/act"));
    assert!(poll_once(&mut call).await.is_pending());
    let call = tokio::spawn(call);
    host.disable("native").await;
    let Ok(response) = soon(call).await.unwrap();
    assert_eq!(response.status(), 503);
}
