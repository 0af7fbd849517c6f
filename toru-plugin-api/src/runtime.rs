//! The host's timers and threads.

mod blocking;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::abi::status::TORU_DONE;
use crate::error::PluginError;
use crate::shim::{Ctx, HostOp};

pub use blocking::BlockingTask;

/// The host's timers and threads, shared by all plugins.
///
/// What is handed over belongs to the running plugin and is cancelled when it is disabled.
#[derive(Clone, Copy, Debug)]
pub struct Runtime(Ctx);

impl Runtime {
    pub(crate) const fn new(ctx: Ctx) -> Self {
        Self(ctx)
    }

    /// Waits. Needs no runtime in the plugin.
    #[must_use]
    pub fn sleep(&self, duration: Duration) -> Sleep {
        Sleep {
            ctx: self.0,
            deadline_ns: None,
            duration,
            op: None,
        }
    }

    /// Runs a future in the background.
    ///
    /// # Errors
    ///
    /// When the host offers no such service, or the plugin has been disabled.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> Result<(), PluginError> {
        self.0.spawn(Box::pin(future))
    }

    /// Runs code that blocks or computes for long, on one of the host's threads for that.
    ///
    /// It runs whether its result is waited for or not. No more runs at a time than the plugin may have requests, 64 unless the
    /// application says otherwise; what is beyond waits. What has not begun when the plugin is disabled is cancelled. What
    /// has begun cannot be stopped: the end of the plugin waits for it, as long as the host gives it, so let it look now
    /// and then at a flag that [`ToruPlugin::shutdown`](crate::ToruPlugin::shutdown) sets.
    ///
    /// # Errors
    ///
    /// When the result is waited for: the code panicked, the plugin has been disabled before it began, or the host offers no
    /// such service.
    ///
    /// # Examples
    ///
    /// ```
    /// # use toru_plugin_api::*;
    /// # fn digest(_: &[u8]) -> String { String::new() }
    /// async fn upload(ctx: &PluginContext, mut request: Request) -> Result<Response, PluginError> {
    ///     let bytes = request.bytes().await?;
    ///     let digest = ctx.runtime.spawn_blocking(move || digest(&bytes)).await?;
    ///     Ok(Response::text(digest))
    /// }
    /// ```
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> BlockingTask<T> {
        BlockingTask::start(self.0, work)
    }
}

/// A wait. See [`Runtime::sleep`].
pub struct Sleep {
    ctx: Ctx,
    deadline_ns: Option<u64>,
    duration: Duration,
    op: Option<HostOp>,
}

impl Future for Sleep {
    type Output = Result<(), PluginError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.op.is_none() {
            let now = self.ctx.now()?;
            let duration = u64::try_from(self.duration.as_nanos()).unwrap_or(u64::MAX);
            let deadline = *self.deadline_ns.get_or_insert(now.saturating_add(duration));
            self.op = self.ctx.sleep_until(deadline)?;
        }
        let Some(op) = &mut self.op else {
            return Poll::Ready(Ok(()));
        };
        let status = std::task::ready!(op.poll_unit(cx));
        // An operation that has ended is not polled again: the next poll asks for the time, which has passed.
        self.op = None;
        if status == TORU_DONE {
            Poll::Ready(Ok(()))
        } else {
            Poll::Ready(Err(PluginError::other("the host's timer failed")))
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}
