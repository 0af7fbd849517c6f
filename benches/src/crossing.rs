//! The crossing itself: a call through the tables of a real library, with nothing of HTTP around it.
//!
//! The host here is the least that keeps the contract: it counts references, guards against its own panics and looks
//! at the status. What is timed is `start` up to the answer, with all guards of the plugin's side.

#![expect(
    unsafe_code,
    reason = "this is a host, reduced to what a call through the tables needs"
)]

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Instant;

use libloading::Library;
use toru_benches_work::SuspendOnce;
use toru_plugin_api::abi::body::ToruBody;
use toru_plugin_api::abi::bytes::ToruSlice;
use toru_plugin_api::abi::entry::{CREATE_PLUGIN_SYMBOL, CreatePlugin, ToruLoader};
use toru_plugin_api::abi::exchange::{ToruExchange, ToruExchangeVt, ToruHeader, ToruResponder, ToruResponse};
use toru_plugin_api::abi::host::{ToruCtx, ToruCtxVt};
use toru_plugin_api::abi::op::{ToruOp, ToruWaker, ToruWakerVt};
use toru_plugin_api::abi::route::{TORU_GET, TORU_SCRATCH_MAX, ToruRegistrar, ToruRoute};
use toru_plugin_api::abi::size_word;
use toru_plugin_api::abi::status::{TORU_DONE, TORU_INTERNAL, TORU_NOT_FOUND, TORU_PENDING};
use toru_plugin_api::abi::version::{TORU_ABI_MAJOR, TORU_ABI_MINOR};

use crate::Result;
use crate::rounds::Turn;

/// Calls in one batch.
const BATCH: u64 = 2048;

/// The routes of a plugin that were registered here, ready to be called.
#[derive(Debug)]
pub struct Crossing {
    plugin: *mut c_void,
    routes: Vec<(String, ToruRoute)>,
}

impl Crossing {
    /// Opens a library for good and starts an instance.
    ///
    /// # Errors
    ///
    /// When the library or the plugin refuses.
    pub fn open(library: &Path) -> Result<Self> {
        // SAFETY: built by this program from `benches/plugin`; it has no constructors of its own.
        let library = unsafe { Library::new(library) }?;
        // SAFETY: `export_plugin!` gave the symbol this type.
        let create = *unsafe { library.get::<CreatePlugin>(CREATE_PLUGIN_SYMBOL) }?;
        std::mem::forget(library);
        let loader = ToruLoader {
            size: size_word::<ToruLoader>(),
            flags: 0,
            abi_major: TORU_ABI_MAJOR,
            abi_minor: TORU_ABI_MINOR,
            reserved: 0,
            host: null(),
        };
        let mut api = null();
        // SAFETY: the pointers are valid for the call.
        done("create_plugin", unsafe {
            create(&raw const loader, &raw mut api)
        })?;
        // SAFETY: a plugin's table lives as long as the process.
        let api = unsafe { &*api };
        let missing = "the table has a gap";
        let mut plugin = null_mut();
        let create = api.create.ok_or(missing)?;
        // SAFETY: the pointers are valid for the call; this plugin does not look at its host.
        done("create", unsafe { create(null(), &raw mut plugin, null_mut()) })?;
        let init = api.init.ok_or(missing)?;
        let mut op = ToruOp::NONE;
        // SAFETY: the context is static; the other pointers are valid for the call.
        done("init", unsafe {
            init(
                plugin,
                &raw const CTX.0,
                &raw const WAKER.0,
                &raw mut op,
                null_mut(),
            )
        })?;
        let registrar = Registrar {
            base: ToruRegistrar {
                size: size_word::<ToruRegistrar>(),
                flags: 0,
                add,
            },
            routes: RefCell::default(),
        };
        let routes = api.routes.ok_or(missing)?;
        // SAFETY: the registrar is valid for the call.
        done("routes", unsafe {
            routes(plugin, (&raw const registrar).cast(), null_mut())
        })?;
        let routes = registrar.routes.into_inner();
        Ok(Self { plugin, routes })
    }

