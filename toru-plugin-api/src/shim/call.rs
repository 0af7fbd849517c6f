//! Calls to handlers: start, poll, drop.

use std::any::Any;
use std::borrow::Cow;
use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use super::exchange::Exchange;
use super::guard::{guard, guard_drop};
use super::instance::Instance;
use super::respond::{respond, respond_error};
use crate::abi::bytes::ToruSlice;
use crate::abi::exchange::ToruExchange;
use crate::abi::op::{ToruOp, ToruOpVt, ToruWaker, with_std_waker};
use crate::abi::route::{TORU_ROUTE_BLOCKING, TORU_SCRATCH_ALIGN_MAX, TORU_SCRATCH_MAX, ToruRoute};
use crate::abi::size_word;
use crate::abi::status::{TORU_DONE, TORU_INTERNAL, TORU_INVALID, TORU_PENDING};
use crate::error::PluginError;
use crate::plugin::ToruPlugin;
use crate::request::Request;
use crate::response::Response;
use crate::route::{BlockingHandler, Handler};

type Start = unsafe extern "C" fn(
    *const c_void,
    *const c_void,
    *const ToruExchange,
    *const ToruWaker,
    *mut u8,
    *mut ToruOp,
) -> u32;

/// A route with its handler's type erased.
pub(crate) struct RouteParts {
    pattern: Cow<'static, str>,
    methods: u32,
    flags: u32,
    op_size: usize,
    op_align: u32,
    user: Box<dyn Any + Send + Sync>,
    start: Start,
}

/// What a route's `user` points to.
struct RouteObject<H> {
    handler: H,
    pattern: &'static str,
}

impl RouteParts {
    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The route as it crosses; valid as long as `self` stays where its box points.
    pub(super) fn to_abi(&self) -> ToruRoute {
        ToruRoute {
            size: size_word::<ToruRoute>(),
            flags: self.flags,
            methods: self.methods,
            op_align: self.op_align,
            op_size: self.op_size,
            pattern: ToruSlice::new(self.pattern.as_bytes()),
            name: ToruSlice::EMPTY,
            user: (&raw const *self.user).cast(),
            start: Some(self.start),
        }
    }
}

