//! Requests that the application's authoriser let through, and the service that asks it.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::request::Parts;
use http::{HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::authorize::{Access, Authorization, Authorizer, Refusal};
use super::path::{Beside, Target, parse};
use super::problem::Problem;
use super::respond::Later;
use super::{origin, respond};
use crate::ffi::ResponseBody;
use crate::identity::Identity;
use crate::manager::PluginManager;

/// A request that was let through: what the services behind [`Authorize`] take.
///
/// Nothing else makes one, so none of them can be reached without an [`Authorizer`].
pub struct Authorized<B> {
    pub(super) target: Target,
    pub(super) identity: Identity,
    pub(super) head: Parts,
    pub(super) body: B,
}

impl<B> Authorized<B> {
    /// Who it is from.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it wants to do.
    #[must_use]
    pub fn access(&self) -> Access<'_> {
        self.target.access(self.head.uri.path())
    }

    /// Its head, with everything that the client sent.
    #[must_use]
    pub const fn head(&self) -> &Parts {
        &self.head
    }

    /// The same request with another body.
    pub fn map_body<C>(self, map: impl FnOnce(B) -> C) -> Authorized<C> {
        Authorized {
            target: self.target,
            identity: self.identity,
            head: self.head,
            body: map(self.body),
        }
    }
}

impl<B> fmt::Debug for Authorized<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorized")
            .field("access", &self.access())
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// Puts every request before an [`Authorizer`], and hands on to another service what may go on.
///
/// Requests that change something and that a page of another site made a browser send are refused here as well.
///
/// What goes on is an [`Authorized`] request. [`PluginApi`](super::PluginApi) is this in front of all the services there are;
/// an application that wants to serve them at different places, or to have layers of its own between them and the decision,
/// puts it together by itself.
///
/// # Examples
///
/// Plugins for everybody who may use them, and nothing that manages them:
///
/// ```
/// use toru_host::PluginManager;
/// use toru_host::service::{Authorize, Authorizer, PluginRoutes};
///
/// fn only_routes(manager: PluginManager, authorizer: impl Authorizer) -> Authorize<PluginRoutes> {
///     Authorize::new(&manager.clone(), authorizer, PluginRoutes::new(manager))
/// }
/// ```
#[derive(Clone)]
pub struct Authorize<S> {
    gate: Arc<Gate>,
    inner: S,
}

/// Who decides, and about what.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) base: Box<str>,
    pub(super) authorizer: Arc<dyn Authorizer>,
    /// Origins of other sites that may change things here.
    pub(super) trusted: Vec<HeaderValue>,
    pub(super) beside: Beside,
}

impl<S> Authorize<S> {
    /// Puts `authorizer` in front of a service, for paths of that manager.
    pub fn new(manager: &PluginManager, authorizer: impl Authorizer, inner: S) -> Self {
        Self::from_parts(Gate::new(manager, Arc::new(authorizer)), inner)
    }

    /// Lets pages of another site change things here with their user's credentials: the value of `Origin` that browsers
    /// send for them, such as `https://admin.example.com`. None by default: only pages of the same origin may.
    #[must_use]
    pub fn trust_origin(mut self, origin: HeaderValue) -> Self {
        Arc::make_mut(&mut self.gate).trusted.push(origin);
        self
    }

    pub(super) fn from_parts(gate: Gate, inner: S) -> Self {
        Self {
            gate: Arc::new(gate),
            inner,
        }
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) const fn inner(&self) -> &S {
        &self.inner
    }
}

impl Gate {
    pub(super) fn new(manager: &PluginManager, authorizer: Arc<dyn Authorizer>) -> Self {
        Self {
            base: manager.base_path().into(),
            authorizer,
            trusted: Vec::new(),
            beside: Beside::new(manager.base_path()),
        }
    }

    #[inline(always)]
    fn target(&self, path: &str) -> Target {
        match parse(path, &self.base) {
            // What is asked for most is not held against other paths.
            found @ (Target::Route(_) | Target::Action(..)) => found,
            other => self.beside.find(path).unwrap_or(other),
        }
    }

