//! The functions of an exchange, its waker and its responder, as plugins call them.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, offset_of};
use std::sync::atomic::Ordering;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use toru_plugin_api::abi::body::ToruBody;
use toru_plugin_api::abi::bytes::{ToruSlice, bytes_from_raw};
use toru_plugin_api::abi::exchange::{
    ToruExchange, ToruExchangeVt, ToruHeader, ToruResponder, ToruResponderVt, ToruResponse,
};
use toru_plugin_api::abi::op::{ToruWaker, ToruWakerVt};
use toru_plugin_api::abi::route as abi;
use toru_plugin_api::abi::size_word;
use toru_plugin_api::abi::status::{
    TORU_CANCELLED, TORU_CONFLICT, TORU_DONE, TORU_INTERNAL, TORU_INVALID, TORU_NOT_FOUND,
};

use super::body::{HostBody, RequestBody};
use super::cell::{Cell, CellRef, OnCancel, Refused};
use super::guard::{enter, guard, guard_or};
use super::op::is_worker;
use super::response::{self, Answer};

/// Most header fields that are walked to find one.
const WALKED_MAX: usize = 16;

/// The tables for requests with bodies of type `B`.
pub(super) struct Tables<B>(PhantomData<B>);

/// The tables as addresses; one set for each type of body.
pub(super) trait HasTables {
    fn exchange() -> *const ToruExchangeVt;
    fn waker() -> *const ToruWakerVt;
    fn responder() -> *const ToruResponderVt;
}

impl<B: RequestBody> HasTables for Tables<B> {
    fn exchange() -> *const ToruExchangeVt {
        const {
            &ToruExchangeVt {
                size: size_word::<ToruExchangeVt>(),
                flags: 0,
                retain: Self::retain,
                release: Self::release,
                header: Self::header,
                headers: Self::headers,
                body: Self::body,
                respond: Self::respond,
                detach: Self::detach,
                ext: Self::ext,
            }
        }
    }

    fn waker() -> *const ToruWakerVt {
        const {
            &ToruWakerVt {
                size: size_word::<ToruWakerVt>(),
                flags: 0,
                retain: Self::waker_retain,
                wake: Self::waker_wake,
                release: Self::waker_release,
            }
        }
    }

    fn responder() -> *const ToruResponderVt {
        const {
            &ToruResponderVt {
                size: size_word::<ToruResponderVt>(),
                flags: 0,
                retain: Self::responder_retain,
                release: Self::responder_release,
                respond: Self::responder_respond,
                is_cancelled: Self::responder_is_cancelled,
                on_cancel: Self::responder_on_cancel,
            }
        }
    }
}

// The three objects lie in one cell, and each was handed out with the provenance of all of it. Their functions come
// back with a live one, to which the caller holds a reference.
impl<B: RequestBody> Tables<B> {
    /// # Safety
    ///
    /// `ex` is an exchange with these tables, to which the caller holds a reference.
    unsafe fn of_exchange(ex: *const ToruExchange) -> ManuallyDrop<CellRef<B>> {
        // SAFETY: the exchange is the cell's first field.
        unsafe { CellRef::borrowed(ex.cast::<Cell<B>>()) }
    }

    /// # Safety
    ///
    /// `waker` is a waker with these tables, to which the caller holds a reference.
    unsafe fn of_waker(waker: *const ToruWaker) -> ManuallyDrop<CellRef<B>> {
        // SAFETY: the waker lies in a cell at this offset.
        let cell = unsafe { waker.byte_sub(offset_of!(Cell<B>, waker)) };
        // SAFETY: as the caller guarantees.
        unsafe { CellRef::borrowed(cell.cast::<Cell<B>>()) }
    }

    /// # Safety
    ///
    /// `responder` is a responder with these tables, to which the caller holds a reference.
    unsafe fn of_responder(responder: *const ToruResponder) -> ManuallyDrop<CellRef<B>> {
        // SAFETY: the responder lies in a cell at this offset.
        let cell = unsafe { responder.byte_sub(offset_of!(Cell<B>, responder)) };
        // SAFETY: as the caller guarantees.
        unsafe { CellRef::borrowed(cell.cast::<Cell<B>>()) }
    }

    unsafe extern "C" fn retain(ex: *const ToruExchange) {
        // SAFETY: called through the table of this exchange.
        unsafe { Self::of_exchange(ex) }.retain_raw();
    }

    unsafe extern "C" fn release(ex: *const ToruExchange) {
        // SAFETY: called through the table of this exchange, by the holder of a reference, who gives it up.
        let cell = ManuallyDrop::into_inner(unsafe { Self::of_exchange(ex) });
        // A body that nobody took goes with it, and may have to do with the host's runtime.
        let runtime = if is_worker() {
            None
        } else {
            cell.cell().lane.runtime()
        };
        let _inside = runtime.as_ref().and_then(enter);
        drop(cell);
    }