    /// Calls the handler of `pattern`, polling until it has answered.
    ///
    /// # Errors
    ///
    /// When there is no such route.
    ///
    /// # Panics
    ///
    /// The turn does, when the plugin does not answer 200.
    pub fn turn<'a>(&'a self, pattern: &'a str) -> Result<Turn<'a>> {
        let mut routes = self.routes.iter();
        let (_, route) = routes.find(|(own, _)| own == pattern).ok_or("no such route")?;
        let start = route.start.ok_or("the route has no handler")?;
        let exchange = Exchange::new();
        let mut scratch = Box::new(MaybeUninit::<Scratch>::uninit());
        Ok(Box::new(move || {
            let begin = Instant::now();
            for _ in 0..BATCH {
                let mut op = ToruOp::NONE;
                let ex = (&raw const exchange).cast();
                let (waker, memory) = (&raw const WAKER.0, scratch.as_mut_ptr().cast());
                // SAFETY: the plugin's own arguments; everything lent outlives the operation.
                let mut status = unsafe { start(route.user, self.plugin, ex, waker, memory, &raw mut op) };
                if status == TORU_PENDING {
                    // SAFETY: filled in, because it is pending.
                    let vt = unsafe { &*op.vt };
                    if let (Some(poll), Some(drop)) = (vt.poll, vt.drop) {
                        while status == TORU_PENDING {
                            // SAFETY: the operation is alive; its `io` is its exchange.
                            status = unsafe { poll(op.data, waker, ex.cast_mut().cast()) };
                        }
                        // SAFETY: ended, and dropped once.
                        unsafe { drop(op.data) };
                    }
                }
                assert_eq!((status, exchange.status.take()), (TORU_DONE, 200), "{pattern}");
            }
            (BATCH, begin.elapsed())
        }))
    }
}

/// The same handler called directly, inline or suspending once.
#[must_use]
pub fn direct(suspends: bool) -> Turn<'static> {
    Box::new(move || {
        let begin = Instant::now();
        for _ in 0..BATCH {
            let mut future = std::pin::pin!(handler(std::hint::black_box(suspends)));
            let mut cx = Context::from_waker(Waker::noop());
            let answer = loop {
                if let std::task::Poll::Ready(answer) = future.as_mut().poll(&mut cx) {
                    break answer;
                }
            };
            std::hint::black_box(answer);
        }
        (BATCH, begin.elapsed())
    })
}

async fn handler(suspends: bool) -> (u16, [&'static str; 2], &'static [u8]) {
    if suspends {
        SuspendOnce::default().await;
    }
    (200, ["content-type", "text/plain; charset=utf-8"], b"constant")
}

/// Memory for operations; only its layout matters.
#[repr(align(16))]
#[expect(dead_code, reason = "written by the plugin alone")]
struct Scratch([u8; TORU_SCRATCH_MAX]);

/// The host's side of one request.
#[repr(C)]
struct Exchange {
    base: ToruExchange,
    refs: AtomicUsize,
    status: Cell<u16>,
}

impl Exchange {
    fn new() -> Self {
        let base = ToruExchange {
            vt: &EXCHANGE_VT,
            size: size_word::<ToruExchange>(),
            flags: 0,
            method: TORU_GET,
            version: 11,
            n_headers: 0,
            method_name: ToruSlice::EMPTY,
            path: ToruSlice::EMPTY,
            query: ToruSlice::EMPTY,
            params: null(),
            n_params: 0,
            deadline_ns: 0,
            trace_id: [0; 16],
            span_id: [0; 8],
        };
        Self {
            base,
            refs: AtomicUsize::new(1),
            status: Cell::new(0),
        }
    }
}

static EXCHANGE_VT: ToruExchangeVt = ToruExchangeVt {
    size: size_word::<ToruExchangeVt>(),
    flags: 0,
    retain: exchange_retain,
    release: exchange_release,
    header: exchange_header,
    headers: exchange_headers,
    body: exchange_body,
    respond: exchange_respond,
    detach: exchange_detach,
    ext: exchange_ext,
};

unsafe fn exchange<'a>(ex: *const ToruExchange) -> &'a Exchange {
    // SAFETY: only `EXCHANGE_VT` leads here, and only an `Exchange` carries it.
    unsafe { &*ex.cast() }
}

unsafe extern "C" fn exchange_retain(ex: *const ToruExchange) {
    // SAFETY: called through the table.
    unsafe { exchange(ex) }.refs.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn exchange_release(ex: *const ToruExchange) {
    // SAFETY: called through the table.
    unsafe { exchange(ex) }.refs.fetch_sub(1, Ordering::Release);
}

unsafe extern "C" fn exchange_header(
    _: *const ToruExchange,
    _: *const u8,
    _: usize,
    _: *mut ToruSlice,
) -> u32 {
    TORU_NOT_FOUND
}

unsafe extern "C" fn exchange_headers(
    _: *const ToruExchange,
    _: *mut *const ToruHeader,
    _: *mut usize,
) -> u32 {
    TORU_NOT_FOUND
}

unsafe extern "C" fn exchange_body(_: *const ToruExchange) -> *mut ToruBody {
    null_mut()
}

unsafe extern "C" fn exchange_respond(ex: *const ToruExchange, response: *const ToruResponse) -> u32 {
    let answered = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: called through the table.
        let exchange = unsafe { exchange(ex) };
        // SAFETY: the plugin lends the response for the call.
        let response = unsafe { &*response };
        exchange.status.set(std::hint::black_box(response.status));
    }));
    answered.map_or(TORU_INTERNAL, |()| TORU_DONE)
}

