//! Starts the plugins and serves them until it is told to stop.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "the first lines are for the person who started the server"
)]

use std::error::Error;

use embed_hyper::auth::TokenAuthorizer;
use embed_hyper::serve::serve;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use toru_host::PluginManager;
use toru_host::service::PluginApi;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let token = std::env::var("TORU_TOKEN").map_err(|_| "set TORU_TOKEN to the token that clients send")?;
    let folder = std::env::args().nth(1).unwrap_or("./plugins".to_owned());
    let address = std::env::args().nth(2).unwrap_or("127.0.0.1:7301".to_owned());

    let manager = PluginManager::builder(&folder).host_name("embed-hyper");
    let plugins = PluginApi::new(manager.start().await?, TokenAuthorizer::new(token));
    let listener = TcpListener::bind(address).await?;
    println!("embed-hyper: http://{}", listener.local_addr()?);
    println!("plugins:     {folder}");

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    serve(listener, plugins, async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
    .await;
    println!("stopped");
    Ok(())
}
