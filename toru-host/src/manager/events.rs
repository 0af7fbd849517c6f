//! Who wants to know what changes, and what they are told.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use super::Shared;
use crate::plugin::{PluginId, PluginInfo};

/// How many changes a listener may be behind before it loses some, also one that was away for a while.
const BACKLOG: usize = 256;

/// What a listener is told.
///
/// Numbers grow by one with each change of any plugin, and never repeat in the life of a manager.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PluginEvent {
    /// A plugin appeared, or something about it changed: its states, its file, its metadata. Counters are as of then;
    /// that they grow is no change.
    Changed {
        /// Number of the change.
        sequence: u64,
        /// The plugin as it was right after the change.
        plugin: Arc<PluginInfo>,
    },
    /// The listener was too slow, and changes were dropped. A [`Snapshot`](Self::Snapshot) follows.
    Lagged {
        /// How many changes were dropped.
        missed: u64,
    },
    /// A plugin's file is gone, and nothing names the plugin any more.
    Removed {
        /// Number of the change.
        sequence: u64,
        /// The plugin.
        id: PluginId,
    },
    /// All plugins, sorted by id. The first event of a subscription that does not continue an earlier one, and the one after
    /// [`Lagged`](Self::Lagged).
    Snapshot {
        /// Number of the last change that is in it.
        sequence: u64,
        /// The plugins.
        plugins: Vec<PluginInfo>,
    },
}

/// The sending end, kept with the registry: what is sent has the order of what happens there.
#[derive(Debug)]
pub(super) struct Feed {
    sender: Option<broadcast::Sender<PluginEvent>>,
    pub(super) sequence: u64,
    /// The last changes, for those who come back.
    recent: VecDeque<PluginEvent>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            sender: Some(broadcast::Sender::new(BACKLOG)),
            sequence: 0,
            recent: VecDeque::new(),
        }
    }
}

impl Feed {
    /// Whether somebody listens.
    fn is_heard(&self) -> Option<&broadcast::Sender<PluginEvent>> {
        self.sender.as_ref().filter(|sender| sender.receiver_count() > 0)
    }

    /// Tells that a plugin changed.
    pub(super) fn changed(&mut self, plugin: Arc<PluginInfo>) {
        self.sequence += 1;
        let sequence = self.sequence;
        self.tell(PluginEvent::Changed { sequence, plugin });
    }

    /// Tells that a plugin is known no more.
    pub(super) fn removed(&mut self, id: &PluginId) {
        self.sequence += 1;
        let (sequence, id) = (self.sequence, id.clone());
        self.tell(PluginEvent::Removed { sequence, id });
    }

    fn tell(&mut self, event: PluginEvent) {
        if self.recent.len() == BACKLOG {
            self.recent.pop_front();
        }
        self.recent.push_back(event.clone());
        if let Some(sender) = self.is_heard() {
            // The only error is that nobody listens.
            let _ = sender.send(event);
        }
    }

    /// All changes after that one, if they are still known.
    fn since(&self, sequence: u64) -> Option<VecDeque<PluginEvent>> {
        let count = usize::try_from(self.sequence.checked_sub(sequence)?).ok()?;
        let first = self.recent.len().checked_sub(count)?;
        Some(self.recent.range(first..).cloned().collect())
    }

    /// Tells nothing more: all subscriptions end.
    pub(super) fn close(&mut self) {
        self.sender = None;
    }

    fn subscribe(&self) -> Option<broadcast::Receiver<PluginEvent>> {
        self.sender.as_ref().map(broadcast::Sender::subscribe)
    }
}

/// Every change of every plugin, in order, after a snapshot of all of them.
///
/// The manager never waits for a listener. One that is too slow is told how much it missed and gets a new snapshot.
/// Ends when the manager has shut down.
///
/// # Examples
///
/// ```
/// use toru_host::{PluginEvent, PluginManager};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let manager = PluginManager::builder(folder.path().join("plugins")).start().await?;
/// let mut events = manager.subscribe();
/// manager.shutdown().await;
/// while let Some(event) = events.next().await {
///     match event {
///         PluginEvent::Snapshot { plugins, .. } => println!("{} plugins", plugins.len()),
///         PluginEvent::Changed { plugin, .. } => println!("{}: {:?}", plugin.id, plugin.status.state),
///         PluginEvent::Removed { id, .. } => println!("{id} is gone"),
///         PluginEvent::Lagged { missed } => println!("{missed} changes were missed"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct PluginEvents {
    shared: Weak<Shared>,
    /// What comes next; `None` once the manager has shut down.
    changes: Option<BroadcastStream<PluginEvent>>,
    needs_snapshot: bool,
    /// What comes before that: a snapshot, or what was missed.
    first: VecDeque<PluginEvent>,
}

impl PluginEvents {
    /// Starts with a snapshot, or with what came after a change that is not too long ago.
    pub(super) fn new(shared: &Arc<Shared>, after: Option<u64>) -> Self {
        let mut events = Self {
            shared: Arc::downgrade(shared),
            changes: None,
            needs_snapshot: false,
            first: VecDeque::new(),
        };
        events.resynchronise(shared, after);
        events
    }

    /// The next event; `None` when the manager has shut down.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<PluginEvent> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Listens from now on, after a snapshot or what was missed, with nothing lost or repeated in between.
    fn resynchronise(&mut self, shared: &Shared, after: Option<u64>) {
        let registry = shared.registry();
        self.changes = registry.feed.subscribe().map(BroadcastStream::new);
        let missed = after.and_then(|sequence| registry.feed.since(sequence));
        self.first = missed.unwrap_or_else(|| {
            let (sequence, plugins) = (registry.feed.sequence, registry.infos());
            VecDeque::from([PluginEvent::Snapshot { sequence, plugins }])
        });
        self.needs_snapshot = false;
    }
}

impl Stream for PluginEvents {
    type Item = PluginEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<PluginEvent>> {
        if self.needs_snapshot {
            match self.shared.upgrade() {
                Some(shared) => self.resynchronise(&shared, None),
                None => return Poll::Ready(None),
            }
        }
        if let Some(event) = self.first.pop_front() {
            return Poll::Ready(Some(event));
        }
        let Some(changes) = &mut self.changes else {
            return Poll::Ready(None);
        };
        Poll::Ready(match ready!(Pin::new(changes).poll_next(cx)) {
            Some(Ok(event)) => Some(event),
            Some(Err(BroadcastStreamRecvError::Lagged(missed))) => {
                self.needs_snapshot = true;
                Some(PluginEvent::Lagged { missed })
            }
            None => {
                self.changes = None;
                None
            }
        })
    }
}

impl fmt::Debug for PluginEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginEvents").finish_non_exhaustive()
    }
}
