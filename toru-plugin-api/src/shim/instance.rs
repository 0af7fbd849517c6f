//! The table that a plugin gives to the host, and the instance behind it.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::sync::OnceLock;

use super::bytes::into_toru;
use super::control::{Control, entry};
use super::ctx::Ctx;
use super::guard::{self, guard_drop};
use super::scope::{Home, OUTSIDE, Scope};
use crate::abi::bytes::{ToruSlice, bytes_from_raw};
use crate::abi::entry::{TORU_LOADER_STATIC, ToruLoader};
use crate::abi::host::{ToruCtx, ToruHost};
use crate::abi::license::{TORU_LICENSE_ID, ToruLicenseListener};
use crate::abi::log::{TORU_LOG_ERROR, TORU_LOG_WARN};
use crate::abi::op::{ToruOp, ToruWaker};
use crate::abi::plugin::{ToruAsset, ToruAssetSink, ToruPluginApi};
use crate::abi::route::ToruRegistrar;
use crate::abi::size_word;
use crate::abi::status::{TORU_DONE, TORU_INVALID, TORU_UNSUPPORTED, ToruError};
use crate::abi::version::{TORU_ABI_MAJOR, TORU_ABI_MINOR, TORU_API_MAGIC, is_compatible};
use crate::bytes::Bytes;
use crate::context::PluginContext;
use crate::error::PluginError;
use crate::plugin::ToruPlugin;
use crate::route::PluginRoute;

/// One running plugin, from `create` to `destroy`.
pub(super) struct Instance<P> {
    ctx: OnceLock<Ctx>,
    plugin: OnceLock<P>,
    routes: OnceLock<Vec<PluginRoute<P>>>,
    home: Home,
}

impl<P: ToruPlugin> Instance<P> {
    pub(super) fn ctx(&self) -> Option<Ctx> {
        self.ctx.get().copied()
    }

    /// Where the author's code runs.
    pub(super) fn scope(&self) -> &Scope {
        self.home.scope()
    }

    pub(super) fn plugin(&self) -> Option<&P> {
        self.plugin.get()
    }

    pub(super) fn log_handler_error(&self, error: &PluginError) {
        let Some(ctx) = self.ctx() else { return };
        let level = if error.status() >= 500 {
            TORU_LOG_ERROR
        } else {
            TORU_LOG_WARN
        };
        if level <= ctx.max_log_level() {
            ctx.say(level, &format!("a handler returned an error: {error}"));
        }
    }
}

/// The table of a plugin; its functions are those of `P`.
#[must_use]
pub const fn api<P: ToruPlugin>(metadata: &'static [u8]) -> ToruPluginApi {
    ToruPluginApi {
        size: size_word::<ToruPluginApi>(),
        flags: 0,
        magic: TORU_API_MAGIC,
        abi_major: TORU_ABI_MAJOR,
        abi_minor: TORU_ABI_MINOR,
        reserved: 0,
        metadata: metadata.as_ptr(),
        metadata_len: metadata.len(),
        create: Some(create::<P>),
        init: Some(init::<P>),
        routes: Some(routes::<P>),
        frontend: Some(frontend::<P>),
        shutdown: Some(shutdown::<P>),
        destroy: Some(destroy::<P>),
        ext: Some(ext::<P>),
    }
}

/// The body of the exported function.
///
/// # Safety
///
/// The arguments keep the contract of [`CreatePlugin`](crate::abi::CreatePlugin).
pub unsafe fn create_plugin(
    loader: *const ToruLoader,
    out: *mut *const ToruPluginApi,
    api: &'static ToruPluginApi,
) -> u32 {
    if loader.is_null() || out.is_null() {
        return TORU_INVALID;
    }
    // SAFETY: the host lends the struct for the call.
    let loader = unsafe { &*loader };
    if !is_compatible(loader.abi_major) {
        return TORU_UNSUPPORTED;
    }
    if loader.flags & TORU_LOADER_STATIC == 0 {
        guard::install_hook();
        #[cfg(feature = "tracing")]
        crate::tracing_layer::install();
    }
    // SAFETY: the host lends the place for the call.
    unsafe { out.write(api) };
    TORU_DONE
}

unsafe extern "C" fn create<P: ToruPlugin>(
    _: *const ToruHost,
    out: *mut *mut c_void,
    err: *mut ToruError,
) -> u32 {
    entry(err, &OUTSIDE, None, || {
        let instance = Instance::<P> {
            ctx: OnceLock::new(),
            plugin: OnceLock::new(),
            routes: OnceLock::new(),
            home: Home::new(),
        };
        // SAFETY: the host lends the place for the call.
        unsafe { out.write(Box::into_raw(Box::new(instance)).cast()) };
        Ok(TORU_DONE)
    })
}

unsafe extern "C" fn init<P: ToruPlugin>(
    plugin: *mut c_void,
    ctx: *const ToruCtx,
    waker: *const ToruWaker,
    op: *mut ToruOp,
    err: *mut ToruError,
) -> u32 {
    // SAFETY: the host passes what `create` made.
    let instance = unsafe { instance::<P>(plugin) };
    // SAFETY: the host's context keeps the contract.
    let ctx = unsafe { Ctx::new(ctx) };
    let _ = instance.ctx.set(ctx);
    guard::set_image_ctx(ctx);
    let opened = entry(err, &OUTSIDE, Some(ctx), || {
        instance.home.open::<P>(ctx).map(|()| TORU_DONE)
    });
    if opened != TORU_DONE {
        return opened;
    }
    entry(err, instance.scope(), Some(ctx), || {
        let future = Box::pin(async move {
            let plugin = P::init(PluginContext::new(ctx)).await?;
            instance
                .plugin
                .set(plugin)
                .map_err(|_| PluginError::other("initialised twice"))
        });
        // SAFETY: the host lends waker, operation and error for the call.
        Ok(unsafe { Control::start(ctx, future, waker, op, err) })
    })
}

