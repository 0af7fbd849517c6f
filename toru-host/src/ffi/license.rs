//! The extension `toru.license/1`: the key for the plugin, and word of another one.

use std::ffi::c_void;

use toru_plugin_api::abi::bytes::ToruBytes;
use toru_plugin_api::abi::host::ToruCtx;
use toru_plugin_api::abi::license::{TORU_LICENSE_ID, ToruLicense, ToruLicenseListener};
use toru_plugin_api::abi::op::{ToruOp, ToruWaker};
use toru_plugin_api::abi::status::{
    TORU_DONE, TORU_GONE, TORU_INVALID, TORU_NOT_FOUND, TORU_UNSUPPORTED, ToruError,
};
use toru_plugin_api::abi::{size_word, table_has};

use super::bytes::to_plugin;
use super::context::Context;
use super::control::control;
use super::gate::Permit;
use super::guard::guard;
use super::instance::{Instance, Shared};
use super::op::on_worker;

pub(super) static TABLE: ToruLicense = ToruLicense {
    size: size_word::<ToruLicense>(),
    flags: 0,
    get: license_get,
};

unsafe extern "C" fn license_get(ctx: *const ToruCtx, out: *mut ToruBytes) -> u32 {
    guard("license.get", || {
        // SAFETY: plugins get no other contexts than ours.
        let Some(services) = unsafe { Context::of(ctx) }.services() else {
            return TORU_GONE;
        };
        if out.is_null() {
            return TORU_INVALID;
        }
        let Some(key) = services.license.read() else {
            return TORU_NOT_FOUND;
        };
        // SAFETY: the plugin lends the place for the call.
        unsafe { out.write(to_plugin(key)) };
        TORU_DONE
    })
}

/// Whether a plugin goes on with another key.
pub(crate) type LicenseHeard = Result<(), Unheard>;

/// Why a plugin does not go on with another key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unheard {
    /// It did not say in time.
    #[error("it did not say in time whether it accepts the key")]
    Late,
    /// It has nothing that could be told.
    #[error("it does not listen")]
    NotOffered,
    /// It returned an error.
    #[error("{0}")]
    Refused(String),
}

type Changed = unsafe extern "C" fn(*mut c_void, *const ToruWaker, *mut ToruOp, *mut ToruError) -> u32;

/// Word of another key for an instance, which is not destroyed while this exists.
#[derive(Debug)]
pub(crate) struct LicenseChange(Permit);

impl Instance {
    /// Prepares to tell the plugin; `None` when the instance is closing.
    pub(crate) fn license_change(&self) -> Option<LicenseChange> {
        self.enter().map(LicenseChange)
    }
}

impl LicenseChange {
    /// Tells the plugin, if it offers to be told, and waits for what it says. The caller sees to it that nothing else tagged
    /// `[control]` runs, and calls this on a thread that may be blocked.
    pub(crate) async fn tell(self) -> LicenseHeard {
        let changed = self.listener().ok_or(Unheard::NotOffered)?;
        let plugin = Shared::new(self.0.instance().plugin().cast_mut());
        // SAFETY: the instance is alive while the permit exists; the pointers are valid for the call.
        let start = move |waker, op, err| unsafe { changed(plugin.get(), waker, op, err) };
        let heard = control(start).await;
        drop(self);
        heard.map_err(|(status, words)| match status {
            TORU_UNSUPPORTED => Unheard::NotOffered,
            _ => Unheard::Refused(words),
        })
    }

    /// What the plugin offers, which lives as long as the instance.
    fn listener(&self) -> Option<Changed> {
        let instance = self.0.instance();
        let ext = instance.ext()?;
        let (id, len) = (TORU_LICENSE_ID.as_ptr(), TORU_LICENSE_ID.len());
        // SAFETY: the instance is alive while the permit exists; the id is valid for the call.
        let table = on_worker(|| unsafe { ext(instance.plugin().cast_mut(), id, len) });
        let table = table.cast::<ToruLicenseListener>();
        if table.is_null() || !table.is_aligned() {
            return None;
        }
        // SAFETY: not null and aligned; the first word of a table is its size.
        let size = unsafe { table.cast::<u32>().read() };
        if !table_has!(ToruLicenseListener, size, changed) {
            return None;
        }
        // SAFETY: the table reaches beyond the field.
        unsafe { (*table).changed }
    }
}