/// A pattern that lives no longer than the route has no captures that anybody could ask for by name.
pub(crate) fn async_route<P, H>(methods: u32, pattern: Cow<'static, str>, handler: H) -> RouteParts
where
    P: ToruPlugin,
    H: for<'a> Handler<'a, P>,
{
    type Op<P, H> = Operation<P, <H as Handler<'static, P>>::Future>;
    let (op_size, op_align) = if Op::<P, H>::IN_SCRATCH {
        (size_of::<Op<P, H>>(), Op::<P, H>::ALIGN)
    } else {
        (0, 0)
    };
    let named = match &pattern {
        Cow::Borrowed(pattern) => *pattern,
        Cow::Owned(_) => "",
    };
    let object = RouteObject {
        handler,
        pattern: named,
    };
    RouteParts {
        pattern,
        methods,
        flags: 0,
        op_size,
        op_align,
        user: Box::new(object),
        start: start::<P, H>,
    }
}

pub(crate) fn blocking_route<P, H>(methods: u32, pattern: &'static str, handler: H) -> RouteParts
where
    P: ToruPlugin,
    H: BlockingHandler<P>,
{
    RouteParts {
        pattern: pattern.into(),
        methods,
        flags: TORU_ROUTE_BLOCKING,
        op_size: 0,
        op_align: 0,
        user: Box::new(RouteObject { handler, pattern }),
        start: start_blocking::<P, H>,
    }
}

/// A handler's future with what is needed to deliver its answer. Lives in the host's scratch, or in a box when it is
/// too large for that.
struct Operation<P, F> {
    instance: NonNull<Instance<P>>,
    future: F,
}

impl<P, F> Operation<P, F>
where
    P: ToruPlugin,
    F: Future<Output = Result<Response, PluginError>>,
{
    const IN_SCRATCH: bool =
        size_of::<Self>() <= TORU_SCRATCH_MAX && align_of::<Self>() <= TORU_SCRATCH_ALIGN_MAX as usize;
    #[expect(clippy::cast_possible_truncation, reason = "used only where it is at most 16")]
    const ALIGN: u32 = align_of::<Self>() as u32;
    const VT: ToruOpVt = ToruOpVt {
        size: size_word::<ToruOpVt>(),
        flags: 0,
        poll: Some(Self::poll),
        drop: Some(Self::drop),
    };

    /// Polls the future; answers when it is ready.
    ///
    /// # Safety
    ///
    /// `this` points to a live operation that nobody else uses; `ex` is live and not answered yet.
    unsafe fn advance(this: *mut Self, waker: *const ToruWaker, ex: NonNull<ToruExchange>) -> u32 {
        // SAFETY: alive and used by nobody else, as the caller guarantees.
        let this = unsafe { &mut *this };
        // SAFETY: the operation stays in place until it is dropped.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        // SAFETY: an instance outlives its operations.
        let instance = unsafe { this.instance.as_ref() };
        let poll = |waker: &Waker| match future.poll(&mut Context::from_waker(waker)) {
            Poll::Pending => TORU_PENDING,
            // SAFETY: the exchange is live and the operation has not ended.
            Poll::Ready(mut result) => unsafe { answer(instance, ex, &mut result) },
        };
        // SAFETY: the waker is valid during this call.
        unsafe { with_std_waker(waker, poll) }
    }

    unsafe extern "C" fn poll(data: *mut c_void, waker: *const ToruWaker, io: *mut c_void) -> u32 {
        let this = data.cast::<Self>();
        let Some(ex) = NonNull::new(io.cast::<ToruExchange>()) else {
            return TORU_INVALID;
        };
        // SAFETY: the host polls a live operation.
        let instance = unsafe { (*this).instance };
        // SAFETY: an instance outlives its operations.
        let instance = unsafe { instance.as_ref() };
        let (scope, ctx) = (instance.scope(), instance.ctx());
        // SAFETY: the host polls a live operation, one call at a time, with its own exchange.
        guard(scope, ctx, || unsafe { Self::advance(this, waker, ex) })
    }

    unsafe extern "C" fn drop(data: *mut c_void) {
        // SAFETY: the host drops a live operation.
        let instance = unsafe { (*data.cast::<Self>()).instance };
        // SAFETY: an instance outlives its operations.
        let scope = unsafe { instance.as_ref() }.scope();
        // SAFETY: the host drops an operation once, after the last poll.
        guard_drop(scope, || unsafe { Self::dispose(data.cast()) });
    }

    /// # Safety
    ///
    /// `this` was made by `start` and is not used again.
    unsafe fn dispose(this: *mut Self) {
        if Self::IN_SCRATCH {
            // SAFETY: constructed in place; the memory is the host's.
            unsafe { this.drop_in_place() };
        } else {
            // SAFETY: the box was leaked by `start`.
            drop(unsafe { Box::from_raw(this) });
        }
    }
}

unsafe extern "C" fn start<P, H>(
    user: *const c_void,
    plugin: *const c_void,
    ex: *const ToruExchange,
    waker: *const ToruWaker,
    scratch: *mut u8,
    op: *mut ToruOp,
) -> u32
where
    P: ToruPlugin,
    H: for<'a> Handler<'a, P>,
{
    // SAFETY: the host passes back what was registered, and an exchange of its own.
    let Some(call) = (unsafe { Call::<P, H>::new(user, plugin, ex) }) else {
        return TORU_INVALID;
    };
    let mut live: *mut Operation<P, <H as Handler<'static, P>>::Future> = std::ptr::null_mut();
    let scope = call.instance.scope();
    let status = guard(scope, call.instance.ctx(), || {
        let Some(plugin) = call.instance.plugin() else {
            return TORU_INTERNAL;
        };
        let future = call.route.handler.call(plugin, call.request());
        let operation = Operation {
            instance: NonNull::from(call.instance),
            future,
        };
        if Operation::<P, <H as Handler<'static, P>>::Future>::IN_SCRATCH {
            live = scratch.cast();
            // SAFETY: the host lends memory of the size and alignment that the route declared.
            unsafe { live.write(operation) };
        } else {
            live = Box::into_raw(Box::new(operation));
        }
        // SAFETY: just made; the exchange is live.
        unsafe { Operation::advance(live, waker, call.ex) }
    });
    if status == TORU_PENDING {
        let vt = &const { Operation::<P, <H as Handler<'static, P>>::Future>::VT };
        let data = live.cast();
        let pending = ToruOp { data, vt };
        // SAFETY: the host lends the struct for the call.
        unsafe { op.write(pending) };
    } else if !live.is_null() {
        // SAFETY: made above, ended, and not used again.
        guard_drop(scope, || unsafe { Operation::dispose(live) });
    }
    status
}

unsafe extern "C" fn start_blocking<P, H>(
    user: *const c_void,
    plugin: *const c_void,
    ex: *const ToruExchange,
    _: *const ToruWaker,
    _: *mut u8,
    _: *mut ToruOp,
) -> u32
where
    P: ToruPlugin,
    H: BlockingHandler<P>,
{
    // SAFETY: the host passes back what was registered, and an exchange of its own.
    let Some(call) = (unsafe { Call::<P, H>::new(user, plugin, ex) }) else {
        return TORU_INVALID;
    };
    guard(call.instance.scope(), call.instance.ctx(), || {
        let Some(plugin) = call.instance.plugin() else {
            return TORU_INTERNAL;
        };
        let mut result = call.route.handler.call(plugin, call.request());
        // SAFETY: the exchange is live and not answered yet.
        unsafe { answer(call.instance, call.ex, &mut result) }
    })
}

/// The arguments of `start`, checked.
struct Call<'a, P, H> {
    route: &'a RouteObject<H>,
    instance: &'a Instance<P>,
    ex: NonNull<ToruExchange>,
}

impl<P: ToruPlugin, H> Call<'_, P, H> {
    /// # Safety
    ///
    /// `user` and `plugin` are null or what was registered for this handler; `ex` is null or live.
    unsafe fn new(user: *const c_void, plugin: *const c_void, ex: *const ToruExchange) -> Option<Self> {
        // SAFETY: registered by `to_abi` and kept until `destroy`.
        let route = unsafe { user.cast::<RouteObject<H>>().as_ref() }?;
        // SAFETY: made by `create` and kept until `destroy`.
        let instance = unsafe { plugin.cast::<Instance<P>>().as_ref() }?;
        Some(Self {
            route,
            instance,
            ex: NonNull::new(ex.cast_mut())?,
        })
    }

    fn request(&self) -> Request {
        // SAFETY: the exchange is live for the call.
        let request = Request::new(unsafe { Exchange::retain(self.ex) }, self.route.pattern);
        #[cfg(feature = "tower")]
        let request = request.with_ctx(self.instance.ctx());
        request
    }
}

/// Delivers what the handler returned, in place: a response is large. An error's text goes to the log alone.
///
/// # Safety
///
/// `ex` is live and its operation has not ended.
unsafe fn answer<P: ToruPlugin>(
    instance: &Instance<P>,
    ex: NonNull<ToruExchange>,
    result: &mut Result<Response, PluginError>,
) -> u32 {
    let status = match result {
        // SAFETY: as the caller guarantees.
        Ok(response) => unsafe { respond(ex, response, instance.scope()) },
        Err(error) => {
            instance.log_handler_error(error);
            // SAFETY: as the caller guarantees.
            unsafe { respond_error(ex, error.status()) }
        }
    };
    if status == TORU_DONE {
        TORU_DONE
    } else {
        TORU_INVALID
    }
}
