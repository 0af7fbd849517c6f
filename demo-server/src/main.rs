//! Reads the options, serves until it is told to stop, and stops the plugins.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "the first lines are for the person who started the server"
)]

use std::future::Future;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use clap::Parser;
use demo_server::assets::Assets;
use demo_server::auth::session::Desk;
use demo_server::clock::Clock;
use demo_server::database::Database;
use demo_server::database::sessions::Sessions;
use demo_server::options::{Command, Options};
use demo_server::serve::max_connections;
use demo_server::{app, command, data, metrics};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// How long open connections get to end after the plugins have stopped.
const LINGER: Duration = Duration::from_secs(1);
/// How often sessions that have expired are removed.
const SWEEP: Duration = Duration::from_secs(60);
/// What is logged unless `RUST_LOG` says otherwise. A cookie of yesterday is nothing to warn about.
const LOGGED: &str = "info,tower_sessions_core=off";

#[tokio::main]
async fn main() -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGGED));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let options = Options::parse();
    data::prepare(&options.data)?;
    if let Some(Command::User(command)) = &options.command {
        return command::run(&Database::open(&options.data)?, command, &mut std::io::stdout());
    }
    options.check_exposure()?;
    let given_password = options.given_admin_password()?;
    let given_token = options.given_token()?;
    if options.insecure_http {
        tracing::warn!(
            "without TLS: everybody between this machine and a browser can read passwords and the token"
        );
    }
    let token = data::token(given_token, &options.data)?;
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
    let database = Database::open(&options.data)?;
    // Once there is a listener: a password that was made up is told below, or nobody ever knows it.
    let admin = command::first_admin(&database, given_password)?;
    let desk = Desk::new(database, Clock::system(), &token.value, options.behind_tls_proxy)?;
    let desk = Arc::new(desk);
    tokio::spawn(sweep(desk.gatekeeper.sessions().clone()));
    println!("Toru demo server: http://{}", listener.local_addr()?);
    println!("plugins folder:   {}", options.plugins.display());
    if let Some(notice) = token.notice(&options.data, std::io::stdout().is_terminal()) {
        println!("API token:        {notice}");
    }
    match admin {
        Some(admin) if admin.is_new => println!(
            "sign in as:       admin, password {}  (shown this once; `demo-server user password admin` makes another)",
            admin.password.reveal()
        ),
        None if given_password.is_some() => {
            tracing::info!("there is an administrator already: TORU_DEMO_ADMIN_PASSWORD changes nothing");
        }
        _ => {}
    }
    let assets = Assets::embedded();
    let hosts = options.hosts();
    let parts = app::Parts { desk, assets, hosts };
    let app = app::router(manager.clone(), Some(exporter), parts);
    serve(listener, app, stop, manager.shutdown()).await?;
    println!("stopped");
    Ok(())
}

/// Removes sessions that have expired, now and then.
async fn sweep(sessions: Sessions) {
    let mut rounds = tokio::time::interval(SWEEP);
    loop {
        rounds.tick().await;
        if let Err(error) = sessions.remove_expired().await {
            tracing::warn!("expired sessions cannot be removed, and do not count all the same: {error:#}");
        }
    }
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
    let mut server = tokio::spawn(demo_server::serve::serve(listener, app, max_connections(), told));
    tokio::select! {
        () = stop => {}
        ended = &mut server => return Ok(ended?),
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
