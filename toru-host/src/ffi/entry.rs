//! First contact: `create_plugin` is called and the plugin's table is checked and copied.

use std::ffi::c_void;
use std::mem::offset_of;

use toru_plugin_api::abi::entry::{CreatePlugin, TORU_LOADER_STATIC, ToruLoader};
use toru_plugin_api::abi::host::{ToruCtx, ToruHost};
use toru_plugin_api::abi::op::{ToruOp, ToruWaker};
use toru_plugin_api::abi::plugin::{ToruAssetSink, ToruPluginApi};
use toru_plugin_api::abi::route::ToruRegistrar;
use toru_plugin_api::abi::status::{TORU_DONE, ToruError};
use toru_plugin_api::abi::version::{TORU_ABI_MAJOR, TORU_ABI_MINOR, TORU_API_MAGIC, is_compatible};
use toru_plugin_api::abi::{size_word, table_has};

use super::context::Host;
use crate::error::LoadError;

/// The functions of a plugin, copied from its table. Those that are optional may be missing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Api {
    pub(super) create: unsafe extern "C" fn(*const ToruHost, *mut *mut c_void, *mut ToruError) -> u32,
    pub(super) init: Option<
        unsafe extern "C" fn(
            *mut c_void,
            *const ToruCtx,
            *const ToruWaker,
            *mut ToruOp,
            *mut ToruError,
        ) -> u32,
    >,
    pub(super) routes: Option<unsafe extern "C" fn(*mut c_void, *const ToruRegistrar, *mut ToruError) -> u32>,
    pub(super) frontend:
        Option<unsafe extern "C" fn(*mut c_void, *const ToruAssetSink, *mut ToruError) -> u32>,
    pub(super) shutdown:
        Option<unsafe extern "C" fn(*mut c_void, *const ToruWaker, *mut ToruOp, *mut ToruError) -> u32>,
    pub(super) destroy: unsafe extern "C" fn(*mut c_void),
    pub(super) ext: Option<Ext>,
}

/// What gives a plugin's own extensions.
pub(super) type Ext = unsafe extern "C" fn(*mut c_void, *const u8, usize) -> *const c_void;

impl Api {
    /// Calls `create_plugin` and checks what it gives.
    ///
    /// # Safety
    ///
    /// `create` keeps the contract: it comes from a library opened by [`open`](super::open), or from a
    /// [`StaticPlugin`](toru_plugin_api::abi::StaticPlugin), whose maker vouched for it.
    pub(crate) unsafe fn load(
        create: CreatePlugin,
        host: &'static Host,
        is_static: bool,
    ) -> Result<Self, LoadError> {
        let loader = ToruLoader {
            size: size_word::<ToruLoader>(),
            flags: if is_static { TORU_LOADER_STATIC } else { 0 },
            abi_major: TORU_ABI_MAJOR,
            abi_minor: TORU_ABI_MINOR,
            reserved: 0,
            host: host.as_ptr(),
        };
        let mut table: *const ToruPluginApi = std::ptr::null();
        // SAFETY: the caller vouches for the function; both pointers are valid for the call.
        let status = unsafe { create(&raw const loader, &raw mut table) };
        if status != TORU_DONE {
            let reason = format!("create_plugin returned status {status}");
            return Err(LoadError::CreateFailed { reason });
        }
        // SAFETY: the plugin says that this is its table; nothing is read before it is checked.
        unsafe { Self::from_table(table) }
    }

    /// # Safety
    ///
    /// `table` is null or points to a table that is readable up to its own `size`.
    unsafe fn from_table(table: *const ToruPluginApi) -> Result<Self, LoadError> {
        let bad = |reason| LoadError::BadTable { reason };
        if table.is_null() {
            return Err(bad("it is null"));
        }
        if !table.is_aligned() {
            return Err(bad("its address is not aligned"));
        }
        // SAFETY: not null and aligned; the first word of a table is its size.
        let size = unsafe { table.cast::<u32>().read() };
        if !table_has!(ToruPluginApi, size, destroy) {
            return Err(bad("it is shorter than version 1 of the contract"));
        }
        // Each field is read by itself: the plugin's table may be shorter than the type as compiled here.
        macro_rules! read {
            ($field:ident) => {{
                const { assert!(offset_of!(ToruPluginApi, $field) <= offset_of!(ToruPluginApi, destroy)) };
                // SAFETY: not beyond `destroy`, up to where the table is long enough.
                unsafe { (&raw const (*table).$field).read() }
            }};
        }
        if read!(magic) != TORU_API_MAGIC {
            return Err(bad("its magic number is wrong"));
        }
        if !is_compatible(read!(abi_major)) {
            return Err(bad("its version differs from the one in the note"));
        }
        Ok(Self {
            create: read!(create).ok_or_else(|| bad("it has no `create`"))?,
            init: read!(init),
            routes: read!(routes),
            frontend: read!(frontend),
            shutdown: read!(shutdown),
            destroy: read!(destroy).ok_or_else(|| bad("it has no `destroy`"))?,
            ext: if table_has!(ToruPluginApi, size, ext) {
                // SAFETY: the table is long enough.
                unsafe { (*table).ext }
            } else {
                None
            },
        })
    }
}
