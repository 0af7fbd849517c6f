//! Reads the options, serves until it is told to stop, and stops the plugins.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "the first lines are for the person who started the server"
)]

use std::future::Future;
use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use clap::Parser;
use demo_server::options::Options;
use demo_server::{app, data, metrics};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// How long open connections get to end after the plugins have stopped.
const LINGER: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let options = Options::parse();
    data::prepare(&options.data)?;
    let token = data::token(options.token.as_deref(), &options.data)?;
    let stop = stop_signal()?;
    let exporter = metrics::install()?;
    let manager = app::plugins(&options).await?;
    tokio::spawn(app::log_changes(manager.subscribe()));
    let listener = TcpListener::bind(options.listen).await.with_context(|| {
        format!(
            "cannot listen on {}; is another server running there?",
            options.listen
        )
    })?;
    println!("Toru demo server: http://{}", listener.local_addr()?);
    println!("plugins folder:   {}", options.plugins.display());
    if token.is_new {
        println!(
            "API token:        {}  (also in {})",
            token.value,
            options.data.join("token").display()
        );
    }
    let app = app::router(manager.clone(), &token.value);
    let app = app.merge(metrics::router(manager.clone(), exporter, &token.value));
    serve(listener, app, stop, manager.shutdown()).await?;
    println!("stopped");
    Ok(())
}

/// Serves until `stop`; then takes no more connections, stops the plugins, and gives what is still open a moment.
async fn serve(
    listener: TcpListener,
    app: Router,
    stop: impl Future<Output = ()>,
    stop_plugins: impl Future<Output = ()>,
) -> Result<()> {
    let (stopping, mut stopped) = watch::channel(false);
    let told = async move {
        // An error means that the sender is gone, which is an end as well.
        let _ = stopped.wait_for(|stopping| *stopping).await;
    };
    let mut server = tokio::spawn(
        axum::serve(listener, app)
            .with_graceful_shutdown(told)
            .into_future(),
    );
    tokio::select! {
        () = stop => {}
        ended = &mut server => return Ok(ended??),
    }
    tracing::info!("stopping");
    stopping.send_replace(true);
    stop_plugins.await;
    if tokio::time::timeout(LINGER, &mut server).await.is_err() {
        tracing::warn!("closing connections that did not end");
        server.abort();
    }
    Ok(())
}

/// Resolves at SIGINT or SIGTERM. The handlers are in place when this returns.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
