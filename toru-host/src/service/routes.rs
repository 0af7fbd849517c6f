//! The plugins' own routes.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arc_swap::Guard;
use http::header::HOST;
use http::request::Parts;
use http::{HeaderValue, Method, Response};
use http_body::Body;
use tower_service::Service;

use super::authorized::Authorized;
use super::path::Target;
use super::policy::HeaderPolicy;
use super::problem::Problem;
use super::respond::{Later, is_bare, leave_body_out, nothing, other_methods, to};
use super::span::CallSpan;
use crate::error::CallError;
use crate::ffi::{Answered, BoxError, CallFuture, Called, Permit, ResponseBody, RouteMatch, method_bit};
use crate::identity::Identity;
use crate::lane::InFlight;
use crate::manager::PluginManager;
use crate::plugin::PluginState;
use crate::routing::{Entry, Found, RoutingTable, TurnedAway};

/// The plugins' own routes, `{base}/{id}/…`: finds the plugin and its route, admits the call, and applies the header policy
/// both ways.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct PluginRoutes(Arc<Shared>);

struct Shared {
    manager: PluginManager,
    policy: HeaderPolicy,
}

impl PluginRoutes {
    /// The routes of the manager's plugins, with the usual header policy.
    #[must_use]
    pub fn new(manager: PluginManager) -> Self {
        Self::with_header_policy(manager, HeaderPolicy::new())
    }

    /// The same with another header policy.
    #[must_use]
    pub fn with_header_policy(manager: PluginManager, policy: HeaderPolicy) -> Self {
        Self(Arc::new(Shared { manager, policy }))
    }

    pub(super) fn table(&self) -> Guard<Arc<RoutingTable>> {
        self.0.manager.table()
    }

    /// Finds the route and makes the request ready for it, or says why not.
    #[inline(always)]
    pub(super) fn prepare<'a, B: Body>(
        &self,
        table: &'a RoutingTable,
        authorized: &mut Authorized<B>,
    ) -> Result<Prepared<'a>, Later> {
        let head = &mut authorized.head;
        let refused = |method, problem: Problem| Err(Later::new(to(method, problem.into_response())));
        let Target::Route(id) = authorized.target else {
            return Err(Later::new(nothing(&head.method, authorized.target)));
        };
        let running = match table.get(id.of(head.uri.path())) {
            None => return refused(&head.method, Problem::unknown_plugin()),
            Some(Entry::Idle(state)) => return refused(&head.method, Problem::idle(*state)),
            Some(Entry::Running(running)) => running,
        };
        let matched = match running.find(head.uri.path(), id.end(), method_bit(&head.method)) {
            Found::Route(matched) => matched,
            Found::OtherMethods(allow) => return Err(Later::new(other_methods(&head.method, allow))),
            Found::Nothing => return refused(&head.method, Problem::unknown_route()),
        };
        // What tells its length beforehand is not even begun.
        let max = running.limits().max_request_body;
        if authorized.body.size_hint().lower() > max {
            return refused(&head.method, Problem::body_too_large(max));
        }
        let (permit, in_flight) = match running.enter() {
            Ok(entered) => entered,
            Err(TurnedAway::Busy) => return refused(&head.method, Problem::busy()),
            Err(TurnedAway::Stopping) => {
                return refused(&head.method, Problem::idle(PluginState::Stopping));
            }
        };
        if head.uri.authority().is_some() {
            name_host(head);
        }
        self.0.policy.enter(&mut head.headers);
        let identity = std::mem::take(&mut authorized.identity);
        Ok(Prepared {
            span: CallSpan::new(running.called(), &head.method, &matched.route.pattern),
            only_head: matched.method == method_bit(&Method::HEAD),
            permit,
            in_flight,
            matched,
            identity,
        })
    }

    /// Starts a call that was prepared.
    // Inlined, so that the head moves straight into the call's cell.
    #[inline(always)]
    pub(super) fn start<B>(&self, prepared: Prepared<'_>, head: Parts, body: B) -> RouteFuture<B>
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let Prepared {
            permit,
            in_flight,
            matched,
            identity,
            span,
            only_head,
        } = prepared;
        RouteFuture(Stage::Calling {
            call: CallFuture::new(permit, in_flight, &matched, identity, head, body),
            span,
            routes: self.clone(),
            only_head,
        })
    }
}

