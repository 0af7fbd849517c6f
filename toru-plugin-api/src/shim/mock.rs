//! A host for tests, in the plugin's own process: the contract from its other side.
//!
//! What a host does with pointers is here; what it decides is safe code and stands in `testing`. Objects of the plugin are
//! held by the same types by which a plugin holds those of a host, as operations and bodies are alike in both directions.

mod answer;
mod call;
mod context;
mod exchange;
mod instance;
mod kv;
mod log;
mod rt;
mod words;

use std::cell::Cell;

pub(crate) use answer::{Answer, AnswerBody};
pub(crate) use call::Call;
pub(crate) use context::Context;
pub(crate) use exchange::Head;
pub(crate) use instance::{Failure, Mounted};
pub(crate) use rt::Work;

thread_local! {
    static ON_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Calls plugin code as from a thread that must not be blocked.
pub(crate) fn on_worker<R>(f: impl FnOnce() -> R) -> R {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            ON_WORKER.set(self.0);
        }
    }
    let _back = Back(ON_WORKER.replace(true));
    f()
}

/// Whether a context is one of a host for tests.
#[cfg(feature = "tracing")]
pub(super) fn is_mock(ctx: super::Ctx) -> bool {
    ctx.log_table()
        .is_some_and(|table| std::ptr::eq(table, &raw const log::TABLE))
}

fn is_worker() -> bool {
    ON_WORKER.get()
}
