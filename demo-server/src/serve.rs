//! Takes connections, so many at once and not for as long as a client likes.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// How long a client may take for the head of a request, and how long a connection may lie idle between two.
const HEAD: Duration = Duration::from_secs(30);
/// Connections at once, at most.
const CONNECTIONS: u64 = 1024;
/// Files that are left for everything else: databases, plugins, libraries.
const OTHER_FILES: u64 = 256;

/// How many connections there may be at once: as many as the system gives files for, and no more than 1024.
#[must_use]
pub fn max_connections() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    // Where there are very few files, half of them.
    let left = files.saturating_sub(OTHER_FILES).max(files / 2);
    usize::try_from(left.clamp(1, CONNECTIONS)).unwrap_or(1)
}

/// Serves until `stop`; then takes no more connections, and resolves when the last one has ended after what it was at.
/// Where this is dropped before, connections are closed.
///
/// While there are `max_connections`, others wait in the system's queue.
pub async fn serve<L>(mut listener: L, app: Router, max_connections: usize, stop: impl Future<Output = ()>)
where
    L: Listener<Addr = SocketAddr>,
{
    let (stopping, stopped) = watch::channel(false);
    let places = Arc::new(Semaphore::new(max_connections));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = &mut stop => break,
            (place, (io, peer)) = next => {
                let connection = connection(io, peer, app.clone(), stopped.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            // What has ended is forgotten; how it did so is for the log of requests.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    stopping.send_replace(true);
    while connections.join_next().await.is_some() {}
}

/// Answers on one connection until one of the two sides has enough.
async fn connection<I>(io: I, peer: SocketAddr, app: Router, mut stopped: watch::Receiver<bool>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| answer(app.clone(), peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let told = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        // An error means that the sender is gone, which is an end as well.
        _ = stopped.wait_for(|stopping| *stopping) => None,
    };
    let ended = match told {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, "a connection ended: {error}");
    }
}

async fn answer(app: Router, peer: SocketAddr, request: Request<Incoming>) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    app.oneshot(request).await
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::mpsc;

    use super::{Arc, ConnectInfo, Listener, Router, SocketAddr, max_connections, serve};

    /// A listener without sockets.
    struct Queue {
        streams: mpsc::UnboundedReceiver<DuplexStream>,
        accepted: Arc<AtomicUsize>,
    }

    impl Listener for Queue {
        type Io = DuplexStream;
        type Addr = SocketAddr;

        async fn accept(&mut self) -> (DuplexStream, SocketAddr) {
            match self.streams.recv().await {
                Some(stream) => {
                    self.accepted.fetch_add(1, Ordering::SeqCst);
                    (stream, ([192, 0, 2, 1], 9).into())
                }
                None => std::future::pending().await,
            }
        }

        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok(([127, 0, 0, 1], 9).into())
        }
    }

    /// A server of the test's.
    struct Server {
        streams: mpsc::UnboundedSender<DuplexStream>,
        accepted: Arc<AtomicUsize>,
        stop: Option<tokio::sync::oneshot::Sender<()>>,
        task: tokio::task::JoinHandle<()>,
    }

    impl Server {
        fn start(max_connections: usize) -> Self {
            let (streams, queue) = mpsc::unbounded_channel();
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            let accepted = Arc::<AtomicUsize>::default();
            let listener = Queue {
                streams: queue,
                accepted: Arc::clone(&accepted),
            };
            let peer = async |peer: ConnectInfo<SocketAddr>| peer.0.to_string();
            let app = Router::new().route("/", get(peer));
            let stopped = async move {
                let _ = stopped.await;
            };
            Self {
                streams,
                accepted,
                stop: Some(stop),
                task: tokio::spawn(serve(listener, app, max_connections, stopped)),
            }
        }

        fn connect(&self) -> DuplexStream {
            let (client, server) = duplex(4096);
            self.streams.send(server).unwrap();
            client
        }
    }

    async fn ask(client: &mut DuplexStream) {
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"192.0.2.1:9") {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    }

    /// Time passes by itself while nobody has anything to do: without a limit there were no end.
    #[tokio::test(start_paused = true)]
    async fn who_does_not_finish_a_head_is_cut_off() {
        let server = Server::start(9);
        for (begin, is_used) in [("", false), ("GET / HTTP/1.1\r\nhost: te", false), ("", true)] {
            let mut client = server.connect();
            if is_used {
                ask(&mut client).await;
            }
            client.write_all(begin.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).await.unwrap();
            assert!(!rest.starts_with(b"HTTP/1.1 200"), "{begin:?}");
        }
    }

    #[tokio::test]
    async fn no_more_connections_are_taken_than_there_are_places() {
        let server = Server::start(2);
        let (mut one, mut two, mut three) = (server.connect(), server.connect(), server.connect());
        ask(&mut one).await;
        ask(&mut two).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.accepted.load(Ordering::SeqCst), 2);
        drop(one);
        ask(&mut three).await;
        assert_eq!(server.accepted.load(Ordering::SeqCst), 3);
        assert!((1..=1024).contains(&max_connections()));
    }

    #[tokio::test]
    async fn when_told_to_stop_it_ends_with_connections_that_are_idle() {
        let mut server = Server::start(2);
        let mut client = server.connect();
        ask(&mut client).await;
        server.stop.take().unwrap().send(()).unwrap();
        server.task.await.unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }
}
