//! Under which names this server answers.
//!
//! A page of another site can have its own name lead to this machine, and is of the same origin as this server then, as far
//! as a browser knows (DNS rebinding). What still tells is the name in `Host`.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// The names of a server.
#[derive(Clone, Debug)]
pub struct Hosts(Option<Arc<[String]>>);

impl Hosts {
    /// Any name: for servers whose names only the network knows.
    #[must_use]
    pub const fn any() -> Self {
        Self(None)
    }

    /// Names of this machine's own (`localhost`, 127.0.0.0/8, `[::1]`), and these; without ports.
    #[must_use]
    pub fn own_and(names: &[String]) -> Self {
        Self(Some(names.into()))
    }

    fn include(&self, host: &str) -> bool {
        let Self(Some(names)) = self else {
            return true;
        };
        let Some(name) = without_port(host) else {
            return false;
        };
        let is_loopback = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(name) => name.parse() == Ok(Ipv6Addr::LOCALHOST),
            None => name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback()),
        };
        is_loopback
            || name.eq_ignore_ascii_case("localhost")
            || names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Answers 421 to what was sent to another name.
pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    // Where the target has a host, it is the one that counts (RFC 9112, section 3.2.2).
    let target = request.uri().authority().map(|authority| authority.as_str());
    let mut fields = request.headers().get_all(HOST).iter();
    let field = match (fields.next(), fields.next()) {
        (Some(field), None) => field.to_str().ok(),
        _ => None,
    };
    if hosts.include(target.or(field).unwrap_or_default()) {
        return next.run(request).await;
    }
    let detail = "this server does not have that name; --public-host gives it one";
    Problem::new(StatusCode::MISDIRECTED_REQUEST, "misdirected_request", detail).into_response()
}

/// `None` for what is no host at all.
fn without_port(host: &str) -> Option<&str> {
    let end = host.find(']').map_or(0, |at| at + 1);
    let (name, port) = match host[end..].find(':') {
        Some(colon) => (&host[..end + colon], &host[end + colon + 1..]),
        None => (host, ""),
    };
    (!name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn only_names_of_this_machine_and_those_that_were_given_are_its_own() {
        let hosts = Hosts::own_and(&["demo.example".to_owned()]);
        for host in [
            "localhost",
            "LOCALHOST:7300",
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]",
            "[::1]:7300",
            "demo.example",
            "Demo.Example:80",
        ] {
            assert!(hosts.include(host), "{host}");
        }
        for host in [
            "",
            ":80",
            "evil.example",
            "evil.example:7300",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "128.0.0.1",
            "[::2]",
            "[::1]x",
            "::1",
            "localhost:x",
            "localhost@evil.example",
            "evil.demo.example",
        ] {
            assert!(!hosts.include(host), "{host}");
            assert!(Hosts::any().include(host));
        }
    }
}
