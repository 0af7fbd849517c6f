//! Accepting connections, and ending them in order.

use std::future::Future;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use toru_host::service::PluginApi;

use crate::app;

/// How long accepting rests when the system has no room for another connection.
const REST: Duration = Duration::from_millis(50);
/// How long open connections get to end after the plugins have stopped.
const LINGER: Duration = Duration::from_secs(1);

/// Serves until `stop`; then takes no more connections, stops the plugins, and gives what is still open a moment.
pub async fn serve(listener: TcpListener, plugins: PluginApi, stop: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(REST).await;
            continue;
        };
        // Answers leave as soon as they are there. Where the system does not know how, they come a little later.
        let _ = stream.set_nodelay(true);
        let plugins = plugins.clone();
        let service = service_fn(move |request| app::answer(plugins.clone(), request));
        // The timer ends connections whose head does not arrive.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // An error is a client that went away or spoke no HTTP.
            let _ = connection.await;
        });
    }
    drop(listener);
    // First the plugins: that ends the streams for which connections wait.
    plugins.manager().shutdown().await;
    let ended = tokio::time::timeout(LINGER, connections.shutdown());
    // What has not ended by now is closed with the process.
    let _ = ended.await;
}
