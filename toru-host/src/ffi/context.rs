//! What plugins are given: the host, and a context for each instance. Both are never freed.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::HeaderName;
use toru_plugin_api::abi::bytes::{ToruBytes, ToruSlice, bytes_from_raw};
use toru_plugin_api::abi::config::{TORU_CONFIG_ID, ToruConfig};
use toru_plugin_api::abi::host::{
    TORU_INFO_BASE_PATH, TORU_INFO_HOST_NAME, TORU_INFO_HOST_VERSION, TORU_INFO_INSTANCE_ID,
    TORU_INFO_PLUGIN_ID, ToruCtx, ToruCtxVt, ToruHost, ToruHostVt,
};
use toru_plugin_api::abi::kv::TORU_KV_ID;
use toru_plugin_api::abi::license::TORU_LICENSE_ID;
use toru_plugin_api::abi::log::TORU_LOG_ID;
use toru_plugin_api::abi::rt::TORU_RT_ID;
use toru_plugin_api::abi::size_word;
use toru_plugin_api::abi::status::{TORU_DONE, TORU_GONE, TORU_INVALID, TORU_NOT_FOUND};

use super::bytes::to_plugin;
use super::faults::Faults;
use super::guard::guard;
use super::rt::Tasks;
use super::{kv, license, log, rt};
use crate::kv::{KvBackend, KvQuota};
use crate::lane::Lane;
use crate::license::License;
use crate::plugin::PluginId;

/// Ids of the extensions that this host offers.
pub(crate) const EXTENSIONS: &[&str] = &[
    TORU_CONFIG_ID,
    TORU_KV_ID,
    TORU_LICENSE_ID,
    TORU_LOG_ID,
    TORU_RT_ID,
];

/// The host as plugins see it.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Host {
    base: ToruHost,
    name: Box<str>,
    version: Box<str>,
}

// SAFETY: the table pointer is to a static; the rest is never changed.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

static HOST_VT: ToruHostVt = ToruHostVt {
    size: size_word::<ToruHostVt>(),
    flags: 0,
    ext: host_ext,
    info: host_info,
};

impl Host {
    /// Makes a host that lives as long as the process.
    pub(crate) fn leak(name: &str, version: &str) -> &'static Self {
        let base = ToruHost {
            vt: &raw const HOST_VT,
        };
        Box::leak(Box::new(Self {
            base,
            name: name.into(),
            version: version.into(),
        }))
    }

    pub(super) const fn as_ptr(&'static self) -> *const ToruHost {
        (&raw const *self).cast()
    }
}

/// What an instance may use of the host.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    /// Whose instance it is.
    pub(crate) plugin: PluginId,
    /// Number of the loaded copy.
    pub(crate) generation: u64,
    /// Id of the installation.
    pub(crate) instance_id: Arc<str>,
    /// Path in front of the plugin's routes.
    pub(crate) base_path: Arc<str>,
    /// The plugin's configuration as JSON.
    pub(crate) config: Bytes,
    /// The plugin's licence key.
    pub(crate) license: Arc<License>,
    /// The store.
    pub(crate) kv: Arc<dyn KvBackend>,
    /// How much the plugin may store.
    pub(crate) kv_quota: KvQuota,
    /// Where timers and tasks run.
    pub(crate) runtime: tokio::runtime::Handle,
    /// The host.
    pub(crate) host: &'static Host,
    /// What the plugin has done so far.
    pub(crate) lane: &'static Lane,
    /// Who is told about what counts against the instance.
    pub(crate) faults: Arc<dyn Faults>,
    /// How long a call may hold a thread before that counts against it.
    pub(crate) stuck_after: Duration,
}

/// The host as one instance sees it.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Context {
    base: ToruCtx,
    facts: Facts,
    services: ArcSwapOption<Services>,
    pub(super) tasks: Tasks,
    pub(super) epoch: Instant,
    /// Whether it was logged that the plugin called after its end.
    is_late_told: AtomicBool,
}

/// Facts that stay readable for good.
#[derive(Debug)]
struct Facts {
    plugin: PluginId,
    instance_id: Arc<str>,
    base_path: Arc<str>,
    host: &'static Host,
    lane: &'static Lane,
    faults: Arc<dyn Faults>,
    stuck_after: Duration,
}

// SAFETY: the table pointer is to a static; the rest is made for sharing.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

static CTX_VT: ToruCtxVt = ToruCtxVt {
    size: size_word::<ToruCtxVt>(),
    flags: 0,
    ext: ctx_ext,
    info: ctx_info,
};

static CONFIG: ToruConfig = ToruConfig {
    size: size_word::<ToruConfig>(),
    flags: 0,
    get: config_get,
};

