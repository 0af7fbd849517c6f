//! The unsafe door: everything that touches a plugin's code or memory is in here.
//!
//! The rest of the crate sees safe values: an [`Instance`], its routes, and a [`CallFuture`] for each request. Nothing
//! outside may know that a plugin lives in the same process.
//!
//! Invariants:
//! - a library is opened once per generation and never closed, so code and static data stay valid for good;
//! - every table from a plugin is copied after its size and its functions were checked ([`entry`]);
//! - an instance is destroyed only when no operation, body or call of it is left ([`gate`](instance));
//! - what a plugin is given ([`context`], `ToruHost`) lives as long as the process and answers `GONE` afterwards;
//! - no panic of the host unwinds into a plugin ([`guard`]).

#![expect(
    unsafe_code,
    reason = "the boundary to plugins is crossed here and nowhere else"
)]

mod body;
mod bytes;
mod call;
mod cell;
mod context;
mod control;
mod entry;
mod exchange;
mod faults;
mod frontend;
mod gate;
mod guard;
mod instance;
mod kv;
mod library;
mod license;
mod log;
mod op;
mod response;
mod route;
mod rt;
mod waker;
mod watch;

pub(crate) use body::BoxError;
pub use body::ResponseBody;
pub(crate) use call::{Answered, CallFuture, Called};
pub(crate) use context::{EXTENSIONS, Host, Services};
pub(crate) use entry::Api;
pub(crate) use exchange::method_bit;
pub(crate) use faults::{Fault, Faults};
pub(crate) use frontend::Asset;
pub(crate) use gate::Permit;
pub(crate) use instance::{Instance, Unstarted};
pub(crate) use library::{load_static, load_trusted};
pub(crate) use license::{LicenseHeard, Unheard};
#[cfg(test)]
pub(crate) use response::may_be_odd;
pub(crate) use response::{Remarkable, StaticNames};
pub(crate) use route::{Route, RouteMatch};
