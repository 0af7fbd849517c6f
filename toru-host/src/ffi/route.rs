//! Routes, as a plugin registered them.

use std::cell::RefCell;
use std::ffi::c_void;

use toru_plugin_api::abi::bytes::ToruSlice;
use toru_plugin_api::abi::exchange::ToruExchange;
use toru_plugin_api::abi::op::{ToruOp, ToruWaker};
use toru_plugin_api::abi::route::{
    TORU_ANY_METHOD, TORU_PARAMS_MAX, TORU_ROUTE_BLOCKING, TORU_SCRATCH_ALIGN_MAX, TORU_SCRATCH_MAX,
    ToruRegistrar, ToruRoute,
};
use toru_plugin_api::abi::status::{TORU_DONE, TORU_INVALID, TORU_UNSUPPORTED};
use toru_plugin_api::abi::{field_end, read_argument, size_word};

use super::guard::guard;

pub(super) type Start = unsafe extern "C" fn(
    *const c_void,
    *const c_void,
    *const ToruExchange,
    *const ToruWaker,
    *mut u8,
    *mut ToruOp,
) -> u32;

/// Most routes of one plugin.
const ROUTES_MAX: usize = 4096;
/// Longest pattern or name in bytes.
const PATTERN_MAX: usize = 1024;

/// One route of a plugin.
#[derive(Debug)]
pub(crate) struct Route {
    /// Methods answered, as bits.
    pub(crate) methods: u32,
    /// Path pattern below the plugin's own path.
    pub(crate) pattern: String,
    pub(super) blocking: bool,
    pub(super) op_size: usize,
    pub(super) user: *const c_void,
    pub(super) start: Start,
}

// SAFETY: `user` belongs to the plugin and is only passed back to `start`, which is thread-safe by contract.
unsafe impl Send for Route {}
// SAFETY: as above.
unsafe impl Sync for Route {}

/// Where a request goes: the route, and what its pattern captured.
#[derive(Debug)]
pub(crate) struct RouteMatch<'a> {
    /// The route.
    pub(crate) route: &'a Route,
    /// Length of the path in front of the plugin's own.
    pub(crate) prefix_len: usize,
    /// The request's method, as a bit.
    pub(crate) method: u32,
    /// Captures as offset and length in the plugin's own path, in the order of the pattern.
    pub(crate) params: [(u16, u16); TORU_PARAMS_MAX],
    /// How many of them there are.
    pub(crate) n_params: usize,
}

impl RouteMatch<'_> {
    pub(super) fn params(&self) -> impl ExactSizeIterator<Item = std::ops::Range<usize>> {
        let range = |&(offset, len): &(u16, u16)| usize::from(offset)..usize::from(offset) + usize::from(len);
        self.params[..self.n_params].iter().map(range)
    }
}

/// Collects routes during the call to `routes`.
#[repr(C)]
pub(super) struct Registrar {
    base: ToruRegistrar,
    collected: RefCell<Collected>,
}

#[derive(Default)]
struct Collected {
    routes: Vec<Route>,
    refused: Option<String>,
}

impl Registrar {
    pub(super) fn new() -> Self {
        let base = ToruRegistrar {
            size: size_word::<ToruRegistrar>(),
            flags: 0,
            add,
        };
        Self {
            base,
            collected: RefCell::default(),
        }
    }

    pub(super) fn as_ptr(&self) -> *const ToruRegistrar {
        (&raw const *self).cast()
    }

    /// The routes, or why one was refused.
    pub(super) fn finish(self) -> Result<Vec<Route>, String> {
        let Collected { routes, refused } = self.collected.into_inner();
        refused.map_or(Ok(routes), Err)
    }
}

unsafe extern "C" fn add(registrar: *const ToruRegistrar, route: *const ToruRoute) -> u32 {
    guard("registrar.add", || {
        if registrar.is_null() || route.is_null() {
            return TORU_INVALID;
        }
        // SAFETY: plugins get no other registrar than ours, and use it only during the call to `routes`.
        let this = unsafe { &*registrar.cast::<Registrar>() };
        let mut collected = this.collected.borrow_mut();
        // SAFETY: the plugin lends the route for the call.
        match unsafe { read(route) } {
            Ok(route) if collected.routes.len() < ROUTES_MAX => {
                collected.routes.push(route);
                TORU_DONE
            }
            Ok(_) => {
                collected.refused = Some(format!("more than {ROUTES_MAX} routes"));
                TORU_INVALID
            }
            Err((status, reason)) => {
                collected.refused.get_or_insert(reason);
                status
            }
        }
    })
}

/// # Safety
///
/// `route` is readable up to its own `size`, and its slices are as long as they say.
unsafe fn read(route: *const ToruRoute) -> Result<Route, (u32, String)> {
    let invalid = |reason: &str| (TORU_INVALID, reason.to_owned());
    // SAFETY: the plugin lends the route for the call.
    let route = unsafe { read_argument(route, field_end!(ToruRoute, start)) }.map_err(|status| {
        let reason = "a route is described by a struct that is too short, or of a newer kind";
        (status, reason.to_owned())
    })?;
    // SAFETY: the plugin lends the text for the call.
    let pattern = unsafe { text(route.pattern) }.ok_or_else(|| invalid("a pattern is not text"))?;
    let about = |what: &str| (TORU_INVALID, format!("`{pattern}` {what}"));
    if route.flags & !TORU_ROUTE_BLOCKING != 0 {
        return Err((
            TORU_UNSUPPORTED,
            format!("`{pattern}` uses a flag that this host does not know"),
        ));
    }
    if route.methods == 0 || route.methods & !TORU_ANY_METHOD != 0 {
        return Err(about("names no method, or one that this host does not know"));
    }
    let align_ok = match route.op_align {
        0 => route.op_size == 0,
        align => align.is_power_of_two() && align <= TORU_SCRATCH_ALIGN_MAX,
    };
    if route.op_size > TORU_SCRATCH_MAX || !align_ok {
        return Err(about("asks for more scratch memory than a route may"));
    }
    let start = route.start.ok_or_else(|| about("has no handler"))?;
    Ok(Route {
        methods: route.methods,
        pattern,
        blocking: route.flags & TORU_ROUTE_BLOCKING != 0,
        op_size: route.op_size,
        user: route.user,
        start,
    })
}

/// # Safety
///
/// The slice is readable for the call.
unsafe fn text(slice: ToruSlice) -> Option<String> {
    // SAFETY: as the caller guarantees.
    let bytes = unsafe { slice.as_bytes() }?;
    if bytes.len() > PATTERN_MAX {
        return None;
    }
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}
