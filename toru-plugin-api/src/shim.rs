//! The unsafe door of the author's side: every call from the host enters here, every call to it leaves here.
//!
//! Invariants: no panic leaves a function that the host calls ([`guard`]); a pointer from the host is used only for
//! as long as the contract says; nothing here trusts that author code behaves, only that the host keeps the contract.

#![expect(
    unsafe_code,
    reason = "the boundary to the host is crossed here and nowhere else"
)]

mod body;
mod bytes;
mod call;
mod control;
mod ctx;
mod exchange;
mod guard;
mod instance;
mod kv;
mod log;
#[cfg(feature = "testing")]
pub(crate) mod mock;
mod op;
mod respond;
mod rt;
mod scope;
mod waker;

pub(crate) use self::kv::{Change, Check, Key, KvRead, KvWrite, Page, Range, Wanted};
pub(crate) use body::HostBody;
pub(crate) use bytes::ForeignBytes;
pub(crate) use call::{RouteParts, async_route, blocking_route};
pub(crate) use ctx::Ctx;
pub(crate) use exchange::Exchange;
#[cfg(feature = "tracing")]
pub(crate) use guard::image_ctx;
pub use instance::{api, create_plugin};
pub(crate) use log::Record;
pub(crate) use op::HostOp;
pub(crate) use rt::BlockingWork;
pub(crate) use waker::block_on;