    unsafe extern "C" fn header(
        ex: *const ToruExchange,
        name: *const u8,
        len: usize,
        out: *mut ToruSlice,
    ) -> u32 {
        guard("exchange.header", || {
            // SAFETY: called through the table of this exchange.
            let cell = unsafe { Self::of_exchange(ex) };
            // SAFETY: the plugin lends the name for the call.
            let Some(name) = (unsafe { bytes_from_raw(name, len) }) else {
                return TORU_INVALID;
            };
            let (head, identity) = (&cell.cell().head, &cell.cell().identity);
            let found = find_header(&head.headers, name).or_else(|| identity.field(name));
            let Some(value) = found else {
                return TORU_NOT_FOUND;
            };
            if out.is_null() {
                return TORU_INVALID;
            }
            // SAFETY: the plugin lends the place for the call.
            unsafe { out.write(ToruSlice::new(value.as_bytes())) };
            TORU_DONE
        })
    }

    unsafe extern "C" fn headers(
        ex: *const ToruExchange,
        out: *mut *const ToruHeader,
        n_out: *mut usize,
    ) -> u32 {
        guard("exchange.headers", || {
            // SAFETY: called through the table of this exchange.
            let cell = unsafe { Self::of_exchange(ex) };
            let fields = cell.cell().fields.get_or_init(|| {
                let lend = |(name, value): (&str, &HeaderValue)| ToruHeader {
                    name: ToruSlice::new(name.as_bytes()),
                    value: ToruSlice::new(value.as_bytes()),
                    flags: 0,
                    reserved: 0,
                };
                let sent = cell.cell().head.headers.iter();
                let sent = sent.map(|(name, value)| (name.as_str(), value));
                sent.chain(cell.cell().identity.fields()).map(lend).collect()
            });
            if out.is_null() || n_out.is_null() {
                return TORU_INVALID;
            }
            // SAFETY: the plugin lends the place for the call.
            unsafe { out.write(fields.as_ptr()) };
            // SAFETY: as above.
            unsafe { n_out.write(fields.len()) };
            TORU_DONE
        })
    }

    unsafe extern "C" fn body(ex: *const ToruExchange) -> *mut ToruBody {
        guard_or("exchange.body", std::ptr::null_mut(), || {
            // SAFETY: called through the table of this exchange.
            let cell = unsafe { Self::of_exchange(ex) };
            match cell.cell().take_body() {
                Some(body) if !body.is_end_stream() => HostBody::hand_over(body, cell.cell().lane),
                _ => std::ptr::null_mut(),
            }
        })
    }

    unsafe extern "C" fn respond(ex: *const ToruExchange, response: *const ToruResponse) -> u32 {
        // SAFETY: called through the table of this exchange.
        let cell = unsafe { Self::of_exchange(ex) };
        if cell.cell().is_detached() {
            return TORU_CONFLICT;
        }
        // SAFETY: the plugin lends the response for the call. What may panic is guarded in there.
        unsafe { deliver(cell.cell(), response) }
    }

    unsafe extern "C" fn detach(ex: *const ToruExchange) -> *const ToruResponder {
        // SAFETY: called through the table of this exchange.
        let cell = unsafe { Self::of_exchange(ex) };
        if cell.cell().detached.swap(true, Ordering::AcqRel) {
            return std::ptr::null();
        }
        // All responders together hold one reference to the cell.
        cell.retain_raw();
        cell.cell().responders.store(1, Ordering::Release);
        cell.responder()
    }

    unsafe extern "C" fn ext(_: *const ToruExchange, _: *const u8, _: usize) -> *const c_void {
        std::ptr::null()
    }

    unsafe extern "C" fn waker_retain(waker: *const ToruWaker) -> *const ToruWaker {
        // SAFETY: called through the table of this waker.
        unsafe { Self::of_waker(waker) }.retain_raw();
        waker
    }

    unsafe extern "C" fn waker_wake(waker: *const ToruWaker) {
        // SAFETY: called through the table of this waker.
        let cell = unsafe { Self::of_waker(waker) };
        cell.cell().wakeup.wake();
    }

    unsafe extern "C" fn waker_release(waker: *const ToruWaker) {
        // SAFETY: called through the table of this waker, by the holder of a reference, who gives it up.
        drop(ManuallyDrop::into_inner(unsafe { Self::of_waker(waker) }));
    }

    unsafe extern "C" fn responder_retain(responder: *const ToruResponder) {
        // SAFETY: called through the table of this responder.
        let cell = unsafe { Self::of_responder(responder) };
        cell.cell().responders.fetch_add(1, Ordering::Relaxed);
    }

    unsafe extern "C" fn responder_release(responder: *const ToruResponder) {
        // SAFETY: called through the table of this responder, by the holder of a reference.
        let cell = unsafe { Self::of_responder(responder) };
        if cell.cell().responders.fetch_sub(1, Ordering::AcqRel) == 1 {
            cell.cell().abandon();
            // The last responder gives the reference of all of them back.
            drop(ManuallyDrop::into_inner(cell));
        }
    }

