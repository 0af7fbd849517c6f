//! One instance of the plugin under test, driven through its tables: from `create` to `destroy`.

use std::cell::RefCell;
use std::ffi::c_void;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use super::Context;
use super::call::{Call, Start, Target};
use super::exchange::Head;
use super::on_worker;
use super::words::Words;
use crate::abi::bytes::ToruSlice;
use crate::abi::host::{ToruHost, ToruHostVt};
use crate::abi::license::{TORU_LICENSE_ID, ToruLicenseListener};
use crate::abi::op::{ToruOp, ToruWaker};
use crate::abi::plugin::{ToruAsset, ToruAssetSink, ToruPluginApi};
use crate::abi::route::{TORU_ROUTE_BLOCKING, ToruRegistrar, ToruRoute};
use crate::abi::size_word;
use crate::abi::status::{TORU_DONE, TORU_INVALID, TORU_NOT_FOUND, TORU_PENDING, ToruError};
use crate::bytes::Bytes;
use crate::plugin::ToruPlugin;
use crate::shim::bytes::ForeignBytes;
use crate::shim::instance::{Instance, api};
use crate::shim::op::HostOp;
use crate::shim::waker::with_waker;

/// What a plugin returned instead of doing what it was asked, and its words.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: u32,
    pub(crate) words: String,
}

/// A route as the plugin registered it.
pub(crate) struct Registered {
    pub(crate) methods: u32,
    pub(crate) pattern: String,
    pub(crate) is_blocking: bool,
    start: Start,
    user: *const c_void,
}

// SAFETY: `user` belongs to the plugin and is only passed back to `start`, which is thread-safe by contract.
unsafe impl Send for Registered {}
// SAFETY: as above.
unsafe impl Sync for Registered {}

/// An instance that was created. Destroyed on drop.
pub(crate) struct Mounted<P: ToruPlugin> {
    plugin: *mut c_void,
    context: &'static Context,
    routes: OnceLock<Vec<Registered>>,
    of: PhantomData<fn() -> P>,
}

// SAFETY: the pointer is only passed to the plugin's own functions; those tagged `[control]` are called one at a time.
unsafe impl<P: ToruPlugin> Send for Mounted<P> {}
// SAFETY: as above.
unsafe impl<P: ToruPlugin> Sync for Mounted<P> {}

type Control = unsafe extern "C" fn(*mut c_void, *const ToruWaker, *mut ToruOp, *mut ToruError) -> u32;

impl<P: ToruPlugin> Mounted<P> {
    /// The plugin's table, as its library would hand it over. Its metadata was checked when it was made.
    const API: &'static ToruPluginApi = &api::<P>(&[]);

    pub(crate) fn create(context: &'static Context) -> Result<Self, Failure> {
        let create = Self::API.create.ok_or_else(Failure::missing)?;
        let (mut plugin, mut words) = (std::ptr::null_mut(), Words::new());
        // SAFETY: the host lives as long as the process; the other pointers are valid for the call.
        let status = unsafe { create(&raw const HOST.0, &raw mut plugin, words.as_mut()) };
        Failure::check(status, &words)?;
        Ok(Self {
            plugin,
            context,
            routes: OnceLock::new(),
            of: PhantomData,
        })
    }

    pub(crate) async fn init(&self) -> Result<(), Failure> {
        let init = Self::API.init.ok_or_else(Failure::missing)?;
        let (this, context) = (self, self.context);
        // SAFETY: the instance is alive; the context lives as long as the process; the rest is valid for the call.
        control(move |waker, op, err| unsafe { init(this.plugin, context.as_ptr(), waker, op, err) }).await
    }

    pub(crate) async fn shutdown(&self) -> Result<(), Failure> {
        self.control(Self::API.shutdown).await
    }

    /// Tells the plugin of another licence key.
    pub(crate) async fn license_changed(&self) -> Result<(), Failure> {
        let ext = Self::API.ext.ok_or_else(Failure::missing)?;
        let (id, len) = (TORU_LICENSE_ID.as_ptr(), TORU_LICENSE_ID.len());
        // SAFETY: the instance is alive; the id is valid for the call.
        let table = unsafe { ext(self.plugin, id, len) }.cast::<ToruLicenseListener>();
        // SAFETY: null, or the table that this id stands for, which is a static of this crate's.
        let listener = unsafe { table.as_ref() };
        self.control(listener.and_then(|listener| listener.changed)).await
    }

    async fn control(&self, function: Option<Control>) -> Result<(), Failure> {
        let function = function.ok_or_else(Failure::missing)?;
        let this = self;
        // SAFETY: the instance is alive; the pointers are valid for the call.
        control(move |waker, op, err| unsafe { function(this.plugin, waker, op, err) }).await
    }

    /// Has the plugin register its routes. They are there once it has done so.
    pub(crate) fn register(&self) -> Result<&[Registered], Failure> {
        let routes = Self::API.routes.ok_or_else(Failure::missing)?;
        let registrar = Registrar {
            base: ToruRegistrar {
                size: size_word::<ToruRegistrar>(),
                flags: 0,
                add: add_route,
            },
            routes: RefCell::default(),
        };
        let mut words = Words::new();
        // SAFETY: the instance is alive; the pointers are valid for the call.
        let status = unsafe { routes(self.plugin, (&raw const registrar).cast(), words.as_mut()) };
        Failure::check(status, &words)?;
        Ok(self.routes.get_or_init(|| registrar.routes.into_inner()))
    }

    pub(crate) fn routes(&self) -> &[Registered] {
        self.routes.get().map_or(&[], Vec::as_slice)
    }

