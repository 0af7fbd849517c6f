//! How one plugin is stopped, and how all of them are.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::Shared;
use super::start::GRACE;
use crate::ffi::Instance;
use crate::lifecycle::Event;
use crate::plugin::PluginId;
use crate::threads::offload;

impl Shared {
    /// Stops all plugins, side by side, and ends what this manager is.
    pub(super) async fn shutdown(self: &Arc<Self>) {
        self.closing.store(true, Ordering::Release);
        let deadline = from_now(self.settings.stop_timeout);
        let ids: Vec<PluginId> = self.registry().slots().map(|slot| slot.id.clone()).collect();
        let mut stopping = JoinSet::new();
        for id in ids {
            let shared = Arc::clone(self);
            stopping.spawn_on(
                async move { shared.stop(&id, Some(deadline)).await },
                &self.runtime,
            );
        }
        let all = async { while stopping.join_next().await.is_some() {} };
        if timeout_at(deadline, all).await.is_err() {
            let hanging: Vec<String> = self
                .registry()
                .slots()
                .filter(|slot| !slot.is_resting())
                .map(|slot| slot.id.to_string())
                .collect();
            tracing::error!(plugins = hanging.join(", "), "plugins did not stop in time");
            // What still runs ends with the process; nobody waits for it.
            stopping.detach_all();
        }
        let changes = timeout_at(deadline.max(Instant::now() + GRACE), self.wishes.lock()).await;
        self.update(|registry| registry.feed.close());
        // It waits for a write that goes on; the disk may be as slow as it likes.
        let journal = Arc::clone(&self.journal);
        let closing = offload("toru-journal", move || journal.close());
        let closed = timeout(GRACE, closing).await;
        // Once nobody records anything any more, another host may take the folder over.
        if changes.is_ok() && closed.is_ok() {
            self.folder.lock().unwrap_or_else(PoisonError::into_inner).take();
        } else {
            tracing::error!(
                "a change is still being recorded; the state folder stays locked until the process ends"
            );
        }
    }

    /// Stops a plugin without touching what is asked for.
    pub(super) async fn stop(self: &Arc<Self>, id: &PluginId, deadline: Option<Instant>) {
        let Ok(control) = self.registry().control(id) else {
            return;
        };
        let _one_at_a_time = control.lock().await;
        self.halt(id, deadline).await;
        self.record_quarantine(id).await;
    }

    /// Stops a plugin if it runs: no new requests, time for the running ones, cancellation, shutdown, end. The caller
    /// holds the plugin's lock.
    pub(super) async fn halt(self: &Arc<Self>, id: &PluginId, deadline: Option<Instant>) {
        let running = self.update(|registry| {
            let running = registry.slot_mut(id)?.running.take()?;
            registry.apply(id, Event::Closed);
            Some(running)
        });
        let Some(running) = running else { return };
        self.end(id, &running.instance, deadline).await;
        self.update(|registry| {
            if let Some(slot) = registry.slot_mut(id) {
                slot.turn_to_file();
            }
            registry.apply(id, Event::Stopped);
        });
        tracing::info!(plugin.id = %id, "plugin stopped");
    }

    async fn end(&self, id: &PluginId, instance: &Instance, deadline: Option<Instant>) {
        instance.close();
        let shutdown_timeout = self.settings.shutdown_timeout;
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        // Of one deadline for all, enough has to be left for an orderly end.
        let drain_timeout = deadline.map_or(self.settings.drain_timeout, |deadline| {
            let drain = left(deadline).saturating_sub(shutdown_timeout.saturating_add(GRACE * 2));
            drain.min(self.settings.drain_timeout)
        });
        if timeout(drain_timeout, instance.drained()).await.is_err() {
            tracing::warn!(plugin.id = %id, in_flight = instance.in_flight(), "cancelling requests that did not end");
            instance.cancel();
            if timeout(GRACE, instance.drained()).await.is_err() {
                // Whoever is still inside holds a thread of ours. The instance ends itself when they leave.
                tracing::error!(plugin.id = %id, plugin.code = "requests_hang", in_flight = instance.in_flight(), "requests hang in a stopped plugin");
                return;
            }
        }
        // Code that blocks, and work in the background that cannot be cancelled, go on by themselves.
        let limit = deadline.map_or(shutdown_timeout, |deadline| left(deadline).min(shutdown_timeout));
        if timeout(limit.saturating_mul(2), instance.end(limit))
            .await
            .is_err()
        {
            tracing::error!(plugin.id = %id, plugin.code = "does_not_end", "a stopped plugin does not end");
        }
    }
}

/// The moment after that time, or one that nobody lives to see.
pub(super) fn from_now(time: Duration) -> Instant {
    const DECADES: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
    Instant::now() + time.min(DECADES)
}

/// How long stopping all plugins may take, if the application does not say.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(20);
