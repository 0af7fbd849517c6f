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
    /// Whether the journal says that the start goes on. What a thread reports that hangs beyond that is not recorded.
    is_open: bool,
}

impl Progress {
    pub(super) fn new(plugin: PluginId, journal: Arc<Journal>) -> Self {
        let state = State {
            stage: Stage::Check,
            pass: None,
            is_open: false,
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

    /// Whether the journal says that the start goes on.
    pub(super) fn is_open(&self) -> bool {
        self.state().is_open
    }

    /// The start is in the door from now on.
    pub(super) fn let_in(&self, pass: Pass) {
        self.state().pass = Some(pass);
    }

    /// The next plugin may enter, although this one has not settled.
    pub(super) fn let_next_in(&self) {
        drop(self.state().pass.take());
    }

    /// Records durably that the plugin is about to be entered. Blocks.
    pub(super) fn begin(&self, generation: u64) {
        if let Err(error) = self.journal.begin(&self.plugin, generation) {
            // A full disk does not keep plugins from running. Should this one crash the host now, nobody will know.
            let code = error.code();
            tracing::warn!(plugin.id = %self.plugin, plugin.code = code, %error, "the journal cannot be written; a crash while the plugin starts will not be noticed");
        }
        self.state().is_open = true;
    }

    /// The plugin's code runs now, at this stage.
    pub(super) fn reach(&self, stage: Stage) {
        let mut state = self.state();
        state.stage = stage;
        if state.is_open {
            self.journal.inside(&self.plugin, stage);
        }
    }

    /// Follows a start that may suspend: while it waits, nothing of the plugin runs, and others may enter.
    pub(super) async fn watch<F: Future>(&self, start: F) -> F::Output {
        let mut start = pin!(start);
        let mut is_suspended = false;
        std::future::poll_fn(|cx| {
            if std::mem::take(&mut is_suspended) {
                self.reach(self.stage());
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

    /// The start has ended, one way or another. Blocks.
    pub(super) fn end(&self) {
        let mut state = self.state();
        if std::mem::take(&mut state.is_open) {
            self.journal.end(&self.plugin);
        }
    }
}
