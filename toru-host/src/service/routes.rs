//! The plugins' own routes.

use http::request::Parts;
use http_body::Body;

use super::authorize::Identity;
use super::future::Kind;
use super::path::Id;
use super::policy::HeaderPolicy;
use super::problem::Problem;
use super::span::CallSpan;
use crate::ffi::{BoxError, CallFuture, method_bit};
use crate::manager::PluginManager;
use crate::plugin::PluginState;
use crate::routing::{Entry, Found, TurnedAway};

/// Finds the route and starts the call, or says why not.
// Inlined, so that the head moves straight into the call's cell.
#[inline(always)]
pub(super) fn call<B>(
    manager: &PluginManager,
    policy: &HeaderPolicy,
    id: Id,
    mut head: Parts,
    body: B,
    identity: &Identity,
) -> Kind<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    let table = manager.table();
    let running = match table.get(id.of(head.uri.path())) {
        None => return Kind::problem(Problem::unknown_plugin()),
        Some(Entry::Idle(state)) => return Kind::problem(Problem::idle(*state)),
        Some(Entry::Running(running)) => running,
    };
    let matched = match running.find(head.uri.path(), id.end, method_bit(&head.method)) {
        Found::Route(matched) => matched,
        Found::OtherMethods(allow) => return Kind::other_methods(&head.method, allow),
        Found::Nothing => return Kind::problem(Problem::unknown_route()),
    };
    // What tells its length beforehand is not even begun.
    let max = running.limits().max_request_body;
    if body.size_hint().lower() > max {
        return Kind::problem(Problem::body_too_large(max));
    }
    let (permit, in_flight) = match running.enter() {
        Ok(entered) => entered,
        Err(TurnedAway::Busy) => return Kind::problem(Problem::busy()),
        Err(TurnedAway::Stopping) => return Kind::problem(Problem::idle(PluginState::Stopping)),
    };
    policy.enter(&mut head.headers, identity);
    let span = CallSpan::new(running.called(), &head.method, &matched.route.pattern);
    Kind::Calling(CallFuture::new(permit, in_flight, &matched, head, body), span)
}
