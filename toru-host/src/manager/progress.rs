//! How far a start has come: for people, and for whoever finds out why the process died.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::turnstile::Pass;
use crate::plugin::{PluginId, Stage};
use crate::state::Journal;

/// One start of one plugin.
#[derive(Debug)]
pub(super) struct Progress {
    plugin: PluginId,
    journal: Arc<Journal>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    pass: Option<Pass>,
    /// Whether the journal says that the start goes on.
    is_open: bool,
    /// Whether nobody waits for it any more.
    is_given_up: bool,
}

impl Progress {
    pub(super) fn new(plugin: PluginId, journal: Arc<Journal>) -> Self {
        let state = State {
            stage: Stage::Check,
            pass: None,
            is_open: false,
            is_given_up: false,
        };
        Self {
            plugin,
            journal,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the plugin has come.
    pub(super) fn stage(&self) -> Stage {
        self.state().stage
    }

    /// The start is in the door from now on.
    pub(super) fn let_in(&self, pass: Pass) {
        self.state().pass = Some(pass);
    }

    /// The next plugin may enter, although this one has not settled.
    pub(super) fn let_next_in(&self) {
        drop(self.state().pass.take());
    }

    /// Records durably that the plugin is about to be entered; `None` when nobody waits for that any more. The start has
    /// ended when the value is dropped. Blocks, and so does that.
    pub(super) fn begin(&self, generation: u64) -> Option<Begun<'_>> {
        if self.state().is_given_up {
            return None;
        }
        if let Err(error) = self.journal.begin(&self.plugin, generation) {
            // A full disk does not keep plugins from running. Should this one crash the host now, nobody will know.
            let code = error.code();
            tracing::warn!(plugin.id = %self.plugin, plugin.code = code, %error, "the journal cannot be written; a crash while the plugin starts will not be noticed");
        }
        self.state().is_open = true;
        Some(Begun(self))
    }

    /// The plugin's code is about to run, at this stage. Returns whether it may: not if nobody waits for it any more,
    /// unless it has to be entered once more to be ended in order.
    pub(super) fn reach(&self, stage: Stage) -> bool {
        let mut state = self.state();
        if state.is_given_up && stage != Stage::Register {
            return false;
        }
        state.stage = stage;
        self.inside(&state);
        true
    }

    fn inside(&self, state: &State) {
        if state.is_open {
            self.journal.inside(&self.plugin, state.stage);
        }
    }

    /// Nobody waits for the start any more, although its code has not come back. Blocks.
    pub(super) fn give_up(&self) {
        let mut state = self.state();
        state.is_given_up = true;
        if state.is_open {
            self.journal.late(&self.plugin);
        }
    }

    /// Follows a start that may suspend: while it waits, nothing of the plugin runs, and others may enter.
    pub(super) async fn watch<F: Future>(&self, start: F) -> F::Output {
        let mut start = pin!(start);
        let mut is_suspended = false;
        std::future::poll_fn(|cx| {
            if std::mem::take(&mut is_suspended) {
                self.inside(&self.state());
            }
            let polled = start.as_mut().poll(cx);
            if polled.is_pending() {
                is_suspended = true;
                let state = self.state();
                if state.is_open {
                    self.journal.waiting(&self.plugin);
                }
                drop(state);
                self.let_next_in();
            }
            match polled {
                Poll::Ready(output) => Poll::Ready(output),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

/// A start that has begun, and has ended when this is dropped.
#[derive(Debug)]
pub(super) struct Begun<'a>(&'a Progress);

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.0.state().is_open = false;
        self.0.journal.end(&self.0.plugin);
    }
}
