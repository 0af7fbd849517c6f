//! Licence keys: recorded first, then told to the plugin.

use std::sync::Arc;

use super::Shared;
use super::registry::{Slot, Source};
use super::start::GRACE;
use super::stop::from_now;
use crate::error::ManagerError;
use crate::ffi::{LicenseHeard, Unheard};
use crate::license::{Key, variable};
use crate::lifecycle::Activity;
use crate::plugin::{LicenseSource, MaskedKey, PluginId, PluginLicense};
use crate::routing::Running;
use crate::state::Change;
use crate::threads::offload;

/// Who has to hear of another key.
enum News {
    /// The instance that runs.
    ForInstance(Arc<Running>),
    /// The next one: the plugin did not start, and may do so now.
    ForStart,
}

impl Shared {
    /// What may be told of a plugin's licence; `None` when there is no such plugin.
    pub(super) fn license(&self, id: &PluginId) -> Option<PluginLicense> {
        let license = Arc::clone(&self.registry().slot(id)?.license);
        let key = license.key().map(|key| MaskedKey {
            masked: key.masked(),
            source: key.source(),
        });
        Some(PluginLicense {
            key,
            asked_for: license.was_read(),
            instance_id: self.instance_id.to_string(),
            variable: variable(id),
        })
    }

    /// Replaces or removes the stored key, and returns when the plugin has come to terms with it.
    pub(super) async fn set_license(
        self: &Arc<Self>,
        id: &PluginId,
        text: Option<String>,
    ) -> Result<(), ManagerError> {
        let key = text
            .map(|text| Key::new(&text, LicenseSource::Stored))
            .transpose();
        let key = key.map_err(|error| ManagerError::InvalidLicense {
            reason: error.to_string(),
        })?;
        let control = self.registry().control(id)?;
        let _one_at_a_time = control.lock().await;
        self.record_license(id, key).await?;
        self.follow_license(id).await;
        Ok(())
    }

    async fn record_license(self: &Arc<Self>, id: &PluginId, key: Option<Key>) -> Result<(), ManagerError> {
        // What is recorded and what is known here change together, also as seen by a scan.
        let _wishes = self.wishes.lock().await;
        self.still_open()?;
        let is_fixed = self.registry().slot(id).map(Slot::has_fixed_key);
        if is_fixed.ok_or_else(|| ManagerError::UnknownPlugin { id: id.to_string() })? {
            return Err(ManagerError::LicenseFromEnvironment {
                variable: variable(id),
            });
        }
        let text = key.as_ref().map(|key| key.as_str().to_owned());
        self.store.save(id, Change::License(text)).await?;
        self.update(|registry| {
            if let Some(slot) = registry.slot_mut(id) {
                slot.is_named |= key.is_some();
                slot.take_stored_key(key);
                // Whoever gives the same one again wants it to be tried again: a clock may have been set.
                slot.is_license_new |= slot.waits_for_license();
            }
        });
        Ok(())
    }

    /// Lets a plugin know of another key: tells it, starts it anew, or starts it when it failed for want of a good one.
    /// The caller holds the plugin's lock.
    pub(super) async fn follow_license(self: &Arc<Self>, id: &PluginId) {
        let Some(news) = self.take_news(id) else { return };
        if let News::ForInstance(running) = news {
            let heard = self.tell_license(&running).await;
            drop(running);
            // Much may have happened meanwhile: it may be quarantined, or not wanted any more.
            let is_running = |slot: &Slot| slot.lifecycle.activity() == Activity::Running;
            if !self.registry().slot(id).is_some_and(is_running) {
                return;
            }
            match heard {
                Ok(()) => {
                    tracing::info!(plugin.id = %id, "a plugin goes on with another licence key");
                    return;
                }
                Err(unheard) => {
                    tracing::info!(plugin.id = %id, %unheard, "a plugin is started anew with another licence key");
                    self.halt(id, None).await;
                }
            }
            let is_due = self
                .registry()
                .slot(id)
                .is_some_and(|slot| slot.lifecycle.is_due());
            if !is_due {
                return;
            }
        } else {
            tracing::info!(plugin.id = %id, "starting a plugin that has another licence key now");
        }
        if self.still_open().is_ok() {
            // Logged and kept in the status by `start`.
            let _ = self.start(id).await;
        }
    }

    /// Takes the word that a plugin has another key, for whoever passes it on. `None` when nobody has to hear of it now.
    fn take_news(&self, id: &PluginId) -> Option<News> {
        let mut registry = self.registry();
        let slot = registry.slot_mut(id)?;
        if !slot.is_license_new || matches!(slot.source, Source::Missing) && slot.is_resting() {
            // Should its file come back, this is still news.
            return None;
        }
        slot.is_license_new = false;
        match slot.lifecycle.activity() {
            // One that has never asked does not care.
            Activity::Running if slot.license.was_read() => slot.running.clone().map(News::ForInstance),
            Activity::Resting if slot.waits_for_license() => Some(News::ForStart),
            _ => None,
        }
    }

    /// Tells a running plugin, on a thread of its own: what it does may block.
    async fn tell_license(&self, running: &Running) -> LicenseHeard {
        let limit = self.settings.init_timeout;
        let change = running.instance.license_change().ok_or(Unheard::NotOffered)?;
        let runtime = self.runtime.clone();
        let telling = offload("toru-license", move || {
            runtime.block_on(async move { tokio::time::timeout(limit, change.tell()).await })
        });
        let deadline = from_now(limit.saturating_add(GRACE));
        match tokio::time::timeout_at(deadline, telling).await {
            Ok(Ok(Ok(heard))) => heard,
            // It holds its thread, or there is none for it.
            _ => Err(Unheard::Late),
        }
    }
}
