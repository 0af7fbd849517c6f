//! Plugins over real sockets: what hyper, axum and the host make together of what clients send.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "tests tell what they measured")]

mod broken;
mod expect;
mod gone;
mod lengths;
mod methods;
mod plugin;
mod server;
mod trailers;
mod uploads;
mod wire;
