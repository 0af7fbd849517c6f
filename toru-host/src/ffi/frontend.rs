//! The frontend's files, as a plugin handed them over.

use std::cell::RefCell;

use bytes::Bytes;
use toru_plugin_api::abi::plugin::{ToruAsset, ToruAssetSink};
use toru_plugin_api::abi::status::{TORU_DONE, TORU_INVALID, TORU_UNSUPPORTED};
use toru_plugin_api::abi::{field_end, read_argument, size_word};

use super::bytes::from_plugin;
use super::guard::guard;

/// Most files of one plugin.
const ASSETS_MAX: usize = 1024;

/// One file of a plugin's frontend.
#[derive(Clone, Debug)]
pub(crate) struct Asset {
    /// Path below the plugin's own.
    pub(crate) path: String,
    /// The content.
    pub(crate) bytes: Bytes,
}

/// Collects files during the call to `frontend`.
#[repr(C)]
pub(super) struct Sink {
    base: ToruAssetSink,
    collected: RefCell<Vec<Asset>>,
}

impl Sink {
    pub(super) fn new() -> Self {
        let base = ToruAssetSink {
            size: size_word::<ToruAssetSink>(),
            flags: 0,
            add,
        };
        Self {
            base,
            collected: RefCell::default(),
        }
    }

    pub(super) fn as_ptr(&self) -> *const ToruAssetSink {
        (&raw const *self).cast()
    }

    pub(super) fn finish(self) -> Vec<Asset> {
        self.collected.into_inner()
    }
}

unsafe extern "C" fn add(sink: *const ToruAssetSink, asset: *const ToruAsset) -> u32 {
    guard("asset_sink.add", || {
        if sink.is_null() || asset.is_null() {
            return TORU_INVALID;
        }
        // SAFETY: plugins get no other sink than ours, and use it only during the call to `frontend`.
        let this = unsafe { &*sink.cast::<Sink>() };
        // SAFETY: the plugin lends the file for the call.
        let asset = match unsafe { read_argument(asset, field_end!(ToruAsset, bytes)) } {
            Ok(asset) if this.collected.borrow().len() < ASSETS_MAX => asset,
            Ok(_) => return TORU_INVALID,
            Err(status) => return status,
        };
        if asset.flags != 0 {
            return TORU_UNSUPPORTED;
        }
        // SAFETY: the plugin lends the text for the call.
        let Some(path) = (unsafe { text(asset.path) }) else {
            return TORU_INVALID;
        };
        // SAFETY: the plugin hands the bytes over; on an error they stay its own.
        let Some(bytes) = (unsafe { from_plugin(asset.bytes) }) else {
            return TORU_INVALID;
        };
        this.collected.borrow_mut().push(Asset { path, bytes });
        TORU_DONE
    })
}

/// # Safety
///
/// The slice is readable for the call.
unsafe fn text(slice: toru_plugin_api::abi::bytes::ToruSlice) -> Option<String> {
    // SAFETY: as the caller guarantees.
    let bytes = unsafe { slice.as_bytes() }?;
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}