impl Context {
    /// Makes a context that lives as long as the process.
    pub(super) fn leak(services: Services) -> &'static Self {
        let facts = Facts {
            plugin: services.plugin.clone(),
            instance_id: Arc::clone(&services.instance_id),
            base_path: Arc::clone(&services.base_path),
            host: services.host,
            lane: services.lane,
            faults: Arc::clone(&services.faults),
            stuck_after: services.stuck_after,
        };
        let (lane, runtime) = (facts.lane, services.runtime.clone());
        let context: &'static Self = Box::leak(Box::new(Self {
            base: ToruCtx {
                vt: &raw const CTX_VT,
            },
            facts,
            tasks: Tasks::new(lane.limits.max_in_flight),
            services: ArcSwapOption::from_pointee(services),
            epoch: Instant::now(),
            is_late_told: AtomicBool::new(false),
        }));
        lane.set_runtime(context.number(), runtime);
        context
    }

    /// A number of its own: no other context is ever where this one is.
    fn number(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub(super) const fn as_ptr(&'static self) -> *const ToruCtx {
        (&raw const *self).cast()
    }

    /// Whose context it is.
    pub(super) const fn plugin(&self) -> &PluginId {
        &self.facts.plugin
    }

    pub(super) const fn lane(&self) -> &'static Lane {
        self.facts.lane
    }

    /// Logs that a header field did not reach the client, once for each name.
    #[cold]
    pub(super) fn note_removed(&self, name: &HeaderName) {
        if self.lane().is_first_removal(name) {
            let plugin = self.plugin();
            tracing::warn!(plugin.id = %plugin, header = %name, "a header field of the plugin's responses is removed");
        }
    }

    pub(super) fn faults(&self) -> &dyn Faults {
        &*self.facts.faults
    }

    pub(super) const fn stuck_after(&self) -> Duration {
        self.facts.stuck_after
    }

    /// What the instance may use, for a call of the plugin; `None` once it is destroyed, which is logged once.
    pub(super) fn services(&self) -> Option<Arc<Services>> {
        let services = self.services.load_full();
        if services.is_none() {
            self.note_late();
        }
        services
    }

    /// Number of the loaded copy; 0 once the instance is destroyed.
    pub(super) fn generation(&self) -> u64 {
        self.services
            .load()
            .as_ref()
            .map_or(0, |services| services.generation)
    }

    /// Logs that a thread or a static of the plugin's outlived its instance.
    #[cold]
    fn note_late(&self) {
        if !self.is_late_told.swap(true, Ordering::Relaxed) {
            let plugin = self.plugin();
            tracing::warn!(plugin.id = %plugin, plugin.code = "late_call", "a plugin called the host after its instance had ended, and was refused");
        }
    }

    /// Answers `GONE` from now on. The instance's tasks have ended and it is destroyed, which may have been worth a log.
    pub(super) fn retire(&self) {
        self.services.store(None);
        self.lane().forget_runtime(self.number());
    }

    /// The context behind a pointer that a plugin passes.
    ///
    /// # Safety
    ///
    /// `ctx` is one of ours. All of them live as long as the process.
    pub(super) const unsafe fn of(ctx: *const ToruCtx) -> &'static Self {
        // SAFETY: as the caller guarantees.
        unsafe { &*ctx.cast::<Self>() }
    }
}

unsafe extern "C" fn host_ext(_: *const ToruHost, _: *const u8, _: usize) -> *const c_void {
    std::ptr::null()
}

unsafe extern "C" fn host_info(host: *const ToruHost, key: u32, out: *mut ToruSlice) -> u32 {
    // SAFETY: plugins get no other host than ours, which lives as long as the process.
    let host = unsafe { &*host.cast::<Host>() };
    let fact = match key {
        TORU_INFO_HOST_NAME => &host.name,
        TORU_INFO_HOST_VERSION => &host.version,
        _ => return TORU_NOT_FOUND,
    };
    if out.is_null() {
        return TORU_INVALID;
    }
    // SAFETY: the plugin lends the place for the call.
    unsafe { out.write(ToruSlice::new(fact.as_bytes())) };
    TORU_DONE
}

unsafe extern "C" fn ctx_ext(ctx: *const ToruCtx, id: *const u8, len: usize) -> *const c_void {
    let _ = ctx;
    // SAFETY: the plugin lends the id for the call.
    let Some(Ok(id)) = unsafe { bytes_from_raw(id, len) }.map(std::str::from_utf8) else {
        return std::ptr::null();
    };
    match id {
        TORU_CONFIG_ID => (&raw const CONFIG).cast(),
        TORU_KV_ID => (&raw const kv::TABLE).cast(),
        TORU_LICENSE_ID => (&raw const license::TABLE).cast(),
        TORU_LOG_ID => (&raw const log::TABLE).cast(),
        TORU_RT_ID => (&raw const rt::TABLE).cast(),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn ctx_info(ctx: *const ToruCtx, key: u32, out: *mut ToruSlice) -> u32 {
    // SAFETY: plugins get no other contexts than ours.
    let facts = &unsafe { Context::of(ctx) }.facts;
    let fact = match key {
        TORU_INFO_HOST_NAME => &*facts.host.name,
        TORU_INFO_HOST_VERSION => &*facts.host.version,
        TORU_INFO_INSTANCE_ID => &*facts.instance_id,
        TORU_INFO_PLUGIN_ID => facts.plugin.as_str(),
        TORU_INFO_BASE_PATH => &*facts.base_path,
        _ => return TORU_NOT_FOUND,
    };
    if out.is_null() {
        return TORU_INVALID;
    }
    // SAFETY: the plugin lends the place for the call.
    unsafe { out.write(ToruSlice::new(fact.as_bytes())) };
    TORU_DONE
}

unsafe extern "C" fn config_get(ctx: *const ToruCtx, out: *mut ToruBytes) -> u32 {
    guard("config.get", || {
        // SAFETY: plugins get no other contexts than ours.
        let Some(services) = unsafe { Context::of(ctx) }.services() else {
            return TORU_GONE;
        };
        if out.is_null() {
            return TORU_INVALID;
        }
        // SAFETY: the plugin lends the place for the call.
        unsafe { out.write(to_plugin(services.config.clone())) };
        TORU_DONE
    })
}