    /// The frontend's files with their paths.
    pub(crate) fn frontend(&self) -> Result<Vec<(String, Bytes)>, Failure> {
        let frontend = Self::API.frontend.ok_or_else(Failure::missing)?;
        let sink = Sink {
            base: ToruAssetSink {
                size: size_word::<ToruAssetSink>(),
                flags: 0,
                add: add_asset,
            },
            assets: RefCell::default(),
        };
        let mut words = Words::new();
        // SAFETY: the instance is alive; the pointers are valid for the call.
        let status = unsafe { frontend(self.plugin, (&raw const sink).cast(), words.as_mut()) };
        Failure::check(status, &words)?;
        Ok(sink.assets.into_inner())
    }

    /// A call to the route of that number; it keeps the instance.
    pub(crate) fn call(self: &Arc<Self>, route: usize, head: Head) -> Option<Call> {
        let Registered { start, user, .. } = self.routes().get(route)?;
        let target = Target {
            start: *start,
            user: *user,
            plugin: self.plugin,
        };
        // SAFETY: the route is one of this instance, which is destroyed only after the call gave its reference back.
        Some(unsafe { Call::new(target, head, Arc::clone(self) as _) })
    }

    /// The author's own value; `None` before `init` has succeeded.
    pub(crate) fn plugin(&self) -> Option<&P> {
        // SAFETY: made by `create` of the same `P`; alive until `self` is dropped.
        unsafe { &*self.plugin.cast::<Instance<P>>() }.plugin()
    }
}

impl<P: ToruPlugin> Drop for Mounted<P> {
    fn drop(&mut self) {
        if let Some(destroy) = Self::API.destroy {
            // SAFETY: made by `create`, destroyed once; whoever calls keeps the instance.
            on_worker(|| unsafe { destroy(self.plugin) });
        }
        self.context.retire();
    }
}

impl Failure {
    fn missing() -> Self {
        Self {
            status: TORU_INVALID,
            words: "the table lacks a function".to_owned(),
        }
    }

    fn check(status: u32, words: &Words) -> Result<(), Self> {
        if status == TORU_DONE {
            return Ok(());
        }
        let words = words.text(status);
        Err(Self { status, words })
    }
}

/// Runs a function that may suspend to its end.
async fn control(
    start: impl Fn(*const ToruWaker, *mut ToruOp, *mut ToruError) -> u32 + Send,
) -> Result<(), Failure> {
    let (mut words, mut pending) = (Words::new(), None::<HostOp>);
    let status = poll_fn(|cx| {
        on_worker(|| match &mut pending {
            // SAFETY: the `io` of these operations is an error.
            Some(op) => unsafe { op.poll(cx, words.as_mut().cast()) },
            None => {
                let mut op = ToruOp::NONE;
                let status = with_waker(cx.waker(), |waker| start(waker, &raw mut op, words.as_mut()));
                if status != TORU_PENDING {
                    return std::task::Poll::Ready(status);
                }
                // SAFETY: filled in by the plugin, which is pending.
                pending = Some(unsafe { HostOp::new(op) });
                std::task::Poll::Pending
            }
        })
    })
    .await;
    on_worker(|| drop(pending.take()));
    Failure::check(status, &words)
}

struct Host(ToruHost);

// SAFETY: the table pointer is to a static.
unsafe impl Sync for Host {}

static HOST: Host = Host(ToruHost {
    vt: &raw const HOST_VT,
});

static HOST_VT: ToruHostVt = ToruHostVt {
    size: size_word::<ToruHostVt>(),
    flags: 0,
    ext: host_ext,
    info: host_info,
};

unsafe extern "C" fn host_ext(_: *const ToruHost, _: *const u8, _: usize) -> *const c_void {
    std::ptr::null()
}

unsafe extern "C" fn host_info(_: *const ToruHost, _: u32, _: *mut ToruSlice) -> u32 {
    TORU_NOT_FOUND
}

#[repr(C)]
struct Registrar {
    base: ToruRegistrar,
    routes: RefCell<Vec<Registered>>,
}

unsafe extern "C" fn add_route(registrar: *const ToruRegistrar, route: *const ToruRoute) -> u32 {
    // SAFETY: plugins get no other registrar than ours, and use it only during the call to `routes`.
    let this = unsafe { &*registrar.cast::<Registrar>() };
    // SAFETY: this crate's own side calls with a whole route, lent for the call.
    let route = unsafe { &*route };
    // SAFETY: as above.
    let pattern = unsafe { route.pattern.as_bytes() }.unwrap_or_default();
    let Some(start) = route.start else {
        return TORU_INVALID;
    };
    this.routes.borrow_mut().push(Registered {
        methods: route.methods,
        pattern: String::from_utf8_lossy(pattern).into_owned(),
        is_blocking: route.flags & TORU_ROUTE_BLOCKING != 0,
        start,
        user: route.user,
    });
    TORU_DONE
}

#[repr(C)]
struct Sink {
    base: ToruAssetSink,
    assets: RefCell<Vec<(String, Bytes)>>,
}

unsafe extern "C" fn add_asset(sink: *const ToruAssetSink, asset: *const ToruAsset) -> u32 {
    // SAFETY: plugins get no other sink than ours, and use it only during the call to `frontend`.
    let this = unsafe { &*sink.cast::<Sink>() };
    // SAFETY: this crate's own side calls with a whole asset, lent for the call.
    let ToruAsset { path, bytes, .. } = unsafe { asset.read() };
    // SAFETY: as above.
    let path = String::from_utf8_lossy(unsafe { path.as_bytes() }.unwrap_or_default()).into_owned();
    // SAFETY: the plugin hands one reference over.
    let bytes = Bytes::foreign(unsafe { ForeignBytes::from_raw(bytes) });
    this.assets.borrow_mut().push((path, bytes));
    TORU_DONE
}