unsafe extern "C" fn routes<P: ToruPlugin>(
    plugin: *mut c_void,
    registrar: *const ToruRegistrar,
    err: *mut ToruError,
) -> u32 {
    // SAFETY: the host passes what `create` made.
    let instance = unsafe { instance::<P>(plugin) };
    entry(err, instance.scope(), instance.ctx(), || {
        let plugin = instance
            .plugin()
            .ok_or("routes asked for before the plugin was initialised")?;
        let routes = instance.routes.get_or_init(|| plugin.register_routes());
        for route in routes {
            let parts = route.parts().to_abi();
            // SAFETY: the host lends the registrar for the call.
            let add = unsafe { (*registrar).add };
            // SAFETY: as above; the route outlives the call.
            let status = unsafe { add(registrar, &raw const parts) };
            if status != TORU_DONE {
                return Ok(status);
            }
        }
        Ok(TORU_DONE)
    })
}

unsafe extern "C" fn frontend<P: ToruPlugin>(
    plugin: *mut c_void,
    sink: *const ToruAssetSink,
    err: *mut ToruError,
) -> u32 {
    // SAFETY: the host passes what `create` made.
    let instance = unsafe { instance::<P>(plugin) };
    entry(err, instance.scope(), instance.ctx(), || {
        let plugin = instance
            .plugin()
            .ok_or("frontend asked for before the plugin was initialised")?;
        let Some(bundle) = plugin.frontend_bundle() else {
            return Ok(TORU_DONE);
        };
        let asset = ToruAsset {
            size: size_word::<ToruAsset>(),
            flags: 0,
            path: ToruSlice::new(b"bundle.js"),
            mime: ToruSlice::new(b"text/javascript; charset=utf-8"),
            bytes: into_toru(Bytes::from_static(bundle)),
        };
        // SAFETY: the host lends the sink for the call.
        let add = unsafe { (*sink).add };
        // SAFETY: as above; the asset outlives the call.
        Ok(unsafe { add(sink, &raw const asset) })
    })
}

unsafe extern "C" fn shutdown<P: ToruPlugin>(
    plugin: *mut c_void,
    waker: *const ToruWaker,
    op: *mut ToruOp,
    err: *mut ToruError,
) -> u32 {
    // SAFETY: the host passes what `create` made.
    let instance = unsafe { instance::<P>(plugin) };
    entry(err, instance.scope(), instance.ctx(), || {
        let (Some(plugin), Some(ctx)) = (instance.plugin(), instance.ctx()) else {
            return Ok(TORU_DONE);
        };
        let future = Box::pin(async move {
            plugin.shutdown().await;
            Ok(())
        });
        // SAFETY: the host lends waker, operation and error for the call.
        Ok(unsafe { Control::start(ctx, future, waker, op, err) })
    })
}

/// The tables of a plugin's own extensions.
struct Offered<P>(PhantomData<P>);

impl<P: ToruPlugin> Offered<P> {
    const LICENSE: &'static ToruLicenseListener = &ToruLicenseListener {
        size: size_word::<ToruLicenseListener>(),
        flags: 0,
        changed: Some(license_changed::<P>),
    };
}

unsafe extern "C" fn ext<P: ToruPlugin>(_: *mut c_void, id: *const u8, len: usize) -> *const c_void {
    // SAFETY: the host lends the id for the call.
    match unsafe { bytes_from_raw(id, len) } {
        Some(id) if id == TORU_LICENSE_ID.as_bytes() => (&raw const *Offered::<P>::LICENSE).cast(),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn license_changed<P: ToruPlugin>(
    plugin: *mut c_void,
    waker: *const ToruWaker,
    op: *mut ToruOp,
    err: *mut ToruError,
) -> u32 {
    // SAFETY: the host passes what `create` made.
    let instance = unsafe { instance::<P>(plugin) };
    entry(err, instance.scope(), instance.ctx(), || {
        let (Some(plugin), Some(ctx)) = (instance.plugin(), instance.ctx()) else {
            return Ok(TORU_UNSUPPORTED);
        };
        // SAFETY: the host lends waker, operation and error for the call.
        Ok(unsafe { Control::start(ctx, Box::pin(plugin.license_changed()), waker, op, err) })
    })
}

unsafe extern "C" fn destroy<P: ToruPlugin>(plugin: *mut c_void) {
    if plugin.is_null() {
        return;
    }
    // SAFETY: made by `create`; the host calls this once, after everything else.
    let instance = unsafe { Box::from_raw(plugin.cast::<Instance<P>>()) };
    let Instance {
        ctx,
        plugin,
        routes,
        home,
    } = *instance;
    guard_drop(home.scope(), || drop(routes));
    guard_drop(home.scope(), || drop(plugin));
    guard_drop(&OUTSIDE, || home.close(ctx.into_inner()));
}

/// # Safety
///
/// `plugin` was made by `create` of the same `P` and is not destroyed yet.
unsafe fn instance<P>(plugin: *mut c_void) -> &'static Instance<P> {
    // SAFETY: the host calls nothing after `destroy`, so the reference is never used beyond the instance's life.
    unsafe { &*plugin.cast::<Instance<P>>() }
}
