//! One request, as the plugin holds it.

use std::ptr::NonNull;

use super::body::HostBody;
use crate::abi::bytes::ToruSlice;
use crate::abi::exchange::{ToruExchange, ToruExchangeVt, ToruHeader};
use crate::abi::status::TORU_DONE;

/// A counted reference to a host's exchange: its data stays valid for as long.
pub(crate) struct Exchange(NonNull<ToruExchange>);

// SAFETY: all functions used here are thread-safe by contract, and the fields are never changed.
unsafe impl Send for Exchange {}
// SAFETY: as above.
unsafe impl Sync for Exchange {}

impl Exchange {
    /// # Safety
    ///
    /// `raw` is a live exchange of the host.
    pub(super) unsafe fn retain(raw: NonNull<ToruExchange>) -> Self {
        let exchange = Self(raw);
        // SAFETY: alive, as the caller guarantees; the reference taken here is given back on drop.
        unsafe { (exchange.vt().retain)(raw.as_ptr()) };
        exchange
    }

    pub(crate) fn method(&self) -> u32 {
        self.head().method
    }

    #[cfg(feature = "http")]
    pub(crate) fn version(&self) -> u16 {
        self.head().version
    }

    pub(crate) fn method_name(&self) -> &[u8] {
        self.slice(self.head().method_name)
    }

    pub(crate) fn path(&self) -> &[u8] {
        self.slice(self.head().path)
    }

    pub(crate) fn query(&self) -> &[u8] {
        self.slice(self.head().query)
    }

    pub(crate) fn param(&self, index: usize) -> Option<&[u8]> {
        let head = self.head();
        if index >= head.n_params {
            return None;
        }
        // SAFETY: the array has `n_params` elements.
        let param = unsafe { head.params.add(index) };
        // SAFETY: it lives as long as the exchange.
        Some(self.slice(unsafe { param.read() }))
    }

    pub(crate) fn header(&self, name: &[u8]) -> Option<&[u8]> {
        let mut out = ToruSlice::EMPTY;
        // SAFETY: the exchange is alive; `name` and `out` outlive the call.
        let status = unsafe { (self.vt().header)(self.0.as_ptr(), name.as_ptr(), name.len(), &raw mut out) };
        (status == TORU_DONE).then(|| self.slice(out))
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut first: *const ToruHeader = std::ptr::null();
        let mut len = 0;
        // SAFETY: the exchange is alive; the out pointers are ours.
        let status = unsafe { (self.vt().headers)(self.0.as_ptr(), &raw mut first, &raw mut len) };
        let headers = if status == TORU_DONE && !first.is_null() {
            // SAFETY: the host keeps the array as long as the exchange.
            unsafe { std::slice::from_raw_parts(first, len) }
        } else {
            &[]
        };
        headers.iter().map(|header| {
            (
                std::str::from_utf8(self.slice(header.name)).unwrap_or_default(),
                self.slice(header.value),
            )
        })
    }

    pub(crate) fn take_body(&mut self) -> Option<HostBody> {
        // SAFETY: the exchange is alive.
        let body = unsafe { (self.vt().body)(self.0.as_ptr()) };
        // SAFETY: the host hands the body over to its first taker, and null to everyone after.
        NonNull::new(body).map(|body| unsafe { HostBody::new(body) })
    }

    fn head(&self) -> &ToruExchange {
        // SAFETY: alive while the reference is held; the host does not change these fields.
        unsafe { self.0.as_ref() }
    }

    fn vt(&self) -> &ToruExchangeVt {
        // SAFETY: the table lives as long as the exchange.
        unsafe { &*self.head().vt }
    }

    fn slice(&self, slice: ToruSlice) -> &[u8] {
        // SAFETY: slices of an exchange live as long as the exchange.
        unsafe { slice.as_bytes() }.unwrap_or_default()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // SAFETY: gives the reference of `retain` back, once.
        unsafe { (self.vt().release)(self.0.as_ptr()) };
    }
}