    /// Whether a request may go on, about which it is decided; otherwise the response to it.
    #[inline(always)]
    fn admit<B>(
        &self,
        decided: Result<Identity, Refusal>,
        authorized: &mut Authorized<B>,
    ) -> Result<(), Later> {
        let problem = match decided {
            Ok(identity) if !origin::is_refused(&authorized.head, &identity, &self.trusted) => {
                authorized.identity = identity;
                return Ok(());
            }
            Ok(_) => Problem::foreign_origin(),
            Err(refusal) => Problem::refused(refusal),
        };
        let response = respond::to(&authorized.head.method, problem.into_response());
        Err(Later::new(response))
    }
}

impl<S, B> Service<Request<B>> for Authorize<S>
where
    S: Service<Authorized<B>, Response = Response<ResponseBody>, Error = Infallible> + Clone,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = AuthorizeFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> AuthorizeFuture<S, B> {
        let (head, body) = request.into_parts();
        let mut authorized = Authorized {
            target: Target::Elsewhere,
            identity: Identity::anonymous(),
            head,
            body,
        };
        let path = authorized.head.uri.path();
        let target = self.gate.target(path);
        let decision = self
            .gate
            .authorizer
            .authorize(&authorized.head, target.access(path));
        authorized.target = target;
        let stage = match decision {
            // Lent and not given: every move of a request is a copy.
            Authorization::Decided(decided) => match self.gate.admit(decided, &mut authorized) {
                Ok(()) => {
                    let answer = self.inner.call(authorized);
                    Stage::Inner { answer }
                }
                Err(response) => Stage::Refused { response },
            },
            Authorization::Pending(decision) => {
                // The one that is ready is the one that is called.
                let next = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, next);
                let gate = Arc::clone(&self.gate);
                let waiting = Some(Box::new(Waiting {
                    authorized,
                    gate,
                    inner,
                }));
                Stage::Deciding { decision, waiting }
            }
        };
        AuthorizeFuture { stage }
    }
}

impl<S: fmt::Debug> fmt::Debug for Authorize<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorize")
            .field("base", &self.gate.base)
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

/// What waits for a decision.
struct Waiting<S, B> {
    authorized: Authorized<B>,
    gate: Arc<Gate>,
    inner: S,
}

pin_project! {
    /// The response of [`Authorize`]. Dropping it cancels the call.
    pub struct AuthorizeFuture<S, B>
    where
        S: Service<Authorized<B>>,
    {
        #[pin]
        stage: Stage<S, B>,
    }
}

pin_project! {
    #[project = Projected]
    enum Stage<S, B>
    where
        S: Service<Authorized<B>>,
    {
        Inner {
            #[pin]
            answer: S::Future,
        },
        Deciding {
            decision: Pin<Box<dyn Future<Output = Result<Identity, Refusal>> + Send>>,
            waiting: Option<Box<Waiting<S, B>>>,
        },
        Refused {
            response: Later,
        },
    }
}

impl<S, B> Future for AuthorizeFuture<S, B>
where
    S: Service<Authorized<B>, Response = Response<ResponseBody>, Error = Infallible>,
{
    type Output = Result<Response<ResponseBody>, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        loop {
            let next = match stage.as_mut().project() {
                Projected::Inner { answer } => return answer.poll(cx),
                Projected::Refused { response } => return Poll::Ready(Ok(response.take())),
                Projected::Deciding { decision, waiting } => {
                    let decided = ready!(decision.as_mut().poll(cx));
                    let Some(waiting) = waiting.take() else {
                        // Only a future that has ended is polled without.
                        return Poll::Pending;
                    };
                    let Waiting {
                        mut authorized,
                        gate,
                        mut inner,
                    } = *waiting;
                    match gate.admit(decided, &mut authorized) {
                        Ok(()) => {
                            let answer = inner.call(authorized);
                            Stage::Inner { answer }
                        }
                        Err(response) => Stage::Refused { response },
                    }
                }
            };
            stage.set(next);
        }
    }
}

impl<S: Service<Authorized<B>>, B> fmt::Debug for AuthorizeFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.stage {
            Stage::Inner { .. } => "AuthorizeFuture(let through)",
            Stage::Deciding { .. } => "AuthorizeFuture(deciding)",
            Stage::Refused { .. } => "AuthorizeFuture(refused)",
        })
    }
}