unsafe extern "C" fn exchange_detach(_: *const ToruExchange) -> *const ToruResponder {
    null()
}

unsafe extern "C" fn exchange_ext(_: *const ToruExchange, _: *const u8, _: usize) -> *const c_void {
    null()
}

struct Global<T>(T);

// SAFETY: both globals point to immutable statics.
unsafe impl<T> Sync for Global<T> {}

static CTX: Global<ToruCtx> = Global(ToruCtx { vt: &CTX_VT });

static CTX_VT: ToruCtxVt = ToruCtxVt {
    size: size_word::<ToruCtxVt>(),
    flags: 0,
    ext: ctx_ext,
    info: ctx_info,
};

unsafe extern "C" fn ctx_ext(_: *const ToruCtx, _: *const u8, _: usize) -> *const c_void {
    null()
}

unsafe extern "C" fn ctx_info(_: *const ToruCtx, _: u32, _: *mut ToruSlice) -> u32 {
    TORU_NOT_FOUND
}

static WAKER: Global<ToruWaker> = Global(ToruWaker { vt: &WAKER_VT });

static WAKER_VT: ToruWakerVt = ToruWakerVt {
    size: size_word::<ToruWakerVt>(),
    flags: 0,
    retain: waker_retain,
    wake: waker_wake,
    release: waker_wake,
};

unsafe extern "C" fn waker_retain(waker: *const ToruWaker) -> *const ToruWaker {
    waker
}

unsafe extern "C" fn waker_wake(_: *const ToruWaker) {}

#[repr(C)]
struct Registrar {
    base: ToruRegistrar,
    routes: RefCell<Vec<(String, ToruRoute)>>,
}

unsafe extern "C" fn add(registrar: *const ToruRegistrar, route: *const ToruRoute) -> u32 {
    // SAFETY: the plugin was given no other registrar.
    let registrar = unsafe { &*registrar.cast::<Registrar>() };
    // SAFETY: the plugin lends the route for the call.
    let route = unsafe { *route };
    // SAFETY: the plugin lends the pattern for the call.
    let pattern = unsafe { route.pattern.as_bytes() }.unwrap_or_default();
    let pattern = String::from_utf8_lossy(pattern).into_owned();
    registrar.routes.borrow_mut().push((pattern, route));
    TORU_DONE
}

fn done(what: &str, status: u32) -> Result {
    if status == TORU_DONE {
        return Ok(());
    }
    Err(format!("{what} ended with status {status}").into())
}
