#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod front;

use axum::Router;

pub use front::{PluginLayer, WithPlugins, WithPluginsFuture};

pub use toru_host::PluginManager;
pub use toru_host::plugin::PluginLimits;
pub use toru_host::service::{
    Access, Authorization, Authorizer, DangerouslyAllowEveryone, HeaderPolicy, Identity, PluginApi,
    PluginApiBuilder, Refusal,
};

/// The manager's base path, `/api/plugins` unless it was changed, with the stream of changes and the OpenAPI document beside
/// it, as a router to merge into the application's own.
///
/// `authorizer` decides about every request; there is no way around it. The router must not be nested under another
/// path: plugins are told where they are mounted, and that is the manager's base path.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// use toru_axum::{DangerouslyAllowEveryone, PluginManager};
///
/// let manager = PluginManager::builder(folder.path().join("plugins")).start().await?;
/// let app: axum::Router = toru_axum::router(manager, DangerouslyAllowEveryone);
/// # Ok(())
/// # }
/// ```
pub fn router<S>(manager: PluginManager, authorizer: impl Authorizer) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    mount(PluginApi::new(manager, authorizer))
}

/// [`router`] for a service that was built with options.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use axum::http::header::REFERER;
/// use toru_axum::{Authorizer, HeaderPolicy, PluginApi, PluginManager};
///
/// fn app(manager: PluginManager, authorizer: impl Authorizer) -> Router {
///     let api = PluginApi::builder(manager, authorizer)
///         .header_policy(HeaderPolicy::new().hide_from_plugins(REFERER))
///         .build();
///     Router::new().merge(toru_axum::mount(api))
/// }
/// ```
pub fn mount<S>(api: PluginApi) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    mount_on(Router::new(), api)
}

/// [`mount`] as routes of a router that is there already: the same as merging the two, and faster, since axum puts a box
/// around each service of a router that is merged into another one.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use axum::routing::get;
/// use toru_axum::{Authorizer, PluginApi, PluginManager};
///
/// fn app(manager: PluginManager, authorizer: impl Authorizer) -> Router {
///     let app = Router::new().route("/", get("the application's own"));
///     toru_axum::mount_on(app, PluginApi::new(manager, authorizer))
/// }
/// ```
pub fn mount_on<S>(app: Router<S>, api: PluginApi) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let base = api.manager().base_path().to_owned();
    // Nobody reads what the last route captures, and axum goes through its name with every request.
    app.route_service(&base, api.clone())
        .route_service(&format!("{base}/"), api.clone())
        .route_service(api.events_path(), api.clone())
        .route_service(api.openapi_path(), api.clone())
        .route_service(&format!("{base}/{{*p}}"), api)
}

/// The examples of the project's own README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ProjectReadme;