/// A call that was admitted and is to be started.
pub(super) struct Prepared<'a> {
    permit: Permit,
    in_flight: InFlight,
    matched: RouteMatch<'a>,
    identity: Identity,
    span: CallSpan,
    only_head: bool,
}

impl<B> Service<Authorized<B>> for PluginRoutes
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = RouteFuture<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut authorized: Authorized<B>) -> RouteFuture<B> {
        let table = self.table();
        match self.prepare(&table, &mut authorized) {
            Ok(prepared) => self.start(prepared, authorized.head, authorized.body),
            Err(response) => RouteFuture(Stage::Ready(response)),
        }
    }
}

impl fmt::Debug for PluginRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginRoutes")
            .field("manager", &self.0.manager)
            .field("policy", &self.0.policy)
            .finish()
    }
}

/// The response of [`PluginRoutes`]. Dropping it cancels the call to the plugin.
pub struct RouteFuture<B>(Stage<B>);

enum Stage<B> {
    /// A plugin's handler answers.
    Calling {
        call: CallFuture<B>,
        span: CallSpan,
        routes: PluginRoutes,
        /// Whether the request is one for a head alone.
        only_head: bool,
    },
    /// None does.
    Ready(Later),
}

impl<B> Future for RouteFuture<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody>, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (call, span, routes, only_head) = match &mut self.get_mut().0 {
            Stage::Ready(response) => return Poll::Ready(Ok(response.take())),
            Stage::Calling {
                call,
                span,
                routes,
                only_head,
            } => (call, span, routes, *only_head),
        };
        let answered = {
            let _inside = span.enter();
            ready!(Pin::new(&mut *call).poll(cx))
        };
        let called = call.called();
        let mut response = match answered {
            Ok(Answered {
                status,
                mut headers,
                mut body,
                remarkable,
            }) => {
                if is_bare(status) {
                    body = ResponseBody::default();
                }
                span.end("answered", status);
                let policy = &routes.0.policy;
                policy.leave(&mut headers, remarkable, !body.is_end_stream(), called);
                let mut response = Response::new(body);
                *response.status_mut() = status;
                // The map that was there owns nothing, and dropping it costs more than that.
                std::mem::forget(std::mem::replace(response.headers_mut(), headers));
                response
            }
            Err(error) => failed(called, &error, span),
        };
        if only_head {
            leave_body_out(&mut response);
        }
        Poll::Ready(Ok(response))
    }
}

#[cold]
fn failed(called: Called, error: &CallError, span: &mut CallSpan) -> Response<ResponseBody> {
    let problem = {
        let _inside = span.enter();
        Problem::call(called, error).into_response()
    };
    span.end(error.code(), problem.status());
    problem
}

impl<B> fmt::Debug for RouteFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Stage::Calling { .. } => "RouteFuture(calling)",
            Stage::Ready(_) => "RouteFuture(ready)",
        })
    }
}

// The call is pinned by its cell; a body is moved only before it is polled.
impl<B> Unpin for RouteFuture<B> {}

/// Tells a plugin whom the request is for where no header field does: HTTP/2 and 3 say it in the target. Where both do, the
/// target counts (RFC 9112, section 3.2.2).
#[cold]
#[inline(never)]
fn name_host(head: &mut Parts) {
    let Some(authority) = head.uri.authority() else {
        return;
    };
    let host = match authority.port_u16() {
        Some(port) => format!("{}:{port}", authority.host()),
        None => authority.host().to_owned(),
    };
    if let Ok(host) = HeaderValue::try_from(host) {
        head.headers.insert(HOST, host);
    }
}
