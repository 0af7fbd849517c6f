//! Routes and the handlers behind them.

use std::fmt;
use std::future::Future;

use crate::abi::route::{
    TORU_ANY_METHOD, TORU_DELETE, TORU_GET, TORU_HEAD, TORU_OPTIONS, TORU_PATCH, TORU_POST, TORU_PUT,
};
use crate::error::PluginError;
use crate::plugin::ToruPlugin;
use crate::request::Request;
use crate::response::Response;
use crate::shim::{self, RouteParts};

/// An asynchronous handler: `async fn(&self, Request) -> Result<Response, PluginError>`.
///
/// Implemented for every function of that shape, methods included; there is nothing to implement by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler of `{P}`",
    note = "a handler is `async fn(&self, Request) -> Result<Response, PluginError>`, and its future is `Send`",
    note = "for a function without `async`, use `PluginRoute::blocking_get` and its relatives"
)]
pub trait Handler<'a, P>: Send + Sync + 'static {
    /// What the handler returns.
    type Future: Future<Output = Result<Response, PluginError>> + Send + 'a;

    /// Calls it.
    fn call(&self, plugin: &'a P, request: Request) -> Self::Future;
}

/// What an `async fn` returns.
///
/// Says what to do about a function that is none. Other mistakes are left to the compiler, which knows their place: the
/// `await` across which a future holds what is not `Send`, for example.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the handler is not `async`: `{Self}` is not a future",
    label = "not an asynchronous handler",
    note = "a handler is `async fn(&self, Request) -> Result<Response, PluginError>`, and its future is `Send`",
    note = "for a function without `async`, use `PluginRoute::blocking_get` and its relatives"
)]
pub trait Asynchronous: Future<Output = Self::Answer> {
    type Answer;
}

#[diagnostic::do_not_recommend]
impl<F: Future> Asynchronous for F {
    type Answer = F::Output;
}

impl<'a, P: 'a, F, Fut> Handler<'a, P> for F
where
    F: Fn(&'a P, Request) -> Fut + Send + Sync + 'static,
    Fut: Asynchronous<Answer = Result<Response, PluginError>> + Send + 'a,
{
    type Future = Fut;

    fn call(&self, plugin: &'a P, request: Request) -> Fut {
        self(plugin, request)
    }
}

/// A handler that blocks: `fn(&self, Request) -> Result<Response, PluginError>`.
///
/// Implemented for every function of that shape. The host runs it on a thread of its blocking pool.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a blocking handler of `{P}`",
    note = "a blocking handler is `fn(&self, Request) -> Result<Response, PluginError>`",
    note = "for an `async fn`, use `PluginRoute::get` and its relatives"
)]
pub trait BlockingHandler<P>: Send + Sync + 'static {
    /// Calls it.
    ///
    /// # Errors
    ///
    /// What the author's function returns.
    fn call(&self, plugin: &P, request: Request) -> Result<Response, PluginError>;
}

#[diagnostic::do_not_recommend]
impl<P, F> BlockingHandler<P> for F
where
    F: Fn(&P, Request) -> Result<Response, PluginError> + Send + Sync + 'static,
{
    fn call(&self, plugin: &P, request: Request) -> Result<Response, PluginError> {
        self(plugin, request)
    }
}

/// One route of a plugin: methods, a path pattern and a handler.
///
/// Patterns start with `/`. `{name}` captures one segment, `{*rest}` everything up to the end; `{{` and `}}` are
/// literal braces. Among patterns that match, the more specific one wins. A GET route answers HEAD as well.
///
/// # Examples
///
/// ```
/// # use toru_plugin_api::*;
/// # struct Shop;
/// # impl ToruPlugin for Shop {
/// #     const METADATA: PluginMetadata = PluginMetadata::new("shop", "Shop");
/// #     async fn init(_: PluginContext) -> Result<Self, PluginError> { Ok(Self) }
/// fn register_routes(&self) -> Vec<PluginRoute<Self>> {
///     vec![
///         PluginRoute::get("/items/{id}", Self::item),
///         PluginRoute::blocking_get("/report", Self::report),
///     ]
/// }
/// # }
/// impl Shop {
///     async fn item(&self, request: Request) -> Result<Response, PluginError> {
///         let id = request.param("id").unwrap_or_default();
///         Ok(Response::text(format!("item {id}")))
///     }
///
///     fn report(&self, _: Request) -> Result<Response, PluginError> {
///         Ok(Response::text(std::fs::read("report.txt")?))
///     }
/// }
/// ```
pub struct PluginRoute<P> {
    parts: RouteParts,
    plugin: std::marker::PhantomData<fn(&P)>,
}

macro_rules! by_method {
    ($($(#[$doc:meta])* $name:ident, $blocking:ident, $methods:expr;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name<H>(pattern: &'static str, handler: H) -> Self
            where
                H: for<'a> Handler<'a, P>,
            {
                Self::methods($methods, pattern, handler)
            }

            $(#[$doc])*
            ///
            /// The handler may block.
            #[must_use]
            pub fn $blocking<H: BlockingHandler<P>>(pattern: &'static str, handler: H) -> Self {
                Self::blocking_methods($methods, pattern, handler)
            }
        )*
    };
}

impl<P: ToruPlugin> PluginRoute<P> {
    by_method! {
        /// Answers every method.
        any, blocking_any, TORU_ANY_METHOD;
        /// Answers DELETE.
        delete, blocking_delete, TORU_DELETE;
        /// Answers GET, and HEAD without the body.
        get, blocking_get, TORU_GET;
        /// Answers HEAD.
        head, blocking_head, TORU_HEAD;
        /// Answers OPTIONS.
        options, blocking_options, TORU_OPTIONS;
        /// Answers PATCH.
        patch, blocking_patch, TORU_PATCH;
        /// Answers POST.
        post, blocking_post, TORU_POST;
        /// Answers PUT.
        put, blocking_put, TORU_PUT;
    }

    /// Answers the methods in `methods`, bits such as [`TORU_GET`].
    #[must_use]
    pub fn methods<H>(methods: u32, pattern: &'static str, handler: H) -> Self
    where
        H: for<'a> Handler<'a, P>,
    {
        Self::from_parts(shim::async_route::<P, H>(methods, pattern.into(), handler))
    }

    /// Answers the methods in `methods`, bits such as [`TORU_GET`]. The handler may block.
    #[must_use]
    pub fn blocking_methods<H: BlockingHandler<P>>(methods: u32, pattern: &'static str, handler: H) -> Self {
        Self::from_parts(shim::blocking_route::<P, H>(methods, pattern, handler))
    }

    /// The path pattern.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.parts.pattern()
    }

    pub(crate) const fn parts(&self) -> &RouteParts {
        &self.parts
    }

    pub(crate) const fn from_parts(parts: RouteParts) -> Self {
        Self {
            parts,
            plugin: std::marker::PhantomData,
        }
    }
}

impl<P> fmt::Debug for PluginRoute<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginRoute")
            .field("pattern", &self.parts.pattern())
            .finish_non_exhaustive()
    }
}
