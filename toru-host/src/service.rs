//! Tower services between an application's router and its plugins.
//!
//! They take `http::Request<B>` with any body and always answer with a response; their error type is
//! [`Infallible`](std::convert::Infallible). Nothing that can be mounted exists without an [`Authorizer`].

mod api;
mod authorize;
mod authorized;
mod builder;
mod bundle;
mod documents;
mod endpoint;
mod events;
mod license;
mod management;
mod negotiate;
mod openapi;
mod origin;
mod path;
mod policy;
mod problem;
mod respond;
mod routes;
mod span;

pub use self::api::{PluginApi, ResponseFuture};
pub use self::authorize::{Access, Authorization, Authorizer, DangerouslyAllowEveryone, Refusal};
pub use self::authorized::{Authorize, AuthorizeFuture, Authorized};
pub use self::builder::PluginApiBuilder;
pub use self::bundle::Bundles;
pub use self::events::Events;
pub use self::management::{Management, ManagementFuture};
pub use self::openapi::OpenApi;
#[cfg(fuzzing)]
pub(crate) use self::path::promises::check as check_path;
pub use self::policy::HeaderPolicy;
pub use self::routes::{PluginRoutes, RouteFuture};
pub use crate::ffi::ResponseBody;
pub use crate::identity::Identity;
