//! What an instance is given: a context, which is never freed, and the configuration and the licence key behind it.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use super::{kv, log, rt};
use crate::abi::bytes::{ToruBytes, ToruSlice, bytes_from_raw};
use crate::abi::config::{TORU_CONFIG_ID, ToruConfig};
use crate::abi::host::{
    TORU_INFO_BASE_PATH, TORU_INFO_HOST_NAME, TORU_INFO_HOST_VERSION, TORU_INFO_INSTANCE_ID,
    TORU_INFO_PLUGIN_ID, ToruCtx, ToruCtxVt,
};
use crate::abi::kv::TORU_KV_ID;
use crate::abi::license::{TORU_LICENSE_ID, ToruLicense};
use crate::abi::log::TORU_LOG_ID;
use crate::abi::rt::TORU_RT_ID;
use crate::abi::size_word;
use crate::abi::status::{TORU_DONE, TORU_GONE, TORU_INVALID, TORU_NOT_FOUND};
use crate::bytes::Bytes;
use crate::shim::bytes::into_toru;
use crate::testing::services::{Facts, Services};

/// The host as one instance sees it.
#[repr(C)]
pub(crate) struct Context {
    base: ToruCtx,
    facts: Facts,
    services: Mutex<Option<Arc<Services>>>,
}

// SAFETY: the table pointer is to a static; the rest is made for sharing.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

static CTX_VT: ToruCtxVt = ToruCtxVt {
    size: size_word::<ToruCtxVt>(),
    flags: 0,
    ext,
    info,
};

static CONFIG: ToruConfig = ToruConfig {
    size: size_word::<ToruConfig>(),
    flags: 0,
    get: config_get,
};

static LICENSE: ToruLicense = ToruLicense {
    size: size_word::<ToruLicense>(),
    flags: 0,
    get: license_get,
};

impl Context {
    /// Makes a context that lives as long as the process.
    pub(crate) fn leak(facts: Facts, services: Arc<Services>) -> &'static Self {
        Box::leak(Box::new(Self {
            base: ToruCtx {
                vt: &raw const CTX_VT,
            },
            facts,
            services: Mutex::new(Some(services)),
        }))
    }

    pub(super) const fn as_ptr(&'static self) -> *const ToruCtx {
        (&raw const *self).cast()
    }

    /// What the instance may use; `None` once it is destroyed.
    pub(super) fn services(&self) -> Option<Arc<Services>> {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        services.clone()
    }

    /// Answers `GONE` from now on.
    pub(crate) fn retire(&self) {
        *self.services.lock().unwrap_or_else(PoisonError::into_inner) = None;
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

unsafe extern "C" fn ext(_: *const ToruCtx, id: *const u8, len: usize) -> *const c_void {
    // SAFETY: the plugin lends the id for the call.
    let Some(Ok(id)) = unsafe { bytes_from_raw(id, len) }.map(std::str::from_utf8) else {
        return std::ptr::null();
    };
    match id {
        TORU_CONFIG_ID => (&raw const CONFIG).cast(),
        TORU_KV_ID => (&raw const kv::TABLE).cast(),
        TORU_LICENSE_ID => (&raw const LICENSE).cast(),
        TORU_LOG_ID => (&raw const log::TABLE).cast(),
        TORU_RT_ID => (&raw const rt::TABLE).cast(),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn info(ctx: *const ToruCtx, key: u32, out: *mut ToruSlice) -> u32 {
    // SAFETY: plugins get no other contexts than ours.
    let facts = &unsafe { Context::of(ctx) }.facts;
    let fact: &str = match key {
        TORU_INFO_HOST_NAME => &facts.host_name,
        TORU_INFO_HOST_VERSION => &facts.host_version,
        TORU_INFO_INSTANCE_ID => &facts.instance_id,
        TORU_INFO_PLUGIN_ID => facts.plugin,
        TORU_INFO_BASE_PATH => &facts.base_path,
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
    // SAFETY: plugins get no other contexts than ours.
    let Some(services) = unsafe { Context::of(ctx) }.services() else {
        return TORU_GONE;
    };
    // SAFETY: the plugin lends the place for the call.
    unsafe { hand_over(services.config.clone().into(), out) }
}

unsafe extern "C" fn license_get(ctx: *const ToruCtx, out: *mut ToruBytes) -> u32 {
    // SAFETY: plugins get no other contexts than ours.
    let Some(services) = unsafe { Context::of(ctx) }.services() else {
        return TORU_GONE;
    };
    match services.license.read() {
        // SAFETY: the plugin lends the place for the call.
        Some(key) => unsafe { hand_over(key.into(), out) },
        None => TORU_NOT_FOUND,
    }
}

/// # Safety
///
/// `out` is null, or writable for the call.
unsafe fn hand_over(bytes: Bytes, out: *mut ToruBytes) -> u32 {
    if out.is_null() {
        return TORU_INVALID;
    }
    // SAFETY: not null, and writable as the caller guarantees.
    unsafe { out.write(into_toru(bytes)) };
    TORU_DONE
}