    unsafe extern "C" fn responder_respond(
        responder: *const ToruResponder,
        response: *const ToruResponse,
    ) -> u32 {
        guard("responder.respond", || {
            // SAFETY: called through the table of this responder.
            let cell = unsafe { Self::of_responder(responder) };
            // SAFETY: the plugin lends the response for the call.
            let status = unsafe { deliver(cell.cell(), response) };
            cell.cell().wakeup.wake();
            status
        })
    }

    unsafe extern "C" fn responder_is_cancelled(responder: *const ToruResponder) -> u32 {
        // SAFETY: called through the table of this responder.
        let cell = unsafe { Self::of_responder(responder) };
        u32::from(cell.cell().is_cancelled())
    }

    unsafe extern "C" fn responder_on_cancel(
        responder: *const ToruResponder,
        callback: Option<unsafe extern "C" fn(data: *mut c_void)>,
        drop: Option<unsafe extern "C" fn(data: *mut c_void)>,
        data: *mut c_void,
    ) -> u32 {
        guard("responder.on_cancel", || {
            // SAFETY: called through the table of this responder.
            let cell = unsafe { Self::of_responder(responder) };
            let Some(callback) = callback else {
                return TORU_INVALID;
            };
            match cell.cell().set_on_cancel(OnCancel::new(callback, drop, data)) {
                Ok(()) => TORU_DONE,
                Err(on_cancel) if cell.cell().is_cancelled() => {
                    on_cancel.fire();
                    TORU_DONE
                }
                Err(on_cancel) => {
                    on_cancel.refuse();
                    TORU_CONFLICT
                }
            }
        })
    }
}

/// Accepts an answer, or says why not.
///
/// # Safety
///
/// `response` is null or readable up to its own `size`, with all that it points to.
unsafe fn deliver<B: RequestBody>(cell: &Cell<B>, response: *const ToruResponse) -> u32 {
    match cell.claim() {
        Ok(()) => {}
        Err(Refused::Answered) => return TORU_CONFLICT,
        Err(Refused::Cancelled) => return TORU_CANCELLED,
    }
    // SAFETY: as the caller guarantees.
    unsafe { deliver_claimed(cell, response) }
}

/// Accepts an answer for which there is a claim.
///
/// # Safety
///
/// As [`deliver`].
unsafe fn deliver_claimed<B>(cell: &Cell<B>, response: *const ToruResponse) -> u32 {
    // A claim that is not followed by an answer would never be released: a panic in here becomes one.
    let status = guard_or("exchange.respond", None, || {
        // SAFETY: as the caller guarantees.
        let (answer, status) = match unsafe { response::read(response, cell.lane) } {
            Ok(answer) => (answer, TORU_DONE),
            Err((reason, status)) => (Answer::Invalid(reason), status),
        };
        let has_body = matches!(answer, Answer::Response { .. });
        match cell.answer(answer) {
            Ok(()) if has_body => {
                // SAFETY: it was read, and is lent until this call ends.
                unsafe { response::take_over(response) };
            }
            Ok(()) => {}
            Err(late) => {
                if let Some(late) = *late {
                    // SAFETY: as above.
                    unsafe { response::give_back(late, response) };
                }
                return Some(TORU_CANCELLED);
            }
        }
        Some(status)
    });
    status.unwrap_or_else(|| {
        // Nothing in it is the plugin's.
        let _ = cell.answer(Answer::Invalid("the host could not read it".to_owned()));
        TORU_INTERNAL
    })
}

fn find_header<'a>(headers: &'a HeaderMap, name: &[u8]) -> Option<&'a HeaderValue> {
    // The names of a map are in lower case. Walking a few of them is cheaper than hashing one.
    if headers.len() <= WALKED_MAX {
        let is_wanted = |candidate: &HeaderName| {
            let candidate = candidate.as_str().as_bytes();
            // Most callers write names in lower case as well, and comparing as they are is cheaper.
            candidate.len() == name.len() && (candidate == name || candidate.eq_ignore_ascii_case(name))
        };
        let mut fields = headers.iter();
        return fields.find(|(name, _)| is_wanted(name)).map(|(_, value)| value);
    }
    // `HeaderMap` looks text up in any case without making a name of it.
    headers.get(std::str::from_utf8(name).ok()?)
}

pub(crate) fn method_bit(method: &Method) -> u32 {
    match *method {
        Method::GET => abi::TORU_GET,
        Method::HEAD => abi::TORU_HEAD,
        Method::POST => abi::TORU_POST,
        Method::PUT => abi::TORU_PUT,
        Method::DELETE => abi::TORU_DELETE,
        Method::OPTIONS => abi::TORU_OPTIONS,
        Method::PATCH => abi::TORU_PATCH,
        Method::TRACE => abi::TORU_TRACE,
        Method::CONNECT => abi::TORU_CONNECT,
        _ => abi::TORU_OTHER_METHOD,
    }
}

pub(super) const fn version_number(version: Version) -> u16 {
    match version {
        Version::HTTP_10 => 10,
        Version::HTTP_2 => 20,
        Version::HTTP_3 => 30,
        _ => 11,
    }
}

#[cfg(test)]
mod tests;
